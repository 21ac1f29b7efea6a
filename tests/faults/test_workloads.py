"""Faults that training doesn't show are caught by the workload that they are of; without one nothing is."""

import dataclasses
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.drive.launch import Launch, measure_launch
from bench.drive.pair import PairPlan, measure_pair
from bench.drive.plan import Plan
from bench.judge.exact import judge_numerics, judge_retraces, unpromised
from bench.judge.margins import read_margins
from bench.judge.metrics import FITTED_LAUNCHES
from bench.judge.notices import Unpromised
from bench.judge.reasons import DepartAlike, DepartApart, Reason
from bench.judge.samples import compare, samples_of
from bench.judge.types import Comparison
from bench.record.paired import Pair, Side
from bench.record.types import FITTED_LOSS, STEP_TIME_GROWTH, Record
from bench.stats.outcome import Outcome
from lm.config import Blocks
from lm.workloads.registry import names, workload
from tests.builders.records import standards
from tests.faults.hook.injected.registry import FAULTS, NO_FAULT, OF_WORKLOADS
from tests.faults.hook.injected.workloads import INITIALIZER, LEAK, RETRACES, SLOWING, UNCOMPILED
from tests.faults.trial import ORACLE, PLAN, both_sides, catches, fault_variables, run_fault

BOTH = ["oldest_python", "newest_python"]
SHIPPED = read_margins(Path(__file__).resolve().parents[2] / "baselines" / "margins.toml")
SHORT = Blocks(quads=2, steps=6, dropped=1)

FEW = dataclasses.replace(SHORT, quads=4, steps=1, dropped=0)
# Keras 3 sums squares one by one by itself: there it alarms without the fault, too.
CAUGHT = sorted({*itertools.product(OF_WORKLOADS, BOTH)} - {("squared-one-by-one", "newest_python")})


def plan_of(name: str) -> Plan:
    found = workload(name)
    if not found.cases:
        return dataclasses.replace(PLAN, workload=name, variables=tuple(found.variables.items()))
    return Plan("tiny", 1, "", None, "", speed=False, workload=name, answers=True)


def fitted(pairs: Sequence[Pair]) -> Comparison:
    """Returns the comparison of the launches' fitted losses."""
    samples = samples_of(pairs, SHIPPED)
    return next(compare(sample) for sample in samples if sample.metric.name == FITTED_LOSS)


def test_each_workload_has_a_fault() -> None:
    assert {fault.workload for fault in OF_WORKLOADS.values()} == set(names()) - {"train"}
    assert not set(OF_WORKLOADS) & set(FAULTS)
    assert {fault.workload for fault in FAULTS.values()} == {"train"}


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "environment"), CAUGHT)
def test_every_fault_of_a_workload_is_caught(request: pytest.FixtureRequest, fault: str, environment: str) -> None:
    python = str(request.getfixturevalue(environment))
    found = catches(run_fault(fault, python, plan_of(OF_WORKLOADS[fault].workload)), standards())
    assert {catch.check for catch in found} == {ORACLE}
    if (fault, environment) == ("mask-ignored", "newest_python"):
        assert found[0].where == "step 0: answer ragged: state of lstm0/h"


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize(("name", "onednn"), [("train", True), ("train-without-onednn", False)])
def test_a_workload_s_variables_reach_its_processes(
    request: pytest.FixtureRequest, environment: str, name: str, onednn: bool
) -> None:
    """`train` doesn't show what is wrong without oneDNN."""
    plan = dataclasses.replace(plan_of(name), steps=2)
    trial = run_fault("without-onednn-plus-0.1-percent", str(request.getfixturevalue(environment)), plan)
    assert trial.record.environment
    assert trial.record.environment.onednn == onednn
    assert trial.record.environment.variables.get("TF_ENABLE_ONEDNN_OPTS") == (None if onednn else "0")
    assert bool(catches(trial, standards())) != onednn


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize("name", [name for name in names() if name != "train"])
@pytest.mark.parametrize("config", ["tiny", "notebook"])
def test_nothing_is_caught_where_nothing_is_wrong(
    request: pytest.FixtureRequest, environment: str, name: str, config: str
) -> None:
    if config not in workload(name).plans:
        pytest.skip(f"{name} has no {config}")
    plan = dataclasses.replace(plan_of(name), config=config)
    trial = run_fault(NO_FAULT.name, str(request.getfixturevalue(environment)), plan)
    assert trial.record.failure is None
    assert trial.record.numerics
    known = name == "optimizers-twice" and environment == "newest_python"  # Keras 3 does what the fault does
    assert bool(catches(trial, standards())) == known


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [(NO_FAULT.name, Outcome.PASS, DepartAlike), ("sparse-plus-0.1-percent", Outcome.REGRESSION, DepartApart)],
)
def test_a_departure_of_both_sides_passes_if_it_is_the_same(
    newest_python: Path, fault: str, outcome: Outcome, reason: type[Reason]
) -> None:
    """Keras 3 squares values of a row that is named twice one by one, on both sides."""

    def slots(record: Record) -> list[Record]:
        kept = [error for error in record.numerics if error.case == "adam" and error.quantity.startswith("slot v")]
        return [dataclasses.replace(record, numerics=tuple(kept))]

    plan, python = plan_of("optimizers-twice"), str(newest_python)
    reference, candidate = (run_fault(name, python, plan).record for name in (NO_FAULT.name, fault))
    found = judge_numerics("optimizers-twice", slots(candidate), slots(reference))
    assert (found.outcome, type(found.reason)) == (outcome, reason)


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize(("fault", "outcome"), [(NO_FAULT.name, Outcome.PASS), (INITIALIZER.name, Outcome.REGRESSION)])
def test_a_changed_default_shows_in_fitted_losses(
    request: pytest.FixtureRequest, environment: str, fault: str, outcome: Outcome
) -> None:
    python = str(request.getfixturevalue(environment))
    sides = both_sides(fault, python)
    plan = PairPlan.of(plan_of("fit"), dataclasses.replace(SHORT, quads=1, steps=3))
    pairs = [measure_pair(plan, seed, seed, seed, sides) for seed in range(FITTED_LAUNCHES)]
    assert fitted(pairs).outcome is outcome
    assert fitted(pairs[:-1]).outcome is Outcome.INCONCLUSIVE


@pytest.mark.slow
def test_files_are_the_reference_s(oldest_python: Path, newest_python: Path) -> None:
    """Keras 3 refuses what Keras 2 wrote but for the SavedModel, and promised no more."""
    reference, candidate = (Side(str(python), str(python), {}) for python in (oldest_python, newest_python))
    record = measure_launch(plan_of("save"), Launch(0, numerics=True), candidate, author=reference)
    assert record.failure is None
    given = {error.label.removeprefix("answer given "): error for error in record.numerics if "given" in error.case}
    assert set(given) == {"checkpoint: file", ".weights.h5: file", ".keras: file", "SavedModel: logits"}
    assert all("written by TensorFlow 2.12" in error.refused for name, error in given.items() if name.endswith("file"))
    assert given["SavedModel: logits"].limit < 1
    assert judge_numerics("save", [record]).outcome is Outcome.PASS
    (notice,) = unpromised([record])
    assert isinstance(notice, Unpromised)
    assert {case for case, _ in notice.refused} == {"given checkpoint", "given .weights.h5", "given .keras"}
    assert not notice.others


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
def test_a_graph_that_does_not_compile_is_an_outcome(request: pytest.FixtureRequest, environment: str) -> None:
    python = str(request.getfixturevalue(environment))
    side = Side(python, python, fault_variables(UNCOMPILED.name, python))
    record = measure_launch(plan_of("xla"), Launch(0, numerics=True), side)
    assert record.failure
    assert (record.failure.kind, record.subject.name) == ("does not compile", "xla-tiny-cpu0")
    assert "EagerPyFunc" in record.failure.message or "PyFunc" in record.failure.message


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
def test_models_that_are_kept_show_as_growth(request: pytest.FixtureRequest, environment: str) -> None:
    """In one launch; the judge decides at four, of which each must be as clear."""
    python = str(request.getfixturevalue(environment))
    sides = both_sides(LEAK.name, python)
    pair = measure_pair(PairPlan.of(plan_of("rebuild"), FEW), 0, 0, 0, sides)
    assert pair.reference.memory
    assert pair.candidate.memory
    margin = SHIPPED.of("memory growth", "tiny", "rebuild")
    assert margin
    assert abs(pair.reference.memory.slope_bytes_per_step) < margin
    assert pair.candidate.memory.slope_bytes_per_step > 5 * margin


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
def test_units_that_take_longer_and_longer_show_as_growth(request: pytest.FixtureRequest, environment: str) -> None:
    """In one launch, whose units take 0.1 s more each."""
    python = str(request.getfixturevalue(environment))
    sides = both_sides(SLOWING.name, python)
    pair = measure_pair(PairPlan.of(plan_of("rebuild"), FEW), 0, 0, 0, sides)
    (growth,) = (one for one in samples_of([pair], SHIPPED) if one.metric.name == STEP_TIME_GROWTH)
    assert growth.metric.gates
    assert growth.metric.margin
    (difference,) = growth.difference
    assert difference
    assert difference > 2 * growth.metric.margin


@pytest.mark.slow
@pytest.mark.parametrize("environment", BOTH)
@pytest.mark.parametrize(("fault", "outcome"), [(NO_FAULT.name, Outcome.PASS), (RETRACES.name, Outcome.REGRESSION)])
def test_retraces_are_compared_with_the_reference_s(
    request: pytest.FixtureRequest, environment: str, fault: str, outcome: Outcome
) -> None:
    python = str(request.getfixturevalue(environment))
    sides = both_sides(fault, python)
    pair = measure_pair(PairPlan.of(plan_of("predict-shapes"), SHORT), 0, 0, 0, sides)
    assert pair.reference.failure is pair.candidate.failure is None
    subject = pair.reference.subject
    assert subject.name == "predict-shapes-tiny-cpu0"
    found = judge_retraces(subject.name, [pair.candidate], [pair.reference])
    assert found.outcome is outcome
