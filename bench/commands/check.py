"""`tfgate check REPORT`: judges a stored report again, by what baselines, margins and ledger say now."""

import argparse
import dataclasses

from bench.commands.options import Telling, add_shared, telling
from bench.commands.stored import judging, read_folder, read_report
from bench.commands.surveys import judged_survey, survey_folder, tell_survey
from bench.commands.usage import UsageError
from bench.commands.verdicts import judge_and_print

EXAMPLES = """\
tfgate check reports/gate --verbose
tfgate check reports/gate --baselines mine --json"""


@dataclasses.dataclass(frozen=True)
class Request:
    """A report, and how its verdict is told."""

    report: str
    telling: Telling


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "report", metavar="REPORT", help="the folder or file of a gate, an upgrade, a run, micro or a survey"
    )
    add_shared(parser, "baselines", "json", "summary", "verbose")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError."""
    return Request(options.report, telling(options))


def run(asked: Request) -> int:
    """Returns the verdict's exit code; of a survey 0 where it is complete.

    Raises UsageError for a form that the report doesn't have, FormatError, MarginsError, OSError.
    """
    standards = read_folder(asked.telling.baselines)
    if folder := survey_folder(asked.report):
        if asked.telling.summary or asked.telling.verbose:
            raise UsageError("a survey has a page of its own, by `tfgate report`: leave out --summary and --verbose")
        return tell_survey(judged_survey(folder, standards), json=asked.telling.json)
    report = read_report(asked.report)
    with judging(asked.report):
        return judge_and_print(asked.telling, {asked.report: report}, standards)
