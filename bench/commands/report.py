"""`tfgate report RUN…`: what runs measured and their verdicts, as a page for people and files for programs."""

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.messages import print_json
from bench.commands.options import Telling, add_output, add_shared, telling
from bench.commands.stored import baselines_option, judging, read_folder, read_profile, read_report
from bench.commands.summary import append_summary
from bench.commands.surveys import is_survey, judged_survey, survey_folder
from bench.commands.usage import UsageError
from bench.commands.verdicts import judged as judged_by
from bench.drive.profile import PROFILE_FILE
from bench.judge.gate import Standards
from bench.record.files import write_text
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.profile import Profile
from bench.report import registry
from bench.report.formats.json import render as report_json
from bench.report.formats.json import survey_json
from bench.report.judged import Judged

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
    telling: Telling


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("run", metavar="RUN", nargs="+", help="folders or files of runs, or one survey")
    parser.add_argument(
        "--format",
        action="append",
        choices=registry.names(),
        metavar="FORMAT",
        help=f"{', '.join(registry.names())}; may be repeated (default: html)",
    )
    add_output(parser, "the run's own; required for several runs")
    add_shared(parser, "replace", "baselines", "json", "summary")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError: a page of several runs is none of theirs."""
    if len(options.run) > 1 and not options.output:
        raise UsageError("a report of several runs needs a folder of its own: name it by --output")
    output = Path(options.output) if options.output else _home(options.run[0])
    formats = tuple(dict.fromkeys(options.format or ("html",)))
    return Request(options.run, formats, output, options.replace, telling(options))


def run(asked: Request) -> int:
    """Returns 0 once the files are written: a report tells a verdict, `tfgate check` answers with its exit code.

    Raises UsageError for a file that is there, unless it may be replaced, before any is written; FormatError, OSError.
    """
    paths = {name: asked.output / registry.file_name(name) for name in asked.formats}
    there = next((path for path in paths.values() if path.exists()), None)
    if there and not asked.replace:
        raise UsageError(f"{there} exists already: replace it by --replace, or choose another --output")
    standards = read_folder(asked.telling.baselines)
    if any(map(is_survey, asked.runs)):
        return _of_survey(asked, paths, standards)
    with judging(*asked.runs):
        options = baselines_option(asked.telling.baselines)
        judged = [dataclasses.replace(judge(name, standards), options=options) for name in asked.runs]
        texts = {path: registry.render(name, judged) for name, path in paths.items()}
    _write(asked, texts)
    if asked.telling.json:
        print(report_json(judged), end="")
    if asked.telling.summary:
        append_summary(*judged)
    return 0


def _of_survey(asked: Request, paths: Mapping[str, Path], standards: Standards) -> int:
    """Writes a survey's page; what a survey comes to is no verdict, and in no CI job's summary."""
    if len(asked.runs) > 1 or asked.telling.summary:
        raise UsageError("a survey has a page of its own: name it alone, and leave out --summary")
    found = judged_survey(survey_folder(asked.runs[0]), standards)
    with judging(*asked.runs):
        _write(asked, {path: registry.render_survey(name, found) for name, path in paths.items()})
    if asked.telling.json:
        print_json([survey_json(found)])
    return 0


def _write(asked: Request, texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        write_text(path, text, replace=asked.replace)
        print(f"written to {path}", file=sys.stderr)


def judge(name: str, standards: Standards) -> Judged:
    """Returns the report of a folder or file with its verdict. Raises UsageError, FormatError, OSError."""
    return dataclasses.replace(judged_by(read_report(name), standards), profiles=_profiles(_home(name)))


def _profiles(home: Path) -> tuple[Profile, Profile] | None:
    """Returns both sides' profiles, where `tfgate profile` has left them beside a run."""
    reference, candidate = (home / PROFILE / side / PROFILE_FILE for side in (REFERENCE, CANDIDATE))
    if not reference.is_file() or not candidate.is_file():
        return None
    return read_profile(reference), read_profile(candidate)


def _home(name: str) -> Path:
    path = Path(name)
    return path if path.is_dir() else path.parent
