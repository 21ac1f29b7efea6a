"""Surveys that are stored: read and judged again, one comparison at a time, and told."""

import functools
from pathlib import Path

from bench.commands.messages import print_json
from bench.commands.stored import judging, read_as
from bench.commands.verdicts import judged
from bench.drive.paired import PAIRED_FILE
from bench.judge.gate import Standards
from bench.judge.survey import Against, Chapter, LeftOutError, Surveyed, walk
from bench.record.codec import FormatError
from bench.record.files import read_record
from bench.record.paired import PairedRun
from bench.record.survey import SURVEY_FILE, Survey, require_sound
from bench.report.formats.json import survey_json
from bench.report.survey import survey_text


def survey_folder(name: str) -> Path | None:
    """Returns the folder of a survey, which may be named by its file; None of anything else."""
    path = Path(name)
    if path.name == SURVEY_FILE:
        return path.parent
    return path if (path / SURVEY_FILE).is_file() else None


def read_survey(path: Path) -> Survey:
    """Reads a survey's own file. Raises FormatError for anything else, OSError."""
    found = read_record(Survey, path)
    try:
        require_sound(found)
    except FormatError as error:
        raise FormatError(f"{path} can't be read as a survey: {error}") from error
    return found


def judged_survey(folder: Path, standards: Standards) -> Surveyed:
    """Returns everything that a survey has measured, with its verdicts. Raises UsageError, FormatError, OSError."""
    survey = read_survey(folder / SURVEY_FILE)
    chapters = (
        Chapter(plan, walk(survey, functools.partial(stored, folder, survey, plan, standards))) for plan in survey.plans
    )
    return Surveyed(survey, tuple(chapters))


def stored(
    folder: Path, survey: Survey, plan: str, standards: Standards, reference: str, candidate: str
) -> Against | None:
    """Returns a comparison of a survey with its verdict; None for one that isn't there.

    Raises LeftOutError for a candidate that can't be had, UsageError, FormatError, OSError.
    """
    path = folder / survey.plan_folder(reference, candidate, plan) / PAIRED_FILE
    if not path.is_file():
        if candidate in survey.left_out:
            raise LeftOutError(survey.left_out[candidate])
        return None
    run = read_as(str(path), (PairedRun,), "move it back, or delete it")
    if (run.reference.requested, run.candidate.requested) != (reference, candidate):
        raise FormatError(
            f"{path} doesn't compare {candidate} with {reference}, as its folder says: move it back, or delete it"
        )
    with judging(str(path)):
        return Against(run, judged(run, standards).verdict)


def tell_survey(found: Surveyed, *, json: bool) -> int:
    """Prints a survey, and returns its exit code."""
    if json:
        print_json([survey_json(found)])
    else:
        print(survey_text(found))
    return found.exit_code
