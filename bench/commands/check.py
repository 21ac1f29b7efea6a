"""`tfgate check RUN`: judges a run against the baselines."""

import argparse
import json

from bench.commands.options import baselines_folder, read_baselines, read_run
from bench.judge.gate import judge_run
from bench.judge.margins import read_margins
from bench.record.types import Run
from bench.report.text import verdict_json, verdict_text


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code."""
    return judge_and_print(options, read_run(options.run))


def judge_and_print(options: argparse.Namespace, run: Run) -> int:
    """Judges, prints, and returns the verdict's exit code."""
    folder = baselines_folder(options)
    verdict = judge_run(run, read_baselines(folder), read_margins(folder / "margins.toml"), strict=options.strict)
    print(json.dumps(verdict_json(verdict), allow_nan=False) if options.json else verdict_text(verdict))
    return verdict.exit_code
