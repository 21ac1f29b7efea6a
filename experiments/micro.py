"""Measures how often `tfgate micro` alarms where nothing changed: the table of docs/micro.md.

python -m experiments.micro --python INTERPRETER [--config tiny] [--tries 10]. What was measured stays in reports/micro,
so that the command can be stopped and started again.
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

from bench.stats.outcome import Outcome
from experiments.error_rates import Rate

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "reports" / "micro"
SHOWN = (Outcome.PASS, Outcome.REGRESSION, Outcome.INCONCLUSIVE)


def verdicts(python: str, config: str, tries: int) -> Iterator[dict[str, Any]]:
    """Yields the verdicts of one environment against itself, as `tfgate micro --json` prints them; measured unless they
    have been.
    """
    for number in range(tries):
        folder = RUNS / f"{config}-{number:02}"
        answer = folder / "verdict.json"
        if not answer.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a run that was interrupted
            command = [
                sys.executable,
                "-m",
                "bench",
                "micro",
                "--config",
                config,
                "--to",
                python,
                "--from",
                python,
            ]
            done = subprocess.run(
                [*command, "--output", str(folder), "--json"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
            )
            if not done.stdout:
                raise SystemExit(f"{' '.join(command)} ended with exit code {done.returncode}")
            answer.write_text(done.stdout, encoding="utf-8")
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        yield found


def row(config: str, found: Sequence[dict[str, Any]]) -> str:
    """Returns a line of the table."""
    whole = Counter(verdict["outcome"] for verdict in found)
    cases = Counter(one["outcome"] for verdict in found for one in verdict["comparisons"] if one["metric"]["gates"])
    counts = (" / ".join(str(outcomes[outcome.value]) for outcome in SHOWN) for outcomes in (whole, cases))
    bound = Rate(whole[Outcome.REGRESSION.value], len(found)).bound(upper=True)
    return f"| {config} | {len(found)} | {' | '.join(counts)} | alarms ≤ {bound:.0%} |"


def main(arguments: Sequence[str]) -> None:
    """Measures what is missing and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--python",
        required=True,
        metavar="INTERPRETER",
        help="an environment with TensorFlow, pytest and pytest-benchmark",
    )
    parser.add_argument("--config", default="tiny", metavar="NAME")
    parser.add_argument("--tries", type=int, default=10, metavar="N")
    options = parser.parse_args(arguments)
    print(
        "| configuration | tries | PASS / REGRESSION / INCONCLUSIVE | of the cases that gate | bound |\n|"
        + " --- |" * 5
    )
    print(row(options.config, list(verdicts(options.python, options.config, options.tries))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
