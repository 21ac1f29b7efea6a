"""`tfgate machines REPORT…`: says how much results differ between machines, from reports of several."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from bench.commands.messages import print_json
from bench.commands.options import add_shared
from bench.commands.stored import baselines_folder, judging, read_as, read_folder
from bench.commands.surveys import judged_survey, survey_folder
from bench.commands.usage import UsageError
from bench.commands.verdicts import judged
from bench.judge.gate import Standards
from bench.judge.machines import across, machine_of
from bench.judge.survey import Against
from bench.record.paired import PairedRun
from bench.report.machines import failures, machines_json, machines_text

EXAMPLES = """\
tfgate machines reports/upgrade-epyc reports/upgrade-xeon
tfgate machines reports/survey-one reports/survey-two reports/survey-three --json"""


@dataclasses.dataclass(frozen=True)
class Request:
    """Reports of several machines, and the form of the answer."""

    reports: Sequence[str]
    baselines: Path
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "report", metavar="REPORT", nargs="+", help="folders or files of upgrades and surveys, of two machines or more"
    )
    add_shared(parser, "baselines", "json")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError."""
    return Request(options.report, baselines_folder(options.baselines), options.json)


def run(asked: Request) -> int:
    """Returns 0: how machines differ is no verdict.

    Raises UsageError for reports that share no comparison on two machines, or of which one is given twice, FormatError,
    MarginsError, OSError.
    """
    standards = read_folder(asked.baselines)
    pairs = [pair for name in asked.reports for pair in _read(name, standards)]
    machines = {machine for pair in pairs if (machine := machine_of(pair))}
    if len(machines) < 2:
        found = f"one machine, {next(iter(machines)).cpu_model}" if machines else "no machine"
        raise UsageError(f"the reports are of {found}: name those of two or more")
    runs = [pair.run for pair in pairs]
    if twice := next((pair for pair in pairs if runs.count(pair.run) > 1), None):
        what = f"{twice.candidate} against {twice.reference}, measured {twice.run.created},"
        raise UsageError(f"{what} is given twice: it counts once")
    with judging(*asked.reports):
        rows, failed = across(pairs), failures(pairs)
    if not rows and not failed:
        raise UsageError("no two machines have compared the same two environments: name reports that have")
    if asked.json:
        print_json([machines_json(pairs, rows)])
    else:
        print(machines_text(pairs, rows))
    return 0


def _read(name: str, standards: Standards) -> list[Against]:
    """Returns the comparisons of a survey, or the one of an upgrade. Raises UsageError, FormatError, OSError."""
    if folder := survey_folder(name):
        return judged_survey(folder, standards).compared
    report = read_as(name, (PairedRun,), "name reports of upgrade and survey")
    with judging(name):
        return [Against(report, judged(report, standards).verdict)]
