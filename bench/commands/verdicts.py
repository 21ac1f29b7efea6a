"""The judging and printing that commands which end in a verdict share."""

import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.messages import print_error, print_json
from bench.commands.options import Telling
from bench.commands.stored import baselines_option
from bench.judge.gate import Standards, judge_gate, judge_run
from bench.judge.micro import judge_micro
from bench.judge.paired import judge_paired
from bench.judge.reports import paired_runs
from bench.judge.types import Verdict
from bench.record.gate import GateRun
from bench.record.micro import Micro
from bench.record.paired import PairedRun
from bench.report.brief import brief_text
from bench.report.formats import markdown
from bench.report.formats.json import verdict_json
from bench.report.headlines import UNNAMED, Names
from bench.report.judged import AnyReport, Judged, names, worst
from bench.report.next_steps import Step, next_steps
from bench.report.paired import sides_text
from bench.report.text import WIDTH, verdict_text

SUMMARY = "GITHUB_STEP_SUMMARY"  # names the file that a CI job shows as its summary


def judged(report: AnyReport, standards: Standards) -> Judged:
    """Returns a report with its verdict. Raises UnlikeError for sides of micro that have nothing in common."""
    if isinstance(report, GateRun):
        verdict = judge_gate(report, standards)
    elif isinstance(report, PairedRun):
        verdict = judge_paired(report, standards.margins, standards.ledger)
    elif isinstance(report, Micro):
        verdict = judge_micro(report, math.log1p(standards.margins.micro), standards.ledger)
    else:
        verdict = judge_run(report, standards)
    return Judged(report, verdict, standards.baselines, standards.margins.window_start)


def judge_and_print(telling: Telling, reports: Mapping[str, AnyReport], standards: Standards) -> int:
    """Judges reports, by where they are kept; prints, and returns the worst exit code. JSON of several is a list.

    Raises UnlikeError.
    """
    options = baselines_option(telling.baselines)
    found = [judged(report, standards) for report in reports.values()]
    if telling.json:
        print_json([verdict_json(each.verdict) for each in found])
    else:
        for number, (place, each) in enumerate(zip(reports, found, strict=True)):
            print("\n" if number else "", end="")
            _print_report(each, (place, *options), verbose=telling.verbose or isinstance(each.run, Micro))
    if telling.summary:
        _append_summary(found)
    return worst(each.verdict for each in found).exit_code


def _append_summary(found: Sequence[Judged]) -> None:
    """Appends the verdicts as Markdown to the CI job's summary; warns where there is none, or it can't be written: the
    verdict stands.
    """
    name = os.environ.get(SUMMARY)
    if not name:
        print_error(f"no summary is written: {SUMMARY}, by which a CI service names the file, isn't set")
        return
    try:
        with Path(name).open("a", encoding="utf-8") as file:  # other steps of the job write to it, too
            file.write(markdown.render(found))
    except OSError as error:
        print_error(f"no summary is written: {name}: {error.strerror}")


def tell(verdict: Verdict, names: Names = UNNAMED, *, as_json: bool) -> int:
    """Prints a verdict in full, or as JSON, and returns its exit code."""
    if as_json:
        print_json([verdict_json(verdict)])
    else:
        print_verdict(verdict, names)
    return verdict.exit_code


def _print_report(found: Judged, check: Sequence[str], *, verbose: bool) -> None:
    """Prints a verdict, in full or on one screen that names `check`, the report and further options."""
    called, steps = names(found), next_steps(found, check[0])
    if not verbose:
        width, colour = terminal()
        print(brief_text(found.verdict, width, colour=colour, names=called, steps=steps, check=check))
        return
    for run in paired_runs(found.run)[:1]:
        print(sides_text(run, terminal()[0]) + "\n")
    print_verdict(found.verdict, called, steps)


def print_verdict(verdict: Verdict, names: Names = UNNAMED, steps: Sequence[Step] = ()) -> None:
    """Prints a verdict for people, in full: as wide as the terminal, in colour if it is one and NO_COLOR isn't set."""
    width, colour = terminal()
    print(verdict_text(verdict, width, colour=colour, names=names, steps=steps))


def terminal() -> tuple[int, bool]:
    """Returns the columns of standard output, and whether it shows colours."""
    if not sys.stdout.isatty():
        return WIDTH, False
    return shutil.get_terminal_size((WIDTH, 24)).columns, not os.environ.get("NO_COLOR")
