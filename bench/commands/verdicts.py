"""What commands that end in a verdict share: what is judged by, the judging, and the printing."""

import argparse
import json
import os
import shutil
import sys
from collections.abc import Mapping

from bench.commands.options import baselines_folder, read_baselines
from bench.commands.summary import append_summary
from bench.judge.gate import judge_run
from bench.judge.margins import Margins, read_margins
from bench.judge.paired import judge_paired
from bench.judge.types import Outcome, Verdict
from bench.record.paired import PairedRun
from bench.record.types import Baseline, Run
from bench.report.judged import Judged
from bench.report.paired import sides_text, spread_text
from bench.report.text import SENTENCES, WIDTH, verdict_json, verdict_text

PAIRED_SENTENCES = {
    Outcome.PASS: "nothing that was compared is wrong, or slower or larger than its margin allows",
    Outcome.REGRESSION: "the candidate is wrong, or slower or larger than its margin allows",
    Outcome.CANNOT_JUDGE: "the measurements prove neither a pass nor a regression",
}

Standards = tuple[Mapping[str, Baseline], Margins]


def read_standards(options: argparse.Namespace) -> Standards:
    """What runs are held against: the baselines and the margins. Raises UsageError, FormatError, MarginsError, OSError."""
    folder = baselines_folder(options)
    return read_baselines(folder), read_margins(folder / "margins.toml")


def judge_and_print(options: argparse.Namespace, run: Run, standards: Standards) -> int:
    """Judges, prints, and returns the verdict's exit code."""
    verdict = judge_run(run, *standards, strict=options.strict)
    if options.json:
        print(json.dumps(verdict_json(verdict), allow_nan=False))
    else:
        print_verdict(verdict)
    if options.summary:  # last: a file that can't be written must not hide the verdict
        append_summary(Judged(run, verdict, standards[0], standards[1].window_start))
    return verdict.exit_code


def judge_and_print_paired(options: argparse.Namespace, run: PairedRun, margins: Margins) -> int:
    """The same for a paired run."""
    verdict = judge_paired(run, margins)
    if options.json:
        print(json.dumps(verdict_json(verdict), allow_nan=False))
    else:
        print(sides_text(run) + "\n")
        print_verdict(verdict, PAIRED_SENTENCES)
        print("\n" + spread_text(run, margins))
    if options.summary:
        append_summary(Judged(run, verdict, window_start=margins.window_start))
    return verdict.exit_code


def print_verdict(verdict: Verdict, sentences: Mapping[Outcome, str] = SENTENCES) -> None:
    """Prints a verdict for people: as wide as the terminal, in colour if it is one and NO_COLOR isn't set."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(verdict_text(verdict, width, colour=colour, sentences=sentences))
