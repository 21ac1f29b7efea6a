"""Measures how far apart two correct TensorFlows come in lockstep: the basis of the limits (docs/lockstep.md).

python -m experiments.lockstep PYTHON,PYTHON… [--onednn PYTHON] [--steps N] [--config NAME] [--output FILE]
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.drive.lockstep import run_lockstep
from bench.drive.plan import Plan
from bench.judge.lockstep import judge_lockstep
from bench.machine import this_machine
from bench.record.lockstep import QUANTITIES, Lockstep
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import Environment
from bench.report.sentences import why
from bench.stats.outcome import Outcome
from experiments.markdown import fill, table
from lm.config import CONFIGS

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "lockstep.md"

PLACE = "python -m experiments.lockstep"
HEAD = """
**Where nothing is wrong.** `python -m experiments.lockstep` made this table on {machine}, with {steps} steps each,
on the synthetic corpus. {alarms} of {count} comparisons alarmed; {equal} are equal to the bit, and could not. The
upper rows have the largest difference over all steps and tensors of a quantity. Below them stand the nearest that
any tensor came to its limit (difference / limit), the number of steps at which the oracle was asked, and the wall
time as a multiple of the two sides' own steps (the aim is at most 2.5).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every comparison passed, else 1; the document is written either way."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not (options.pairs or options.onednn) or any(pair.count(",") != 1 for pair in options.pairs):
        parser.error("name pairs of interpreters, REFERENCE,CANDIDATE, or one interpreter by --onednn")
    results = []
    for config in options.config or ["tiny", "notebook"]:
        for sides in pairs(options.pairs, options.onednn):
            result = run_lockstep(Plan(config, options.steps), sides)
            comparison = judge_lockstep(result)
            print(
                heading(result),
                comparison.outcome.value,
                why(comparison),
                sep=" | ",
                file=sys.stderr,
                flush=True,
            )
            results.append(result)
    fill(Path(options.output), {PLACE: report(results)})
    return 0 if all(judge_lockstep(result).outcome is Outcome.PASS for result in results) else 1


def pairs(interpreters: Iterable[str], onednn: str | None) -> list[dict[str, Side]]:
    """Returns the sides of pairs "reference,candidate", and of one interpreter with oneDNN on and off."""
    made = [[Side(python, python, {}) for python in pair.split(",")] for pair in interpreters]
    if onednn:
        made.append([Side(onednn, onednn, {"TF_ENABLE_ONEDNN_OPTS": value}) for value in ("1", "0")])
    return [dict(zip((REFERENCE, CANDIDATE), sides, strict=True)) for sides in made]


def report(results: Sequence[Lockstep]) -> str:
    """Returns what was measured."""
    alarms = sum(judge_lockstep(result).outcome is not Outcome.PASS for result in results)
    head = HEAD.format(
        machine=f"{this_machine().cpu_model}, {this_machine().cores} cores",
        steps=results[0].subject.steps,
        alarms=alarms,
        count=len(results),
        equal=sum(not any(largest(result, quantity) for quantity in QUANTITIES) for result in results),
    )
    rows = [
        ["configuration", *(result.subject.config for result in results)],
        *([quantity, *(f"{largest(result, quantity):.1e}" for result in results)] for quantity in QUANTITIES),
        [
            "difference / limit",
            *(f"{one.difference / one.limit:.2f}" if (one := result.nearest) else "–" for result in results),
        ],
        ["oracle asked", *(str(result.oracle_steps) for result in results)],
        ["wall time", *(f"{overhead(result):.2f} ×" for result in results)],
    ]
    return "\n".join([head, table(rows, ["", *map(heading, results)])])


def largest(result: Lockstep, quantity: str) -> float:
    """Returns the largest difference of a quantity, over steps and tensors; 0 without steps."""
    return max(
        (value for tensor in result.differences if tensor.quantity == quantity for value in tensor.by_step),
        default=0.0,
    )


def overhead(result: Lockstep) -> float:
    """Returns the wall time as a multiple of the two sides' own steps; 0 without steps."""
    own = result.reference_seconds + result.candidate_seconds
    return result.wall_seconds / own if own else 0.0


def heading(result: Lockstep) -> str:
    """Names a pair: 2.12.1 → 2.21.0, or what else differs."""
    reference, candidate = result.reference, result.candidate
    if candidate is None or reference.tensorflow != candidate.tensorflow:
        return f"{reference.tensorflow} → {candidate.tensorflow if candidate else '?'}"
    return f"{reference.tensorflow}, oneDNN {_switch(reference)} → {_switch(candidate)}"


def _switch(environment: Environment) -> str:
    return "on" if environment.onednn else "off"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m experiments.lockstep", description=__doc__)
    parser.add_argument("pairs", nargs="*", metavar="PYTHON,PYTHON", help="interpreters of a reference and a candidate")
    parser.add_argument("--onednn", metavar="PYTHON", help="an interpreter to compare with itself, oneDNN on and off")
    parser.add_argument("--config", action="append", choices=tuple(CONFIGS), help="default: tiny and notebook")
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="default: %(default)s")
    parser.add_argument("--output", default=str(OUTPUT), metavar="FILE", help="default: docs/lockstep.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
