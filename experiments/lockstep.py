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
from bench.measure.referee import SCREEN, SIDES
from bench.record.files import write_text
from bench.record.lockstep import QUANTITIES, Lockstep
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import Environment
from bench.report.sentences import sentence
from bench.stats.outcome import Outcome
from experiments.markdown import table

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "lockstep.md"

HEAD = """# Lockstep: how far apart two correct TensorFlows come

`tfgate lockstep` compares two TensorFlows step by step. Both take the same training step from the reference's weights
and state, again and again:

```sh
tfgate lockstep --from 2.20.0 --to 2.21.0
```

It compares every tensor of every step: the new state, the loss, the gradients, their norm, the clipped gradients,
and the update w′ − w. A difference is normwise and relative, ‖candidate − reference‖ / ‖reference‖.

**The limit** of a tensor is {sides} × the limit of the oracle check ([numerics](numerics.md)), because each of two
correct implementations may be off by that. The oracle check's limit says how far one float32 implementation may be from
the float64 oracle on this very step. It is a multiple of the oracle's own error in float32, plus a floor, plus, for an
update, the rounding of the new weights. So the limit is never below {screen:.0e} (for an update, plus the rounding). A
smaller difference passes without the oracle. Where a difference is larger, the oracle takes that step too, and the
exact limit decides. At the first tensor over its limit the comparison ends, and says which side is nearer to the
oracle.

On a GPU both sides compute without TF32, whatever their TensorFlow's default is ([files](format.md#a-run)).

**Where nothing is wrong.** `python -m experiments.lockstep` made this table on {machine}, with {steps} steps each,
on the synthetic corpus. {alarms} of {count} comparisons alarmed. The upper rows have the largest difference over all
steps and tensors of a quantity. Below them stand the nearest that any tensor came to its limit (difference / limit),
the number of steps at which the oracle was asked, and the wall time as a multiple of the two sides' own steps (the aim
is at most 2.5).
"""

TAIL = """
An update's difference is nearly all rounding of the new weights, which its limit allows for. All other quantities stay
at a fraction of {screen:.0e}. For comparison: a learning rate that is off by 0.1% moves the update by 1e-3.

Lockstep can't see what a configuration's training never does. The gradients of `tiny` are never clipped (their norm
stays below 4, the clip norm is 5), so a wrong clip norm shows on `notebook` (at its fourth step) and not on `tiny`.
Dropout is used by `medium` and `large` only. The oracle check's stress steps cover both.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every comparison passed, else 1; the document is written either way."""
    options = _parser().parse_args(arguments)
    results = []
    for config in options.config or ["tiny", "notebook"]:
        for sides in pairs(options.pairs, options.onednn):
            result = run_lockstep(Plan(config, options.steps), sides)
            comparison = judge_lockstep(result)
            print(
                heading(result),
                comparison.outcome.value,
                sentence(comparison.reason, comparison),
                sep=" | ",
                file=sys.stderr,
                flush=True,
            )
            results.append(result)
    write_text(Path(options.output), report(results), replace=True)
    return 0 if all(judge_lockstep(result).outcome is Outcome.PASS for result in results) else 1


def pairs(interpreters: Iterable[str], onednn: str | None) -> list[dict[str, Side]]:
    """Returns the sides of pairs "reference,candidate", and of one interpreter with oneDNN on and off."""
    made = [[Side(python, python, {}) for python in pair.split(",")] for pair in interpreters]
    if onednn:
        made.append([Side(onednn, onednn, {"TF_ENABLE_ONEDNN_OPTS": value}) for value in ("1", "0")])
    return [dict(zip((REFERENCE, CANDIDATE), sides, strict=True)) for sides in made]


def report(results: Sequence[Lockstep]) -> str:
    """Returns the document."""
    alarms = sum(judge_lockstep(result).outcome is not Outcome.PASS for result in results)
    head = HEAD.format(
        sides=SIDES,
        screen=SCREEN,
        machine=f"{this_machine().cpu_model}, {this_machine().cores} cores",
        steps=results[0].subject.steps,
        alarms=alarms,
        count=len(results),
    )
    rows = [
        ["configuration", *(result.subject.config for result in results)],
        *([quantity, *(f"{largest(result, quantity):.1e}" for result in results)] for quantity in QUANTITIES),
        [
            "difference / limit",
            *(f"{one.difference / one.limit:.2f}" if (one := result.nearest) else "–" for result in results),
        ],
        ["oracle asked", *(str(result.oracle_steps) for result in results)],
        ["wall time", *(f"{result.overhead:.2f} ×" for result in results)],
    ]
    return "\n".join([head, table(rows, ["", *map(heading, results)]), TAIL.format(screen=SCREEN)])


def largest(result: Lockstep, quantity: str) -> float:
    """Returns the largest difference of a quantity, over steps and tensors; 0 without steps."""
    return max(
        (value for tensor in result.differences if tensor.quantity == quantity for value in tensor.by_step),
        default=0.0,
    )


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
    parser.add_argument("--config", action="append", metavar="NAME", help="default: tiny and notebook")
    parser.add_argument("--steps", type=int, default=300, metavar="N", help="default: %(default)s")
    parser.add_argument("--output", default=str(OUTPUT), metavar="FILE", help="default: docs/lockstep.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
