"""The outcomes of committed and made reports stay what they are while the code around the judge changes.

`TFGATE_OUTCOMES=write pytest tests/test_outcomes.py` writes tests/outcomes.json; its diff shows every outcome and
interval that moved.
"""

import dataclasses
import json
import os
from collections.abc import Iterator
from pathlib import Path

from bench.commands.stored import read_folder
from bench.judge.gate import Standards, judge_gate, judge_run
from bench.judge.margins import RATIOS
from bench.judge.paired import judge_paired
from bench.judge.types import Comparison, Verdict
from bench.record.files import read_record
from bench.record.paired import PairedRun
from tests.builders.paired import gate_run, pair
from tests.builders.records import BEYOND, baseline, record, records, run

ROOT = Path(__file__).resolve().parents[1]
STORE = Path(__file__).with_name("outcomes.json")
PUBLISHED = sorted((ROOT / "reports" / "published").glob("*/paired.json"))
SCALES = (0.1, 0.3, 1.0, 3.0)  # of the committed margins, so that all three outcomes come up
EFFECTS = (0.0, 0.04, 0.2)  # of a made gate's step, as log ratios


def test_outcomes_and_intervals_are_those_that_are_stored() -> None:
    found = dict(sorted(_verdicts()))
    if os.environ.get("TFGATE_OUTCOMES") == "write":
        STORE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    stored = json.loads(STORE.read_text(encoding="utf-8"))
    assert found.keys() == stored.keys()
    for name in found:
        assert found[name] == stored[name], name


def test_all_outcomes_are_among_them() -> None:
    outcomes = {
        line.split("|")[2] for lines in json.loads(STORE.read_text(encoding="utf-8")).values() for line in lines
    }
    assert outcomes == {"PASS", "REGRESSION", "INCONCLUSIVE", "not gated"}


def _verdicts() -> Iterator[tuple[str, list[str]]]:
    """(name, its verdict) of every published upgrade by margins of several sizes, and of gates made of numbers."""
    standards = read_folder(ROOT / "baselines")
    for path in PUBLISHED:
        report = read_record(PairedRun, path)
        for scale in SCALES:
            yield f"{path.parent.name} × {scale}", _lines(_upgrade(report, _scaled(standards, scale)))
        named = dataclasses.replace(report, only=("step time", "import"))
        yield f"{path.parent.name}, two metrics", _lines(_upgrade(named, standards))
    own = dataclasses.replace(standards, baselines={baseline().subject.name: baseline()})
    for launches in (3, 4, 6, 12):
        for effect in EFFECTS:
            gate = gate_run(
                [pair(launch, step=effect, memory=effect / 2, growth=1e6 * effect) for launch in range(launches)]
            )
            yield f"made gate, {launches} launches, step {effect:+}", _lines(judge_gate(gate, own))
    for name, numbers in (
        ("wrong gradient", run([record(numerics=[BEYOND]), *records()[1:]])),
        ("other perplexity", run(records([5.1, 5.102, 5.099, 5.101]))),
        ("perplexity between", run(records([5.008, 5.011, 5.007, 5.010]))),
    ):
        yield f"made gate, {name}", _lines(judge_gate(gate_run(numbers=numbers), own))
        yield f"made run, {name}", _lines(judge_run(numbers, own))


def _scaled(standards: Standards, scale: float) -> Standards:
    margins = standards.margins

    def scaled(metric: str, value: float) -> float:
        return min(scale * value, 0.99) if metric in RATIOS else scale * value

    gating = {
        metric: {config: scaled(metric, one) for config, one in value.items()}
        if isinstance(value, dict)
        else scaled(metric, value)
        for metric, value in margins.gating.items()
    }
    return dataclasses.replace(standards, margins=dataclasses.replace(margins, gating=gating))


def _upgrade(report: PairedRun, standards: Standards) -> Verdict:
    return judge_paired(report, standards.margins, standards.ledger)


def _lines(verdict: Verdict) -> list[str]:
    """Returns the verdict, then a line for each comparison: subject, metric, outcome, interval, margin, detectable
    effect.
    """
    whole = f"|verdict|{verdict.outcome.value}|exit code {verdict.exit_code}"
    return [whole, *(_line(comparison) for comparison in verdict.comparisons)]


def _line(comparison: Comparison) -> str:
    found, metric = comparison.interval, comparison.metric
    bounds = [found.estimate, found.low, found.high, found.pass_low, found.pass_high] if found else []
    detectable = comparison.precision.detectable if comparison.precision else None
    numbers = [*bounds, *(value for value in (metric.margin, detectable) if value is not None)]
    words = " ".join(f"{number:.6g}" for number in numbers)
    return "|".join([comparison.subject, metric.name, comparison.outcome.value, words])
