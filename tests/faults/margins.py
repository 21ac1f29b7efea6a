"""`python -m tests.faults.margins`: how near clean launches come to the oracle check's limits (docs/numerics.md).

Every interpreter, oneDNN on and off, one thread and two, tiny and notebook: nothing is wrong in any of them, so none may alarm.
"""

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from tabulate import tabulate

from bench.drive.launch import Launch, Plan, measure_launch
from bench.measure.numerics import FLOAT32_MULTIPLE, FLOOR
from bench.record.files import write_text
from bench.record.machine import this_machine
from bench.record.types import NumericError, Record

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "docs" / "numerics.md"
STEPS = {"tiny": 60, "notebook": 12}

HEAD = """# How near clean launches come to the oracle check's limits

Made by `tox run -e margins` ({machine}): {launches} launches without a fault over TensorFlow {versions};
oneDNN on and off, one thread and two; {plans}; {corpora} corpus; each with its
stress steps, each from initial weights jittered otherwise in the last bit.

**{alarms} of {launches} alarmed**; {bound}

A quantity's limit is {multiple:.0f} × the float32 oracle's own error on the same step + {floor:.0e}. For an update, what the
rounding of the new weights costs at most is added (once, or √n times for an embedding row that n tokens read: Keras 3 subtracts
them one by one). That rounding is nearly all of an update's error, and a uniform error has 1/√3 = 0.58 of its bound: nothing but a
fault can bring an update's ratio far above that. All other ratios must stay below 0.5.

The largest error / limit, and the largest error itself (normwise, relative; of training steps and stress steps apart, since the latter
include cancellations that float32 can't do better):
"""


@dataclasses.dataclass(frozen=True)
class Clean:
    """A launch without a fault, and the setting that it was in."""

    setting: str  # "oneDNN off, 1 thread"
    record: Record


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if no launch alarmed, 1 if one did, 4 if one failed."""
    options = _parser().parse_args(arguments)
    corpora = options.corpus or ["synthetic"]
    cleans: list[Clean] = []
    for python, config, corpus, onednn, threads in itertools.product(options.python, STEPS, corpora, (1, 0), (1, 2)):
        plan = Plan(config, STEPS[config], corpus, options.corpus_path if corpus == "ptb" else None, threads=threads, speed=False)
        launch = Launch(0, jitter=len(cleans) + 1, numerics=True)  # other numbers each time, else few launches would be apart
        record = measure_launch(plan, launch, python, {"TF_ENABLE_ONEDNN_OPTS": str(onednn)})
        if record.failure:
            print(f"margins: error: {config} in {python}: {record.failure.message}", file=sys.stderr)
            return 4
        cleans.append(Clean(f"oneDNN {'on' if onednn else 'off'}, {threads} thread{'s' * (threads > 1)}", record))
        worst = max(record.numerics, key=_ratio)
        print(_version(record), config, corpus, cleans[-1].setting, f"{_ratio(worst):.3f}", worst, sep=" | ", file=sys.stderr, flush=True)
    write_text(Path(options.output), report(cleans, corpora), replace=True)
    return 1 if alarms(cleans) else 0


def alarms(cleans: Iterable[Clean]) -> list[str]:
    """A line for each launch that was over a limit."""
    over = [(clean, error) for clean in cleans for error in clean.record.numerics if not error.error <= error.limit]
    return [f"{_version(clean.record)}, {clean.record.subject.config}, {clean.setting}: {error}" for clean, error in over]


def alarm_bound(launches: int) -> float:
    """The largest false-alarm rate that no alarm in that many launches leaves plausible: 95% one-sided, (1 − rate)ⁿ = 0.05."""
    return float(1 - 0.05 ** (1 / launches))


def report(cleans: Sequence[Clean], corpora: Sequence[str]) -> str:
    """The document: a row for each quantity, a column for each TensorFlow."""
    versions = list(dict.fromkeys(_version(clean.record) for clean in cleans))
    alarmed = {id(clean) for clean in cleans if alarms([clean])}
    head = HEAD.format(
        machine=this_machine().cpu_model,
        launches=len(cleans),
        versions=", ".join(versions),
        plans=" and ".join(f"{config} ({steps} steps)" for config, steps in STEPS.items()),
        corpora=" and ".join(corpora),
        alarms=len(alarmed),
        bound=f"0 of {len(cleans)} shows a rate of at most {100 * alarm_bound(len(cleans)):.1f}% (95%)." if not alarmed else "see the end.",
        multiple=FLOAT32_MULTIPLE,
        floor=FLOOR,
    )
    rows = [_row(kind, quantity, cleans, versions) for kind, quantity in _kinds(cleans)]
    table = tabulate(rows, ["steps", "quantity", *versions, "largest error", "its limit", "where"], "github", disable_numparse=True)
    return "\n".join([head, table, "", *(f"- over its limit: {line}" for line in alarms(cleans))]).rstrip() + "\n"


def _kinds(cleans: Iterable[Clean]) -> list[tuple[str, str]]:
    """(training or stress, quantity) in the order of their first."""
    return sorted(
        dict.fromkeys(_kind(error) for clean in cleans for error in clean.record.numerics), key=lambda kind: kind[0] != "training"
    )


def _kind(error: NumericError) -> tuple[str, str]:
    case, _, quantity = error.quantity.rpartition(": ")
    return ("stress" if case else "training"), quantity


def _row(kind: str, quantity: str, cleans: Sequence[Clean], versions: Sequence[str]) -> list[str]:
    mine = [(clean, error) for clean in cleans for error in clean.record.numerics if _kind(error) == (kind, quantity)]
    ratios = [max((_ratio(error) for clean, error in mine if _version(clean.record) == version), default=0.0) for version in versions]
    clean, worst = max(mine, key=lambda pair: _ratio(pair[1]))
    where = f"{clean.record.subject.config}, {clean.setting}: {worst.quantity} {worst.tensor}".strip()
    return [kind, quantity, *(f"{ratio:.2f}" for ratio in ratios), f"{worst.error:.1e}", f"{worst.limit:.1e}", where]


def _ratio(error: NumericError) -> float:
    return error.error / error.limit


def _version(record: Record) -> str:
    return record.environment.tensorflow if record.environment else "–"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.margins", description=__doc__)
    parser.add_argument("--python", action="append", required=True, metavar="INTERPRETER", help="may be repeated")
    parser.add_argument("--corpus", action="append", choices=("synthetic", "ptb"), help="may be repeated (default: synthetic)")
    parser.add_argument("--corpus-path", metavar="PATH", help="directory or archive of the PTB")
    parser.add_argument("--output", default=str(OUTPUT), metavar="FILE", help="default: docs/numerics.md")
    return parser


if __name__ == "__main__":
    sys.exit(main())
