"""`tfgate report REPORT…`: writes stored reports with their verdicts as a page, or as files for other programs."""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commands.options import add_output, add_shared
from bench.commands.stored import baselines_folder, judging, read_folder, read_profile, read_report
from bench.commands.surveys import judged_survey, survey_folder
from bench.commands.usage import UsageError
from bench.commands.verdicts import judged
from bench.drive.profile import PROFILE_FILE
from bench.record.files import write_text
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.profile import Profile
from bench.report import registry

EXAMPLES = """\
tfgate report reports/gate
tfgate report reports/gate --format markdown --format junit --output comment
tfgate report reports/one reports/other --output reports/both"""
PROFILE = "profile"  # the folder beside a run that `tfgate profile --output RUN/profile` leaves


@dataclasses.dataclass(frozen=True)
class Request:
    """The runs of a report, its formats and its folder."""

    runs: Sequence[str]
    formats: Sequence[str]
    output: Path
    replace: bool
    baselines: Path  # the folder by which they are judged


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "run",
        metavar="REPORT",
        nargs="+",
        help="folders or files of reports, of micro too; or one survey",
    )
    parser.add_argument(
        "--format",
        action="append",
        choices=registry.names(),
        metavar="FORMAT",
        help=f"{', '.join(registry.names())}; may be repeated (default: html)",
    )
    add_output(parser, "the report's own; required for several")
    add_shared(parser, "replace", "baselines")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError: a page of several runs is none of theirs."""
    if len(options.run) > 1 and not options.output:
        raise UsageError("a page of several reports needs a folder of its own: name it by --output")
    output = Path(options.output) if options.output else _home(options.run[0])
    formats = tuple(dict.fromkeys(options.format or ("html",)))
    return Request(options.run, formats, output, options.replace, baselines_folder(options.baselines))


def run(asked: Request) -> int:
    """Returns 0 once the files are written: a report tells a verdict, `tfgate check` answers with its exit code.

    Raises UsageError for a file that is there, unless it may be replaced, before any is written; FormatError, OSError.
    """
    paths = {name: asked.output / registry.find(name).FILE for name in asked.formats}
    there = next((path for path in paths.values() if path.exists()), None)
    if there and not asked.replace:
        raise UsageError(f"{there} exists already: replace it by --replace, or choose another --output")
    standards = read_folder(asked.baselines)
    surveys = [folder for name in asked.runs if (folder := survey_folder(name))]
    if surveys and len(asked.runs) > 1:
        raise UsageError("a survey has a page of its own: name it alone")
    with judging(*asked.runs):
        if surveys:
            survey = judged_survey(surveys[0], standards)
            texts = {path: registry.render_survey(name, survey) for name, path in paths.items()}
        else:
            found = [
                dataclasses.replace(judged(read_report(name), standards), profiles=_profiles(_home(name)))
                for name in asked.runs
            ]
            texts = {path: registry.find(name).render(found) for name, path in paths.items()}
    for path, text in texts.items():
        write_text(path, text, replace=asked.replace)
        print(f"written to {path}", file=sys.stderr)
    return 0


def _profiles(home: Path) -> tuple[Profile, Profile] | None:
    """Returns both sides' profiles, where `tfgate profile` has left them beside a run."""
    reference, candidate = (home / PROFILE / side / PROFILE_FILE for side in (REFERENCE, CANDIDATE))
    if not reference.is_file() or not candidate.is_file():
        return None
    return read_profile(reference), read_profile(candidate)


def _home(name: str) -> Path:
    path = Path(name)
    return path if path.is_dir() else path.parent
