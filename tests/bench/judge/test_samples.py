"""From launches to a comparison: which launches, which margin, what the values prove, and when they are enough."""

import dataclasses
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.drive.measured import memory_growth
from bench.judge.metrics import MEMORY_GROWTH, ONE_CORE_STEP_TIME, STEP_TIME, in_turn
from bench.judge.reasons import (
    Decided,
    Identical,
    LaunchesLackIt,
    NoMargin,
    NoSpread,
    NotANumber,
    NotGated,
    Reason,
    TooFewLaunches,
)
from bench.judge.samples import compare, is_settled, samples_of, whole_pairs
from bench.judge.types import Comparison, Direction, Metric
from bench.record.paired import ALL_CORES, ONE_CORE
from bench.record.types import Failure, Memory
from bench.stats.outcome import Outcome
from tests.builders.launches import GATING, PAIRED, interval_of, launches, of_kinds, on_both, on_candidate
from tests.builders.paired import pair, paired_run
from tests.builders.records import SUBJECT
from tests.builders.samples import BYTES, EITHER_WAY, MARGIN, SECONDS, SHOWN, around, sample

BARE = dataclasses.replace(SHOWN, margin=None)


class TestSamplesOf:
    def test_launches_that_failed_are_left_out(self) -> None:
        run = paired_run([*launches(2), pair(2, failure=Failure("crashed", "killed")), pair(2)])
        assert [one.launch for one in whole_pairs(run)] == [0, 1, 2]
        assert all(one.candidate.failure is None for one in whole_pairs(run))

    def test_no_launches_have_no_metrics(self) -> None:
        assert samples_of([], PAIRED) == []

    def test_metrics_with_a_margin_gate_and_come_first(self) -> None:
        found = samples_of(launches(), PAIRED)
        assert [one.metric.name for one in found if one.metric.gates] == GATING
        assert [one.metric.name for one in found][: len(GATING)] == GATING
        margins = {one.metric.name: one.metric.margin for one in found}
        assert (margins["step time"], margins["perplexity"]) == pytest.approx((math.log(1.05), math.log(1.01)))
        assert (margins["memory growth"], margins["import"]) == (102_400, None)  # bytes a step of notebook

    @pytest.mark.parametrize(
        ("only", "margins"),
        [
            (("step time",), {"step time": 0.05}),
            (("cpu time", "peak memory"), {"cpu time": 0.10, "peak memory": 0.10}),  # cpu time has none of its own
        ],
    )
    def test_named_metrics_alone_gate(self, only: tuple[str, ...], margins: dict[str, float]) -> None:
        found = {one.metric.name: one.metric.margin for one in samples_of(launches(), PAIRED, only) if one.metric.gates}
        assert {name: math.expm1(margin or 0.0) for name, margin in found.items()} == pytest.approx(margins)

    def test_memory_growth_has_no_default_margin(self) -> None:
        """So that it can't be judged where it is asked for: nothing says how many bytes matter."""
        margins = dataclasses.replace(PAIRED, gating={})
        (growth,) = (one for one in samples_of(launches(), margins, ["memory growth"]) if one.metric.gates)
        assert (growth.metric.name, growth.metric.margin) == ("memory growth", None)
        assert compare(growth).outcome is Outcome.INCONCLUSIVE

    def test_differences_are_measured_from_the_accepted_ratio(self) -> None:
        accepted = {"step time": math.log1p(0.08), "memory growth": 0.5, "import": math.log(1.3)}
        found = {one.metric.name: one for one in samples_of(launches(1, step=0.1), PAIRED, accepted=accepted)}
        assert found["step time"].difference == pytest.approx([0.104 - math.log1p(0.08)])
        assert found["step time"].candidate == pytest.approx([math.log(0.1) + 0.104])  # as measured
        assert (found["step time"].accepted, found["mean step"].accepted) == (math.log1p(0.08), 0.0)
        assert found["memory growth"].accepted == 0.0  # no ratio
        assert (found["import"].accepted, found["import"].difference) == (0.0, (0.0,))  # no margin: it is only shown

    def test_what_a_cpu_does_not_have_is_left_out(self) -> None:
        held = Memory(2**30, 0.0, peak_gpu_bytes=2**20)
        both = [on_both(one, memory=held) for one in launches()]
        one_side = [on_candidate(one, memory=held) for one in launches()]
        for pairs, told in ((both, True), (one_side, False), (launches(), False)):
            assert ("GPU memory" in {one.metric.name for one in samples_of(pairs, PAIRED)}) is told

    def test_a_gpu_s_memory_is_told_of_every_workload(self) -> None:
        """A workload need not name it."""
        subject = dataclasses.replace(SUBJECT, workload="masked", metrics=("step time",))
        pairs = [on_both(one, memory=Memory(2**30, 0.0, peak_gpu_bytes=2**20), subject=subject) for one in launches()]
        assert [one.metric.name for one in samples_of(pairs, PAIRED)] == ["step time", "GPU memory"]


class TestKindsOfLaunches:
    """Launches on all cores and on one core of one run, in turn."""

    def test_each_metric_is_told_by_launches_of_its_kind(self) -> None:
        run = of_kinds([ALL_CORES, ONE_CORE, ONE_CORE])
        found = {one.metric.name: one for one in samples_of(whole_pairs(run), PAIRED)}
        assert found[ONE_CORE_STEP_TIME].difference == pytest.approx([-0.006, 0.001])  # the noise of launches 2 and 3
        assert found[STEP_TIME].difference == pytest.approx([0.004])
        assert {name for name, one in found.items() if one.cores == ONE_CORE} == {ONE_CORE_STEP_TIME}

    def test_a_kind_without_launches_has_no_metric_unless_it_is_named(self) -> None:
        pairs = whole_pairs(of_kinds([ALL_CORES]))
        assert ONE_CORE_STEP_TIME not in {one.metric.name for one in samples_of(pairs, PAIRED)}
        (named,) = (one for one in samples_of(pairs, PAIRED, [ONE_CORE_STEP_TIME]) if one.metric.gates)
        assert compare(named).outcome is Outcome.INCONCLUSIVE


class TestCompare:
    @pytest.mark.parametrize(
        ("shift", "outcome", "improved"),
        [
            (0.0, Outcome.PASS, False),
            (0.043, Outcome.PASS, False),  # 0.58% within the margin
            (0.046, Outcome.INCONCLUSIVE, False),
            (0.054, Outcome.INCONCLUSIVE, False),
            (0.056, Outcome.REGRESSION, False),  # 0.72% beyond it
            (-0.054, Outcome.PASS, False),
            (-0.056, Outcome.PASS, True),
        ],
    )
    def test_outcomes(self, shift: float, outcome: Outcome, improved: bool) -> None:
        found = compare(sample(around(shift)))
        assert (found.outcome, found.improved, found.reason) == (outcome, improved, Decided(4))
        assert interval_of(found).estimate == pytest.approx(shift)
        assert (found.candidate, found.reference) == pytest.approx((math.exp(shift), 1.0))
        assert found.precision is not None
        assert found.precision.detectable > MARGIN
        assert (found.precision.launches, found.precision.planned) == (4, 12)

    @pytest.mark.parametrize(
        ("shift", "outcome"),
        [(0.0, Outcome.PASS), (0.056, Outcome.REGRESSION), (-0.056, Outcome.REGRESSION), (-0.05, Outcome.INCONCLUSIVE)],
    )
    def test_a_difference_either_way_is_another_computation(self, shift: float, outcome: Outcome) -> None:
        found = compare(sample(around(shift), EITHER_WAY))
        assert (found.outcome, found.improved) == (outcome, False)

    @pytest.mark.parametrize(
        ("slower", "accepted", "outcome"),
        [
            (0.08, 0.0, Outcome.REGRESSION),
            (0.08, 0.08, Outcome.PASS),
            (0.08, 0.01, Outcome.REGRESSION),
            (0.0, -0.08, Outcome.REGRESSION),  # the one accepted last was faster than the reference
        ],
    )
    def test_what_gates_is_the_ratio_from_the_accepted_one(
        self, slower: float, accepted: float, outcome: Outcome
    ) -> None:
        shift, ratio = math.log1p(slower), math.log1p(accepted)
        found = compare(sample(around(shift - ratio), accepted=ratio))
        assert (found.outcome, found.reason) == (outcome, Decided(4, ratio))
        assert interval_of(found).estimate == pytest.approx(shift - ratio)
        assert found.candidate == pytest.approx(1 + slower)

    def test_values_are_those_of_the_launches_that_decided(self) -> None:
        found = compare(sample([*around(0.0), 9.0, 9.0]))
        assert (found.outcome, found.reason) == (Outcome.PASS, Decided(4))
        assert found.candidate == pytest.approx(1.0)

    def test_a_difference_that_is_no_ratio_is_in_its_own_unit(self) -> None:
        # Mean 8.8, deviation 0.5: 1.9 to either side.
        found = compare(sample([9.0, 9.0, 8.0, 9.0], BYTES))
        assert (found.outcome, found.candidate, found.reference) == (Outcome.REGRESSION, 8.75, 0.0)
        assert interval_of(found).estimate == 8.75
        assert compare(sample([0.5, -0.5, -0.5, 0.5], BYTES)).outcome is Outcome.PASS

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            (around(0.0, 3), TooFewLaunches(3, 4)),
            ((), TooFewLaunches(0, 4)),
            ((*around(0.0, 3), None), LaunchesLackIt(1, 4)),
            ((0.01,) * 4, NoSpread(4)),
            ((0.0,) * 6, NoSpread(6)),  # of a metric with noise: luck
            ((0.0, 0.01, math.inf, 0.01), NotANumber(math.inf)),
            ((1e308, -1e308, 1e308, -1e308), NoSpread(4)),  # of a forged file alone
        ],
    )
    def test_what_cannot_be_computed_is_inconclusive(self, values: Sequence[float | None], reason: Reason) -> None:
        found = compare(sample(values))
        assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, reason)
        assert (found.interval, found.precision, found.improved) == (None, None, False)
        shown = compare(sample(values, SHOWN))
        assert (shown.outcome, shown.reason) == (Outcome.NOT_GATED, reason)

    @pytest.mark.parametrize(("slower", "outcome"), [(0.0, Outcome.PASS), (0.08, Outcome.REGRESSION)])
    def test_what_was_proven_before_a_launch_that_lacks_it_stands(self, slower: float, outcome: Outcome) -> None:
        found = compare(sample((*around(math.log1p(slower)), 9.0, None)))
        assert (found.outcome, found.reason) == (outcome, Decided(4))
        undecided = compare(sample((*AT_MARGIN, 0.05, None)))
        assert (undecided.outcome, undecided.reason) == (Outcome.INCONCLUSIVE, LaunchesLackIt(1, 6))

    def test_launches_without_a_value_have_no_mean(self) -> None:
        found = compare(sample([None] * 4))
        assert (found.candidate, found.reference, found.reason) == (None, 1.0, LaunchesLackIt(4, 4))

    @pytest.mark.parametrize(
        ("values", "outcome", "reason"),
        [
            ((0.0,) * 4, Outcome.PASS, Identical(4)),
            ((0.0,) * 3, Outcome.INCONCLUSIVE, TooFewLaunches(3, 4)),
            ((0.01,) * 4, Outcome.INCONCLUSIVE, NoSpread(4)),  # an offset without a spread proves nothing
        ],
    )
    def test_equal_numbers_of_a_metric_without_noise_are_a_proof(
        self, values: Sequence[float], outcome: Outcome, reason: Reason
    ) -> None:
        found = compare(sample(values, EITHER_WAY))
        assert (found.outcome, found.reason, found.interval) == (outcome, reason, None)

    @pytest.mark.parametrize(
        ("accepted", "outcome", "reason"),
        [
            (0.003, Outcome.PASS, Identical(4)),
            (-0.003, Outcome.PASS, Identical(4)),
            (MARGIN, Outcome.INCONCLUSIVE, NoSpread(4)),  # as far from what was accepted last as the margin
        ],
    )
    def test_equal_numbers_are_a_proof_within_the_margin_of_what_was_accepted(
        self, accepted: float, outcome: Outcome, reason: Reason
    ) -> None:
        found = compare(sample((-accepted,) * 4, EITHER_WAY, accepted=accepted))
        assert (found.outcome, found.reason) == (outcome, reason)

    def test_what_does_not_gate_is_shown_with_its_interval(self) -> None:
        found = compare(sample(around(0.1), SHOWN))
        assert (found.outcome, found.reason) == (Outcome.NOT_GATED, Decided(4))
        assert interval_of(found).estimate == pytest.approx(0.1)

    def test_without_a_margin_the_interval_is_that_of_all_launches(self) -> None:
        """Its bounds are Student's: 0.18% / √4 × 1.23 × 3.18 to either side."""
        found = compare(sample([*around(0.1), None], BARE))
        assert (found.outcome, found.reason, found.precision) == (
            Outcome.NOT_GATED,
            NotGated(math.fsum(around(0.1)) / 4),
            None,
        )
        told = interval_of(found)
        assert told.estimate == pytest.approx(0.1)
        assert told.degrees_of_freedom == 3
        assert told.high - told.estimate == pytest.approx(0.0036, abs=1e-4)
        for values in (around(0.1, 3), [0.1] * 4, [0.0, 0.1, 0.2, math.inf]):
            assert compare(sample(values, BARE)).interval is None

    def test_what_is_asked_for_without_a_margin_is_inconclusive(self) -> None:
        named = compare(sample(around(0.1), dataclasses.replace(BARE, gates=True)))
        assert (named.outcome, named.reason, named.interval) == (Outcome.INCONCLUSIVE, NoMargin("it"), None)

    def test_without_a_margin_the_mean_difference_is_told(self) -> None:
        found = compare(sample([0.1, 0.3, None], BARE))
        assert (found.outcome, found.reason, found.interval) == (Outcome.NOT_GATED, NotGated(0.2), None)
        untold = compare(sample([], BARE)).reason
        assert isinstance(untold, NotGated)
        assert math.isnan(untold.difference)


PAGE = 65_536  # bytes, as on some ARM systems
GROWTH = next(
    dataclasses.replace(row.metric, margin=4096.0) for row in in_turn() if row.metric.name == MEMORY_GROWTH
)  # of tiny


def grown(leak: float, launch: int) -> float:
    """Returns what a launch of tiny tells of a leak of so many bytes a step, by 81 readings of whole pages, 12 steps
    apart. No two launches begin at the same place of a page.
    """
    sizes = [(number, launch * 5000 + leak * 12 * number) for number in range(81)]
    return memory_growth([(12 * number, int(size // PAGE) * PAGE) for number, size in sizes])


class TestWholePages:
    """With large ones all launches may tell the same growth, which then has no noise to speak of."""

    def grown_by(self, leak: float) -> Comparison:
        return compare(sample([grown(leak, launch) for launch in range(12)], GROWTH))

    @pytest.mark.parametrize(
        ("leak", "told"),
        [
            (0, 0.0),
            (730, 0.0),  # 8.6 KiB a block: of 60 blocks 8 have a new page, and the 12 largest are left out
            (3823, 30 / 36 * PAGE / 12),  # 42 of 60 blocks; the value is above the margin, and the leak below it
            # 48 KiB a block: of 60 blocks 45 have a new page. Without 12 at either end 33 of 36 have.
            (4096, 33 / 36 * PAGE / 12),
            (5461.333, PAGE / 12),  # a page a block
        ],
    )
    def test_equal_launches_prove(self, leak: float, told: float) -> None:
        found = self.grown_by(leak)
        assert [grown(leak, launch) for launch in range(12)] == pytest.approx([told] * 12)
        assert found.outcome is (Outcome.PASS if told < 4096 else Outcome.REGRESSION)
        assert interval_of(found).low == interval_of(found).high == pytest.approx(told)
        assert found.precision is not None
        assert (found.precision.deviation, found.precision.power) == (0.0, (1.0, 1.0, 1.0))

    @pytest.mark.parametrize("margins", [1.0, 1.1, 1.25, 1.5, 2.0, 3.0])
    def test_a_leak_of_the_margin_or_more_is_found(self, margins: float) -> None:
        assert self.grown_by(margins * 4096).outcome is Outcome.REGRESSION

    def test_other_metrics_prove_nothing_by_equal_launches(self) -> None:
        assert compare(sample([0.0] * 12)).reason == NoSpread(12)


VALUES = st.one_of(st.none(), st.just(math.nan), st.just(math.inf), st.floats(-1e300, 1e300), st.floats(-0.2, 0.2))


@given(st.lists(VALUES, max_size=14), st.sampled_from([SECONDS, BYTES, EITHER_WAY, GROWTH]))
def test_whatever_launches_give_an_outcome_agrees_with_its_interval(values: list[float | None], metric: Metric) -> None:
    found = compare(sample(values, metric))
    margin, interval = metric.margin or 0.0, found.interval
    if interval is None:
        assert (found.outcome, found.improved) == (Outcome.INCONCLUSIVE, False)
        return
    within, beyond = interval.pass_high < margin, interval.low > margin
    if metric.direction is Direction.EQUAL:
        within, beyond = within and interval.pass_low > -margin, beyond or interval.high < -margin
    assert (found.outcome is Outcome.PASS, found.outcome is Outcome.REGRESSION) == (within, beyond)
    assert not found.improved or interval.high < -margin


AT_MARGIN = around(0.05)  # which no number of launches decides


@pytest.mark.parametrize(
    ("values", "metric", "settled"),
    [
        (around(0.0), SECONDS, True),
        (around(0.0, 3), SECONDS, False),
        (AT_MARGIN, SECONDS, False),
        (AT_MARGIN * 2, SECONDS, False),
        (AT_MARGIN * 3, SECONDS, True),  # the plan's last
        (AT_MARGIN, SHOWN, True),  # what decides nothing: at each look
        ((*AT_MARGIN, 0.05), SHOWN, False),
        (AT_MARGIN, BARE, True),
        ((*AT_MARGIN, 0.05), BARE, False),
        ((None,) * 4, SECONDS, True),
        ((*AT_MARGIN, None), SECONDS, True),  # it can't be proven any more
    ],
)
def test_a_metric_is_settled_once_more_launches_would_change_nothing(
    values: Sequence[float | None], metric: Metric, settled: bool
) -> None:
    assert is_settled(sample(values, metric)) is settled


@pytest.mark.parametrize(("launches", "settled"), [(3, False), (4, True), (5, False), (6, True)])
def test_equal_numbers_are_settled_at_each_look(launches: int, settled: bool) -> None:
    """A later launch may differ."""
    assert is_settled(sample((0.0,) * launches, EITHER_WAY)) is settled
