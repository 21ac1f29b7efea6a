"""How many launches of each kind a run takes: the plan, the budget, and when there are enough."""

import dataclasses
import math
from collections.abc import Sequence

import pytest

from bench.judge.planning import SoFar, affordable, with_plans
from bench.judge.samples import compare, samples_of, whole_pairs
from bench.judge.types import Sample
from bench.record.ledger import AcceptedRegression, Ledger
from bench.record.paired import ALL_CORES, ONE_CORE
from bench.record.types import SCHEMA
from bench.stats.outcome import Outcome
from bench.stats.sequential import LookPlan
from tests.builders.launches import PAIRED, accepted, launches, of_kinds
from tests.builders.paired import side_of
from tests.builders.samples import EITHER_WAY, SHOWN, around, sample

ON_ALL = of_kinds([ALL_CORES] * 4)
ON_BOTH = of_kinds([ALL_CORES, ONE_CORE] * 4)


class TestWithPlans:
    NOISY = tuple(around(0.0, scale=14.0))  # 2.6%: 24 launches tell 4.9% from twice that with 1.5 times as much

    def plans(self, *samples: Sample) -> list[LookPlan]:
        return [one.plan for one in with_plans(samples, ON_BOTH)]

    def test_the_gating_metric_that_needs_most_plans_for_all_of_its_kind(self) -> None:
        assert self.plans(sample(around(0.0)), sample(self.NOISY)) == [LookPlan(24, 5)] * 2
        assert self.plans(sample(around(0.0)), sample(self.NOISY, SHOWN)) == [LookPlan(12, 5)] * 2
        on_one = dataclasses.replace(sample(around(0.0)), cores=ONE_CORE)
        assert self.plans(on_one, sample(self.NOISY)) == [LookPlan(12, 5), LookPlan(24, 5)]

    def test_nine_launches_of_both_kinds_together_prove_a_pass(self) -> None:
        assert [one.plan.pass_from for one in with_plans([sample(around(0.0))], ON_BOTH)] == [5]
        assert [one.plan.pass_from for one in with_plans([sample(around(0.0))], ON_ALL)] == [9]

    def test_later_launches_change_no_plan(self) -> None:
        assert self.plans(sample([*around(0.0), *self.NOISY])) == [LookPlan(12, 5)]

    def test_a_metric_that_is_decided_later_than_others_stays_so(self) -> None:
        later = dataclasses.replace(sample(around(0.0)), plan=LookPlan(first=8))
        assert [one.first for one in self.plans(sample(around(0.0)), later)] == [LookPlan().first, 8]

    @pytest.mark.parametrize("values", [around(0.0, 3), [None] * 4, [0.0] * 4])
    def test_what_tells_no_deviation_plans_what_is_usual(self, values: Sequence[float | None]) -> None:
        assert self.plans(sample(values)) == [LookPlan(12, 5)]

    def test_a_plan_says_how_finely_the_run_can_tell(self) -> None:
        (planned, _) = with_plans([sample(around(0.0)), sample(self.NOISY)], ON_BOTH)
        assert compare(planned).precision != compare(sample(around(0.0))).precision


class TestBudget:
    @pytest.mark.parametrize(
        ("minutes", "kinds", "expected"),
        [
            (None, [ALL_CORES] * 4, 48),  # the last look
            (10.0, [ALL_CORES] * 4, 20),  # 30 seconds each
            (10.0, [ALL_CORES, ONE_CORE] * 4, 10),  # of each kind
            (0.5, [ALL_CORES] * 4, 1),
        ],
    )
    def test_launches_of_each_kind_share_the_minutes(
        self, minutes: float | None, kinds: Sequence[str], expected: int
    ) -> None:
        assert affordable(dataclasses.replace(of_kinds(kinds), budget_minutes=minutes)) == expected

    def test_the_first_launches_tell_their_number_for_good(self) -> None:
        run = dataclasses.replace(of_kinds([ALL_CORES] * 12), budget_minutes=10.0)
        slow = (dataclasses.replace(one, seconds=300.0) for one in run.pairs[4:])
        assert affordable(dataclasses.replace(run, pairs=(*run.pairs[:4], *slow))) == 20

    def test_a_plan_keeps_to_it(self) -> None:
        noisy = sample(around(0.0, scale=14.0))
        for minutes, most in ((30.0, 24), (10.0, 10), (0.1, 4)):  # 24 wanted; 10 affordable; never less than a look
            run = dataclasses.replace(ON_BOTH, budget_minutes=minutes)
            assert [one.plan.most for one in with_plans([noisy], run)] == [most]


@pytest.mark.parametrize(
    ("of", "step", "expected"),
    [
        ([], 0.0, ALL_CORES),
        ([ALL_CORES], 0.0, ONE_CORE),
        ([ALL_CORES, ONE_CORE], 0.0, ALL_CORES),
        ([ALL_CORES, ONE_CORE] * 4, 0.5, None),  # a REGRESSION
        ([ALL_CORES, ONE_CORE] * 4, math.log1p(0.02), ONE_CORE),  # at the margin there, far below it on all cores
    ],
)
def test_the_next_launch_is_of_the_kind_that_is_open_and_has_fewest(
    of: Sequence[str], step: float, expected: str | None
) -> None:
    run = of_kinds(of, step=step)
    samples = samples_of(whole_pairs(run), PAIRED)
    assert SoFar(run, samples, (ALL_CORES, ONE_CORE)).next_kind() == expected


def test_a_regression_leaves_open_what_is_not_decided_where_every_metric_is_asked_for() -> None:
    run, kinds = of_kinds([ALL_CORES, ONE_CORE] * 4), (ALL_CORES, ONE_CORE)
    worse, at_the_margin, as_fast = (sample(around(shift)) for shift in (0.5, 0.05, 0.0))

    def kind(*samples: Sample) -> str | None:
        on_one_core = [dataclasses.replace(one, cores=ONE_CORE) for one in samples[1:]]
        so_far = SoFar(run, [samples[0], *on_one_core], kinds)
        assert so_far.next_kind() is None
        return dataclasses.replace(so_far, every_metric=True).next_kind()

    assert kind(worse, at_the_margin) == ONE_CORE
    assert kind(worse, as_fast) is None
    left = SoFar(run, [worse, at_the_margin], (ALL_CORES,), every_metric=True).seconds_left()
    assert left is not None
    assert left[1] == 8 * 30.0


def test_a_regression_that_the_ledger_accepts_ends_no_run() -> None:
    """Up to the size and the day that it accepts; else a gate could not pass before that day."""
    worse, at_the_margin = sample(around(0.1)), sample(around(0.05))
    subject, metric = worse.subject, worse.metric.name

    def kind(limit: float, expires: str) -> str | None:
        known = AcceptedRegression(subject, metric, limit, "a known cost", "#7", expires)
        ledger = Ledger(SCHEMA, (), (known,))
        return SoFar(ON_ALL, [worse, at_the_margin], (ALL_CORES,), ledger).next_kind()

    day = ON_ALL.created[:10]
    assert kind(0.2, day) == ALL_CORES
    assert kind(0.08, day) is None  # it is 10%
    assert kind(0.2, "2000-01-01") is None


@pytest.mark.parametrize(("reference", "expected"), [("2.20.0", ALL_CORES), ("2.17.1", None)])
def test_a_regression_that_is_accepted_for_another_reference_ends_a_run(reference: str, expected: str | None) -> None:
    worse, at_the_margin = sample(around(0.1)), sample(around(0.05))
    known = AcceptedRegression(worse.subject, worse.metric.name, 0.2, "a known cost", "#7", "9999-12-31")
    run = dataclasses.replace(ON_ALL, reference=side_of(reference))
    ledger = Ledger(SCHEMA, (accepted(1.0),), (known,))
    assert SoFar(run, [worse, at_the_margin], (ALL_CORES,), ledger).next_kind() == expected


def settled(samples: Sequence[Sample]) -> bool:
    return SoFar(ON_ALL, samples, (ALL_CORES,)).next_kind() is None


class TestSettled:
    PASSED, REGRESSED, OPEN = 0.0, 0.1, 0.05

    @pytest.mark.parametrize(
        ("shifts", "count", "enough"),
        [
            ((PASSED, PASSED), 4, True),
            ((PASSED, OPEN), 4, False),
            ((REGRESSED, OPEN), 4, True),  # one REGRESSION makes the verdict
            ((PASSED, PASSED), 3, False),
            ((PASSED, OPEN), 5, False),  # between looks
            ((REGRESSED, OPEN), 5, True),
            ((OPEN, OPEN), 10, False),
            ((OPEN, OPEN), 12, True),  # all that are planned
            ((OPEN, OPEN), 13, True),
        ],
    )
    def test_more_launches_would_change_nothing(self, shifts: tuple[float, ...], count: int, enough: bool) -> None:
        assert settled([sample(around(shift, count)) for shift in shifts]) is enough

    def test_launches_go_on_as_far_as_is_planned(self) -> None:
        longer = dataclasses.replace(sample(around(self.OPEN, 12)), plan=LookPlan(most=16))
        assert not settled([longer])
        assert settled([dataclasses.replace(longer, difference=tuple(around(self.OPEN, 16)))])
        late = dataclasses.replace(sample(around(self.PASSED)), plan=LookPlan(pass_from=6))
        assert (settled([late]), compare(late).outcome) == (False, Outcome.INCONCLUSIVE)

    def test_what_does_not_gate_keeps_nothing_open(self) -> None:
        assert settled([sample(around(0.0)), sample(around(0.05), SHOWN)])
        assert settled([sample(around(0.05), dataclasses.replace(SHOWN, margin=None))])
        assert not settled([])  # nothing was measured

    def test_equal_numbers_keep_nothing_open(self) -> None:
        assert settled([sample([0.0] * 4, EITHER_WAY)])
        assert not settled([sample([0.0] * 4)])

    def test_launches_in_turn_are_decided_by_the_accepted_ratio(self) -> None:
        """8% slower: decided from an accepted 8%, decided from 0%, and open from 3.2%, where 4.7% are left."""
        steps = dataclasses.replace(PAIRED, gating={"step_time": 0.05})
        pairs = launches(step=math.log1p(0.08))
        for ratio, decided in ((0.08, True), (0.0, True), (0.032, False)):
            assert settled(samples_of(pairs, steps, accepted={"step time": math.log1p(ratio)})) is decided


class TestSecondsLeft:
    """Launches of 30 seconds each; a PASS takes nine of one kind, and twelve are planned."""

    def left(self, count: int, values: Sequence[float | None]) -> tuple[float, float] | None:
        run = of_kinds([ALL_CORES] * count)
        return SoFar(run, with_plans([sample(values)], run), (ALL_CORES,)).seconds_left()

    def test_before_the_first_launch_nobody_knows(self) -> None:
        assert self.left(0, []) is None

    def test_a_pass_waits_for_its_look_and_the_plan_for_its_end(self) -> None:
        assert self.left(4, around(0.0)) == (6 * 30.0, 8 * 30.0)  # ten is the first look that has nine

    def test_a_kind_that_was_not_measured_takes_as_long_as_the_other(self) -> None:
        run = of_kinds([ALL_CORES] * 4)
        found = SoFar(run, with_plans([sample(around(0.0))], run), (ALL_CORES, ONE_CORE)).seconds_left()
        # Five of each: six is the look. Twelve of each at most.
        assert found == ((2 + 6) * 30.0, (8 + 12) * 30.0)

    def test_a_metric_that_is_looked_at_later_has_its_pass_later(self) -> None:
        """Of both kinds: eight of the one, six of the other. A budget of seven of each kind allows no eight."""
        run = of_kinds([ALL_CORES] * 4)
        fitted = dataclasses.replace(sample(around(0.0)), plan=LookPlan(first=8))
        found = SoFar(run, with_plans([fitted], run), (ALL_CORES, ONE_CORE)).seconds_left()
        assert found == ((4 + 6) * 30.0, (8 + 12) * 30.0)
        run = dataclasses.replace(of_kinds([ALL_CORES, ONE_CORE] * 4), budget_minutes=7.0)
        least, most = SoFar(run, with_plans([fitted], run), (ALL_CORES, ONE_CORE)).seconds_left() or (0.0, 0.0)
        assert least > most

    def test_a_regression_ends_the_run(self) -> None:
        assert self.left(4, around(0.5)) == (0.0, 0.0)

    def test_no_longer_than_the_budget_which_may_allow_no_pass(self) -> None:
        """Ten launches, a PASS, take 5 minutes; by seven, of 3.5 minutes, six is the last look."""
        for minutes, expected in ((3.5, (180.0, 60.0)), (5.0, (180.0, 180.0))):
            run = dataclasses.replace(of_kinds([ALL_CORES] * 4), budget_minutes=minutes)
            assert SoFar(run, with_plans([sample(around(0.0))], run), (ALL_CORES,)).seconds_left() == expected

    @pytest.mark.parametrize(("minutes", "most"), [(5.0, 300.0 - 30.0), (2.0, (3 + 4) * 30.0)])
    def test_a_budget_bounds_it_before_each_kind_has_told_its_pace(self, minutes: float, most: float) -> None:
        """But for the launches up to the first look, which are measured whatever it is."""
        run = dataclasses.replace(of_kinds([ALL_CORES]), budget_minutes=minutes)
        found = SoFar(run, with_plans([sample(around(0.0, 1))], run), (ALL_CORES, ONE_CORE)).seconds_left()
        assert found is not None
        assert found[1] == most

    def test_comparisons_of_the_last_launch_s_kind_come_first(self) -> None:
        on_one = dataclasses.replace(sample(around(0.1)), subject="one", cores=ONE_CORE)
        for last, first in ((ALL_CORES, "it"), (ONE_CORE, "one")):
            run = of_kinds([ALL_CORES, ONE_CORE, last])
            found = SoFar(run, [on_one, sample(around(0.0))], ()).comparisons()
            assert found[0].subject == first
