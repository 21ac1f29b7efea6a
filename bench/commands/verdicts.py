"""What commands that end in a verdict share: what is judged by, the judging, and the printing."""

import dataclasses
import json
import math
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.options import Telling
from bench.commands.stored import Report, is_micro, read_report
from bench.commands.summary import append_summary
from bench.judge.gate import Standards, gate_metrics, judge_gate, judge_run
from bench.judge.in_turn import whole_pairs
from bench.judge.ledger import regressions_for, tolerated
from bench.judge.micro import judge_micro
from bench.judge.paired import judge_paired
from bench.judge.paired_metrics import Metric, metrics
from bench.judge.reports import paired_runs
from bench.judge.types import EXIT_CODES, FAILED_CODE, Verdict, overall
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.micro import read_micro
from bench.record.paired import PairedRun
from bench.report.again import again_text
from bench.report.judged import Judged
from bench.report.paired import sides_text, spread_text
from bench.report.text import SENTENCES, WIDTH, verdict_json, verdict_text
from bench.stats.outcome import Outcome

PAIRED_SENTENCES = {
    Outcome.PASS: "nothing that was compared is wrong, or slower or larger than its margin allows",
    Outcome.REGRESSION: "the candidate is wrong, or slower or larger than its margin allows",
    Outcome.CANNOT_JUDGE: "the measurements prove neither a pass nor a regression",
}
WORST_FIRST = (EXIT_CODES[Outcome.REGRESSION], FAILED_CODE, EXIT_CODES[Outcome.CANNOT_JUDGE], EXIT_CODES[Outcome.PASS])


def judged(report: Report, standards: Standards) -> Judged:
    """Returns a report with its verdict."""
    if isinstance(report, GateRun):
        verdict = judge_gate(report, standards)
    elif isinstance(report, PairedRun):
        verdict = _with_accepted(judge_paired(report, standards.margins, report.only), report, standards.ledger)
    else:
        verdict = judge_run(report, standards)
    return Judged(report, verdict, standards.baselines, standards.margins.window_start)


def _with_accepted(verdict: Verdict, run: PairedRun, ledger: Ledger) -> Verdict:
    """Returns the verdict with accepted regressions as PASS, unless the run's reference is none of the ledger's."""
    accepted = regressions_for(ledger, [run.reference.identity])
    comparisons = tuple(tolerated(verdict.comparisons, accepted, run.created))
    return dataclasses.replace(verdict, comparisons=comparisons, outcome=overall(comparisons))


def judge_any(name: str, standards: Standards) -> Verdict:
    """Returns the verdict on a folder's or file's report, one of micro included.

    Raises UsageError, FormatError, OSError.
    """
    if not is_micro(name):
        return judged(read_report(name), standards).verdict
    run, reference, candidate = read_micro(Path(name))
    return judge_micro(run, reference, candidate, math.log1p(standards.margins.micro), standards.ledger)


def judge_and_print(telling: Telling, reports: Sequence[Report], standards: Standards) -> int:
    """Judges, prints, and returns the worst exit code; JSON of more than one report is a list."""
    found = [judged(report, standards) for report in reports]
    if telling.json:
        print_json([verdict_json(each.verdict) for each in found])
    else:
        for number, (report, each) in enumerate(zip(reports, found, strict=True)):
            print("\n" if number else "", end="")
            _print_report(report, each.verdict, standards)
    if telling.summary:  # last: a file that can't be written must not hide the verdict
        append_summary(*found)
    return worst([each.verdict.exit_code for each in found])


def print_json(answers: Sequence[object]) -> None:
    """Prints the only answer, or a list of all."""
    print(json.dumps(answers[0] if len(answers) == 1 else answers, allow_nan=False))


def worst(codes: Sequence[int]) -> int:
    """Returns the exit code of several results: REGRESSION before a failed measurement, INCONCLUSIVE and PASS."""
    return min(codes, key=WORST_FIRST.index)


def _print_report(report: Report, verdict: Verdict, standards: Standards) -> None:
    runs = paired_runs(report)
    for run in runs[:1]:
        print(sides_text(run) + "\n")
    print_verdict(verdict, PAIRED_SENTENCES if isinstance(report, PairedRun) else SENTENCES)
    for run in runs:
        print("\n" + spread_text(run, _measured(report, run, standards)))
    print("\n" + again_text(report))


def _measured(report: Report, run: PairedRun, standards: Standards) -> list[Metric]:
    """Returns the metrics that a report's launches in turn were judged by."""
    pairs = whole_pairs(run)
    if isinstance(report, GateRun):
        return gate_metrics(pairs, run, standards)
    return metrics(pairs, standards.margins, only=run.only)


def print_verdict(verdict: Verdict, sentences: Mapping[Outcome, str] = SENTENCES) -> None:
    """Prints a verdict for people: as wide as the terminal, in colour if it is one and NO_COLOR isn't set."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(verdict_text(verdict, width, colour=colour, sentences=sentences))
