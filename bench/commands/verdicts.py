"""What commands that end in a verdict share: what is judged by, the judging, and the printing."""

import argparse
import dataclasses
import json
import math
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.commands.stored import Report, baselines_folder, is_micro, read_folder, read_report
from bench.commands.summary import append_summary
from bench.judge.gate import Standards, gate_metrics, judge_gate, judge_run
from bench.judge.in_turn import whole_pairs
from bench.judge.ledger import regressions_for, tolerated
from bench.judge.micro import judge_micro
from bench.judge.paired import judge_paired
from bench.judge.paired_metrics import Metric, metrics
from bench.judge.reports import paired_runs
from bench.judge.types import Verdict, overall
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


def read_standards(options: argparse.Namespace) -> Standards:
    """What reports are judged by. Raises UsageError, FormatError, MarginsError, OSError."""
    return read_folder(baselines_folder(options))


def judged(report: Report, standards: Standards) -> Judged:
    """A report with its verdict."""
    if isinstance(report, GateRun):
        verdict = judge_gate(report, standards)
    elif isinstance(report, PairedRun):
        verdict = _with_accepted(judge_paired(report, standards.margins, report.only), report, standards.ledger)
    else:
        verdict = judge_run(report, standards)
    return Judged(report, verdict, standards.baselines, standards.margins.window_start)


def _with_accepted(verdict: Verdict, run: PairedRun, ledger: Ledger) -> Verdict:
    """The verdict with the ledger's accepted regressions as PASS, unless the run's reference is none of the ledger's."""
    accepted = regressions_for(ledger, [run.reference.identity])
    comparisons = tuple(tolerated(verdict.comparisons, accepted, run.created))
    return dataclasses.replace(verdict, comparisons=comparisons, outcome=overall(comparisons))


def judge_any(name: str, standards: Standards) -> Verdict:
    """The verdict on the report of a folder or file, one of micro included. Raises UsageError, FormatError, OSError."""
    if not is_micro(name):
        return judged(read_report(name), standards).verdict
    run, reference, candidate = read_micro(Path(name))
    return judge_micro(run, reference, candidate, math.log1p(standards.margins.micro), standards.ledger)


def judge_and_print(options: argparse.Namespace, report: Report, standards: Standards) -> int:
    """Judges, prints, and returns the verdict's exit code."""
    found = judged(report, standards)
    if options.json:
        print(json.dumps(verdict_json(found.verdict), allow_nan=False))
    else:
        runs = paired_runs(report)
        for run in runs[:1]:
            print(sides_text(run) + "\n")
        print_verdict(found.verdict, PAIRED_SENTENCES if isinstance(report, PairedRun) else SENTENCES)
        for run in runs:
            print("\n" + spread_text(run, _measured(report, run, standards)))
        print("\n" + again_text(report))
    if options.summary:  # last: a file that can't be written must not hide the verdict
        append_summary(found)
    return found.verdict.exit_code


def _measured(report: Report, run: PairedRun, standards: Standards) -> list[Metric]:
    """The metrics that a report's launches in turn were judged by."""
    pairs = whole_pairs(run)
    if isinstance(report, GateRun):
        return gate_metrics(pairs, run, standards)
    return metrics(pairs, standards.margins, only=run.only)


def print_verdict(verdict: Verdict, sentences: Mapping[Outcome, str] = SENTENCES) -> None:
    """Prints a verdict for people: as wide as the terminal, in colour if it is one and NO_COLOR isn't set."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(verdict_text(verdict, width, colour=colour, sentences=sentences))
