"""How often `tfgate micro` alarms where nothing changed: one environment against itself. Prints the table of docs/micro.md.

python -m tests.figures.micro --python INTERPRETER [--config tiny] [--tries 10]: tries of two kinds, in turn (both sides are that
interpreter) and as sessions (each from the third on is held against all before it). What was measured stays in reports/micro, so that the
command can be stopped and started again.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.judge.sequential import LOOKS
from bench.judge.speed import LEAST_SESSIONS
from bench.judge.types import Outcome
from tests.figures.error_rates import Rate

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "reports" / "micro"
CASES = ("--implementation", "cells", "--mode", "graph")  # what gates
SHOWN = (Outcome.PASS, Outcome.REGRESSION, Outcome.CANNOT_JUDGE)


def in_turn(python: str, config: str, tries: int) -> Iterator[dict[str, Any]]:
    """Verdicts of one environment against itself, as `tfgate micro --json` prints them."""
    for number in range(tries):
        sides = ("--python", python, "--python", python, "--launches", str(LOOKS[-1]))
        yield _verdict(config, f"in-turn-{number:02}", *sides)


def sessions(python: str, config: str, tries: int) -> Iterator[dict[str, Any]]:
    """Verdicts of sessions, each held against all before it."""
    earlier: list[str] = []
    for number in range(tries + LEAST_SESSIONS):
        name = f"session-{number:02}"
        verdict = _verdict(config, name, "--python", python, *(part for folder in earlier for part in ("--against", folder)))
        earlier.append(str(RUNS / f"{config}-{name}"))
        if number >= LEAST_SESSIONS:
            yield verdict


def _verdict(config: str, name: str, *options: str) -> dict[str, Any]:
    """Of a run that is measured unless it has been."""
    folder = RUNS / f"{config}-{name}"
    answer = folder / "verdict.json"
    if not answer.exists():
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
        command = [sys.executable, "-m", "bench", "micro", "--config", config, *CASES, "--output", str(folder), "--json", *options]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if not done.stdout:
            raise SystemExit(f"{' '.join(command)} ended with exit code {done.returncode}")
        answer.write_text(done.stdout, encoding="utf-8")
    found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def row(kind: str, config: str, verdicts: Sequence[dict[str, Any]]) -> str:
    """A line of the table."""
    whole = Counter(verdict["outcome"] for verdict in verdicts)
    cases = Counter(one["outcome"] for verdict in verdicts for one in verdict["comparisons"] if one["gates"])
    counts = (" / ".join(str(found[outcome.value]) for outcome in SHOWN) for found in (whole, cases))
    bound = Rate(whole[Outcome.REGRESSION.value], len(verdicts)).bound(upper=True)
    return f"| {kind} | {config} | {len(verdicts)} | {' | '.join(counts)} | alarms ≤ {bound:.0%} |"


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--python", required=True, metavar="INTERPRETER", help="an environment with TensorFlow, pytest and pytest-benchmark"
    )
    parser.add_argument("--config", default="tiny", metavar="NAME")
    parser.add_argument("--tries", type=int, default=10, metavar="N")
    options = parser.parse_args(arguments)
    print("| against | configuration | tries | PASS / REGRESSION / CANNOT JUDGE | of the cases that gate | bound |\n|" + " --- |" * 6)
    for kind, verdicts in (("itself, in turn", in_turn), ("earlier sessions", sessions)):
        print(row(kind, options.config, list(verdicts(options.python, options.config, options.tries))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
