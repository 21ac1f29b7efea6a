"""Metrics without noise."""

import dataclasses
import math
from collections.abc import Sequence

import pytest

from bench.judge.exact import (
    both_depart,
    compare_graphs,
    judge_numerics,
    judge_retraces,
    left_open,
    unpromised,
)
from bench.judge.notices import BothDepart, LeftOpen, Unmoved, Unpromised
from bench.judge.reasons import (
    DepartAlike,
    DepartApart,
    FileRefused,
    GraphChanges,
    MostlyOpen,
    NoOracleStep,
    NotComparable,
    NotRepeated,
    OracleErrors,
    ReferenceDeparts,
    Retraces,
    WeightsChanged,
)
from bench.judge.types import Comparison
from bench.record.types import (
    CASE,
    LEFT_OPEN,
    NOT_FINITE,
    NOT_REPEATED,
    OWN,
    REPEAT,
    STRESS,
    UNMOVED,
    UNSTEADY,
    Evaluation,
    NumericError,
    Record,
    Unchecked,
)
from bench.stats.outcome import Outcome
from tests.builders.records import BEYOND, WITHIN, record, records

NEAR = NumericError(99, "norm", "", 3e-6, 4e-6)
REPEATED = NumericError(499, "", "output/kernel", 0.0, 0.0, 500, source=REPEAT)


def test_within_every_limit_passes_and_names_the_nearest() -> None:
    found = judge_numerics("it", [record(numerics=(WITHIN, NEAR))])
    assert (found.outcome, found.candidate, found.reference) == (Outcome.PASS, 3e-6, 4e-6)
    assert found.reason == OracleErrors("norm", "", 99, 3e-6, 4e-6, over=0, checked=1)


def test_answers_are_counted_by_tensor() -> None:
    """None is a step."""
    right = NumericError(0, "logits", "", 1e-6, 4e-6, source=CASE, case="ragged")
    wrong = [
        NumericError(1, "state", tensor, 1e-2, 4e-6, source=CASE, case="full") for tensor in ("lstm0/h", "lstm0/c")
    ]
    found = judge_numerics("it", [record(numerics=(right, *wrong))])
    assert found.outcome is Outcome.REGRESSION
    assert found.reason == OracleErrors(
        "state", "lstm0/h", 1, 1e-2, 4e-6, 2, 3, CASE, "full", (("ragged", 1), ("full", 2))
    )


def test_of_answers_over_their_limits_the_furthest_is_named() -> None:
    """The step of an answer is its case's number, which says nothing of what came first."""
    after = NumericError(0, "update after 2", "lstm0/kernel", 2e-2, 4e-6, source=CASE, case="adam")
    before = NumericError(1, "update after 1", "embedding", 0.46, 4e-6, source=CASE, case="adam")
    found = judge_numerics("it", [record(numerics=(after, before))])
    assert found.reason == OracleErrors(before.quantity, "embedding", 1, 0.46, 4e-6, 2, 2, CASE, "adam", (("adam", 2),))


def test_a_file_that_is_refused_is_a_regression_unless_the_reference_refuses_it_too() -> None:
    right = NumericError(0, "logits", "", 1e-6, 4e-6, source=CASE, case="own .keras")
    refused = NumericError(
        6, "file", "", math.inf, 0.0, refused="TypeError: time_major", source=CASE, case="given .keras"
    )
    reason = FileRefused("given .keras", "TypeError: time_major")
    found = judge_numerics("it", [record(numerics=(right, refused))], [record(numerics=(right,))])
    assert (found.outcome, found.reason) == (Outcome.REGRESSION, reason)
    both = judge_numerics("it", [record(numerics=(right, refused))], [record(numerics=(right, refused))])
    assert (both.outcome, both.reason) == (Outcome.INCONCLUSIVE, ReferenceDeparts(reason, reason))


def test_what_no_version_promises_decides_nothing_and_is_told_where_it_differs() -> None:
    """Of three unpromised answers one is refused, one is another; the third is right, and counts as none."""
    right = NumericError(0, "logits", "", 1e-6, 4e-6, source=CASE, case="own .keras")
    refused = NumericError(
        6, "file", "", math.inf, math.inf, refused="TypeError: time_major", source=CASE, case="given .keras"
    )
    lost = NumericError(5, "slot m", "embedding", 1.0, math.inf, source=CASE, case="given .weights.h5")
    kept = NumericError(5, "logits", "", 1e-7, math.inf, source=CASE, case="given .weights.h5")
    records = [record(numerics=(right, refused, lost, kept))]
    found = judge_numerics("it", records)
    assert found.outcome is Outcome.PASS
    assert found.reason == OracleErrors("logits", "", 0, 1e-6, 4e-6, 0, 1, CASE, "own .keras", (("own .keras", 1),))
    lost_tensor = ("answer given .weights.h5: slot m of embedding",)
    assert unpromised(records) == [Unpromised((("given .keras", "TypeError: time_major"),), lost_tensor, 1.0)]
    assert unpromised([record(numerics=(right, kept))]) == []


def test_over_a_limit_is_a_regression_named_by_its_first_step() -> None:
    later = dataclasses.replace(BEYOND, step=9, tensor="embedding", error=1.0)
    found = judge_numerics("it", [record(numerics=(WITHIN, later, BEYOND))])
    assert (found.outcome, found.candidate, found.reference) == (Outcome.REGRESSION, 1e-2, 4e-6)
    assert found.reason == OracleErrors("update", "output/bias", 5, 1e-2, 4e-6, over=2, checked=1)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (WITHIN.limit, Outcome.PASS),
        (math.nextafter(WITHIN.limit, 1), Outcome.REGRESSION),
        (math.inf, Outcome.REGRESSION),
        (math.nan, Outcome.REGRESSION),
    ],
)
def test_an_error_at_its_limit_is_within_and_not_a_number_is_no_agreement(error: float, outcome: Outcome) -> None:
    numerics = [dataclasses.replace(WITHIN, error=error)]
    assert judge_numerics("it", [record(numerics=numerics)]).outcome is outcome


def test_no_step_checked_is_inconclusive() -> None:
    found = judge_numerics("it", [record(numerics=())])
    assert (found.outcome, found.reason, found.candidate) == (Outcome.INCONCLUSIVE, NoOracleStep(), None)


def test_an_evaluation_that_changes_the_weights_is_a_regression() -> None:
    launches = list(records())
    launches[2] = dataclasses.replace(launches[2], evaluation=Evaluation(150.0, 1000, 0.5, True))
    found = judge_numerics("it", launches)
    assert (found.outcome, found.reason) == (Outcome.REGRESSION, WeightsChanged(2))


@pytest.mark.parametrize(
    ("retraces", "reference", "outcome"),
    [
        (0, (), Outcome.PASS),
        (1, (), Outcome.REGRESSION),
        (2, (2, 0), Outcome.PASS),
        (3, (2, 0), Outcome.REGRESSION),
    ],
)
def test_the_step_is_traced_no_more_often_than_the_reference_s(
    retraces: int, reference: tuple[int, ...], outcome: Outcome
) -> None:
    launches = [record(), dataclasses.replace(record(launch=1), retraces=retraces)]
    others = [dataclasses.replace(record(launch=number), retraces=count) for number, count in enumerate(reference)]
    found = judge_retraces("it", launches, others)
    assert (found.outcome, found.reason, found.candidate) == (outcome, Retraces(), retraces)
    assert found.reference == max(reference, default=0)


def test_steps_are_those_of_training_and_of_stress() -> None:
    """2000 steps, of which the oracle took 118, and stress steps 2000 and 2001; older records tell step by step."""
    stress = [NumericError(2000 + step, "loss", "", 0.0, 4e-6, source=STRESS, case="NaN") for step in (0, 0, 1)]
    training = [dataclasses.replace(WITHIN, steps=118), dataclasses.replace(NEAR, steps=2000)]
    for numerics, steps in (([*training, *stress], 2002), ([WITHIN, dataclasses.replace(WITHIN, step=5), *stress], 4)):
        reason = judge_numerics("it", [record(numerics=numerics)]).reason
        assert isinstance(reason, OracleErrors)
        assert reason.checked == steps


@pytest.mark.parametrize("nearest", ["lstm0/kernel", "lstm0/bias"])
def test_steps_of_two_launches_add_up_whichever_tensor_was_nearest(nearest: str) -> None:
    """2000 steps of each, of which the oracle took 118."""
    loss = NumericError(5, "loss", "", 1e-7, 4e-6, 118)
    checked = [(loss, NumericError(7, "clipped", name, 1e-7, 4e-6, 2000)) for name in ("lstm0/kernel", nearest)]
    reason = judge_numerics("it", [record(numerics=numerics) for numerics in checked]).reason
    assert isinstance(reason, OracleErrors)
    assert reason.checked == 4000


@pytest.mark.parametrize(
    ("error", "limit", "outcome"),
    [
        (0.0, 0.0, Outcome.PASS),
        (3e-8, 0.0, Outcome.REGRESSION),
        (3e-8, math.inf, Outcome.PASS),  # on a GPU
    ],
)
def test_the_same_steps_leave_the_same_weights(error: float, limit: float, outcome: Outcome) -> None:
    again = dataclasses.replace(REPEATED, error=error, limit=limit)
    found = judge_numerics("it", [record(numerics=[WITHIN, again])])
    assert found.outcome is outcome
    assert (found.reason == NotRepeated("output/kernel", 500, error)) is (outcome is Outcome.REGRESSION)


def test_an_error_against_the_oracle_is_named_before_a_step_that_is_not_repeated() -> None:
    late = dataclasses.replace(BEYOND, step=1000)
    found = judge_numerics("it", [record(numerics=[dataclasses.replace(REPEATED, error=3e-8), late])])
    assert isinstance(found.reason, OracleErrors)


@pytest.mark.parametrize(
    ("reference", "outcome"),
    [
        ("output/kernel", Outcome.INCONCLUSIVE),
        ("embedding", Outcome.REGRESSION),  # another tensor excuses nothing
        (None, Outcome.REGRESSION),  # a gate, which has no reference for its numbers
    ],
)
def test_where_neither_side_repeats_its_steps_nobody_can_say(reference: str | None, outcome: Outcome) -> None:
    again = dataclasses.replace(REPEATED, error=3e-8)
    theirs = [record(numerics=[WITHIN, dataclasses.replace(again, tensor=reference)])] if reference else []
    found = judge_numerics("it", [record(numerics=[WITHIN, again])], theirs)
    reason = NotRepeated("output/kernel", 500, 3e-8)
    assert (found.outcome, found.reason) == (
        outcome,
        ReferenceDeparts(reason, reason) if outcome is Outcome.INCONCLUSIVE else reason,
    )


OTHER = dataclasses.replace(BEYOND, tensor="embedding", step=9)
CHANGED = Evaluation(150.0, 1000, 0.5, True)


def test_a_departure_of_the_reference_excuses_the_candidate_in_that_tensor_alone() -> None:
    def judged(candidate: Sequence[NumericError], reference: Sequence[NumericError]) -> Comparison:
        return judge_numerics("it", [record(numerics=candidate)], [record(numerics=reference)])

    good, bad = (judge_numerics("it", [record(numerics=[one])]).reason for one in (WITHIN, BEYOND))
    for candidate, reference, outcome, reason in (
        ([BEYOND], [BEYOND], Outcome.INCONCLUSIVE, ReferenceDeparts(bad, bad)),
        ([WITHIN], [BEYOND], Outcome.PASS, ReferenceDeparts(good, bad)),
        ([BEYOND], [WITHIN], Outcome.REGRESSION, bad),
        ([BEYOND], [OTHER], Outcome.REGRESSION, bad),
    ):
        found = judged(candidate, reference)
        assert (found.outcome, found.reason) == (outcome, reason)
    also = judged([BEYOND, OTHER], [BEYOND])
    assert also.outcome is Outcome.REGRESSION
    assert isinstance(also.reason, OracleErrors)
    assert (also.reason.tensor, also.candidate) == ("embedding", OTHER.error)


SLOT = NumericError(3, "slot v after 1", "embedding", 0.41, 4e-6, departure=(0.4, 0.09), source=CASE, case="adam")


@pytest.mark.parametrize(
    ("departure", "outcome", "apart"),
    [
        ((0.4, 0.09), Outcome.PASS, 0.0),
        ((0.400003, 0.09), Outcome.PASS, 3e-6),
        ((0.400003, 0.090003), Outcome.REGRESSION, 3e-6 * math.sqrt(2)),  # 4.2e-6, beyond 4e-6
        ((-0.4, 0.09), Outcome.REGRESSION, 0.8),  # as far from the oracle
        ((), Outcome.INCONCLUSIVE, None),  # Inf or NaN
    ],
)
def test_answers_that_depart_on_both_sides_are_compared_with_each_other(
    departure: tuple[float, ...], outcome: Outcome, apart: float | None
) -> None:
    reference = [record(numerics=(WITHIN, SLOT))]
    candidate = [record(numerics=(WITHIN, dataclasses.replace(SLOT, departure=departure)))]
    found, told = judge_numerics("it", candidate, reference), both_depart("it", candidate, reference)
    assert found.outcome is outcome
    assert isinstance(found.reason, (DepartAlike, DepartApart)) == (apart is not None)
    assert getattr(found.reason, "apart", None) == (None if apart is None else pytest.approx(apart, abs=1e-12))
    if outcome is Outcome.PASS:
        name = "answer adam: slot v after 1 of embedding"
        assert found.candidate is not None
        assert told == [BothDepart("it", (name,), 0.41, found.candidate)]
        assert found.candidate == pytest.approx(apart, abs=1e-12)
        assert found.reference == 4e-6
    else:
        assert not told


def test_departures_in_unlike_cases_are_not_compared() -> None:
    """Each side of a user's own model has the case in which its error is smallest."""
    gradient = NumericError(1, "gradient", "w", 1e-3, 5e-5, departure=(1e-3, 0.0), source=OWN)
    other = dataclasses.replace(gradient, step=2, departure=(0.0, 1e-3))
    found = judge_numerics("it", [record(numerics=(gradient,))], [record(numerics=(other,))])
    assert found.outcome is Outcome.INCONCLUSIVE
    assert isinstance(found.reason, ReferenceDeparts)


@pytest.mark.parametrize(
    ("departure", "outcome"), [((0.4, 0.09), Outcome.PASS), ((0.400003, 0.09), Outcome.REGRESSION)]
)
def test_answers_that_depart_where_nothing_is_allowed_have_to_be_equal(
    departure: tuple[float, ...], outcome: Outcome
) -> None:
    slot = dataclasses.replace(SLOT, limit=0.0)
    candidate = [record(numerics=(dataclasses.replace(slot, departure=departure),))]
    assert judge_numerics("it", candidate, [record(numerics=(slot,))]).outcome is outcome


def test_of_errors_as_far_over_their_limits_the_candidates_own_is_told() -> None:
    ours, both = (dataclasses.replace(SLOT, limit=0.0, tensor=tensor) for tensor in ("output/kernel", "embedding"))
    moved = dataclasses.replace(both, departure=(-0.4, 0.09))
    found = judge_numerics("it", [record(numerics=(moved, ours))], [record(numerics=(both,))])
    assert isinstance(found.reason, OracleErrors)
    assert found.reason.tensor == "output/kernel"


def test_a_refused_file_that_nobody_promised_departs_from_nothing() -> None:
    refused = [
        record(numerics=(WITHIN, NumericError(6, "file", "", math.inf, math.inf, source=CASE, case="given .keras")))
    ]
    assert both_depart("it", refused, [record(numerics=(WITHIN,))]) == both_depart("it", refused, refused) == []


def test_an_answer_that_nobody_promised_is_not_called_unchanged() -> None:
    """Its limit is infinite, which says nothing of how far apart the sides are."""
    lost = dataclasses.replace(SLOT, limit=math.inf)
    assert both_depart("it", [record(numerics=(lost,))], [record(numerics=(SLOT,))]) == []


def test_equal_departures_excuse_no_other_answer() -> None:
    reference = [record(numerics=(WITHIN, SLOT))]
    alone = judge_numerics("it", [record(numerics=(BEYOND, SLOT))], reference)
    assert (alone.outcome, alone.candidate) == (Outcome.REGRESSION, BEYOND.error)
    assert isinstance(alone.reason, OracleErrors)
    both = [record(numerics=(BEYOND, SLOT))]  # BEYOND has no departure: nobody can say
    assert judge_numerics("it", both, both).outcome is Outcome.INCONCLUSIVE
    assert judge_numerics("it", [record(numerics=(WITHIN,))], reference).outcome is Outcome.PASS


def test_of_answers_that_depart_alike_the_nearest_to_its_limit_is_told() -> None:
    """1e-5 apart of 4e-5, and 3e-6 of 4e-6."""
    wide, other = dataclasses.replace(SLOT, limit=4e-5), dataclasses.replace(SLOT, tensor="output/kernel")
    far, near = (dataclasses.replace(one, departure=(at, 0.09)) for one, at in ((wide, 0.40001), (other, 0.400003)))
    found = judge_numerics("it", [record(numerics=(far, near))], [record(numerics=(wide, other))])
    assert found.outcome is Outcome.PASS
    assert found.candidate == pytest.approx(3e-6, abs=1e-12)


def test_a_file_that_nobody_promised_is_told_from_the_cap_of_the_oracle_s_limits_on() -> None:
    right = NumericError(0, "logits", "", 1e-6, 4e-6, source=CASE, case="own .keras")
    lost = NumericError(5, "logits", "", 1e-4, math.inf, source=CASE, case="given .weights.h5")
    assert unpromised([record(numerics=(right, lost))]) == [Unpromised((), (lost.label,), 1e-4)]


def test_weights_that_evaluation_changes_on_both_sides_are_inconclusive() -> None:
    side = [dataclasses.replace(record(), evaluation=CHANGED)]
    found = judge_numerics("it", side, side)
    assert (found.outcome, found.reason) == (
        Outcome.INCONCLUSIVE,
        ReferenceDeparts(WeightsChanged(0), WeightsChanged(0)),
    )
    assert judge_numerics("it", [record()], side).outcome is Outcome.PASS
    assert judge_numerics("it", side, [record()]).outcome is Outcome.REGRESSION


@pytest.mark.parametrize(
    ("candidate", "reference", "values", "changes"),
    [
        ({"MatMul": 3, "Add": 1}, {"MatMul": 3, "Add": 1}, (4, 4), ()),
        ({"MatMul": 2, "Add": 2}, {"MatMul": 3, "Add": 1}, (4, 4), (("Add", 1), ("MatMul", -1))),  # the sums are equal
        ({"a": 1, "b": 1, "c": 9}, {"c": 1, "d": 2}, (11, 3), (("c", 8), ("d", -2), ("a", 1), ("b", 1))),
    ],
)
def test_operations_are_compared_by_type(
    candidate: dict[str, int],
    reference: dict[str, int],
    values: tuple[int, int],
    changes: tuple[tuple[str, int], ...],
) -> None:
    sides = [[dataclasses.replace(record(), graph_operations=side)] for side in (candidate, reference)]
    found = compare_graphs("it", *sides)
    assert (found.outcome, found.metric.gates) == (Outcome.NOT_GATED, False)
    assert ((found.candidate, found.reference), found.reason) == (values, GraphChanges(changes))


class TestOwnModels:
    """The reasons why a user's own model could not be compared."""

    unlike = Unchecked(NOT_REPEATED, "loss of step 0")
    unsteady = Unchecked(UNSTEADY, "loss of step 0")
    open_one = Unchecked(LEFT_OPEN, "update after 1 of dense/bias")

    def test_numbers_that_were_not_compared_are_inconclusive_with_the_reason(self) -> None:
        unchecked = dataclasses.replace(record(numerics=()), unchecked=(self.unlike, self.open_one))
        found = judge_numerics("mine", [unchecked])
        assert (found.outcome, found.reason) == (
            Outcome.INCONCLUSIVE,
            NotComparable(NOT_REPEATED, "loss of step 0"),
        )
        assert left_open("mine", [unchecked]) == []

    @pytest.mark.parametrize(
        ("candidate", "reference", "outcome"),
        [
            (unsteady, [], Outcome.REGRESSION),  # as in a gate
            (unsteady, [record(numerics=(WITHIN,))], Outcome.REGRESSION),
            (unsteady, [dataclasses.replace(record(numerics=()), unchecked=(unsteady,))], Outcome.INCONCLUSIVE),
            (unlike, [record(numerics=(WITHIN,))], Outcome.INCONCLUSIVE),  # of a step that tells no gradients
        ],
    )
    def test_gradients_that_only_the_candidate_does_not_repeat_are_a_regression(
        self, candidate: Unchecked, reference: list[Record], outcome: Outcome
    ) -> None:
        unchecked = dataclasses.replace(record(numerics=()), unchecked=(candidate,))
        found = judge_numerics("mine", [unchecked], reference)
        assert (found.outcome, found.reason) == (outcome, NotComparable(candidate.why, candidate.detail))

    def test_tensors_left_open_are_a_warning_of_numbers_that_were(self) -> None:
        compared = dataclasses.replace(record(numerics=(WITHIN,)), unchecked=(self.open_one,))
        assert judge_numerics("mine", [compared]).outcome is Outcome.PASS
        assert left_open("mine", [compared]) == [LeftOpen("mine", ("update after 1 of dense/bias",), 1)]
        assert left_open("mine", [record()]) == []

    def test_tensors_that_are_not_finite_are_counted_among_those_left_open(self) -> None:
        unchecked = (self.open_one, Unchecked(NOT_FINITE, "gradient of dense/kernel"))
        found = [dataclasses.replace(record(numerics=(WITHIN,)), unchecked=unchecked)]
        assert left_open("mine", found) == [LeftOpen("mine", tuple(one.detail for one in unchecked), 1, 1)]
        assert judge_numerics("mine", found).reason == MostlyOpen(2, 1, 1)

    loss = NumericError(0, "loss", "step 0", 1e-7, 4e-6, source=OWN)
    updates = tuple(NumericError(0, f"update after {steps}", "dense/bias", 0.0, 4e-6, source=OWN) for steps in (1, 2))

    def test_what_was_compared_is_counted_by_kind(self) -> None:
        reason = judge_numerics("mine", [record(numerics=(self.loss, *self.updates))]).reason
        assert isinstance(reason, OracleErrors)
        assert (reason.checked, reason.kinds) == (3, (("loss", 1), ("update", 2)))

    def test_updates_of_a_step_that_moves_nothing_are_not_counted_and_may_still_be_wrong(self) -> None:
        """A candidate that moves what the reference leaves alone is infinitely far off."""
        unmoved = dataclasses.replace(record(numerics=(self.loss, *self.updates)), unchecked=(Unchecked(UNMOVED, ""),))
        found = judge_numerics("mine", [unmoved])
        assert isinstance(found.reason, OracleErrors)
        assert (found.outcome, found.reason.checked, found.reason.kinds) == (Outcome.PASS, 1, (("loss", 1),))
        assert left_open("mine", [unmoved]) == [Unmoved("mine")]
        wrong = dataclasses.replace(self.updates[1], error=math.inf)
        moved = dataclasses.replace(unmoved, numerics=(self.loss, self.updates[0], wrong))
        assert judge_numerics("mine", [moved]).outcome is Outcome.REGRESSION

    def test_most_tensors_left_open_are_no_pass(self) -> None:
        """A fault in what was compared is one all the same."""
        several = tuple(Unchecked(LEFT_OPEN, f"gradient of dense{number}/kernel") for number in range(2))
        found = judge_numerics("mine", [dataclasses.replace(record(numerics=(WITHIN,)), unchecked=several)])
        assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, MostlyOpen(2, 1))
        wrong = judge_numerics("mine", [dataclasses.replace(record(numerics=(BEYOND,)), unchecked=several)])
        assert wrong.outcome is Outcome.REGRESSION
        alike = [dataclasses.replace(record(numerics=(SLOT,)), unchecked=several)]
        assert judge_numerics("mine", alike, alike).reason == MostlyOpen(2, 1)
