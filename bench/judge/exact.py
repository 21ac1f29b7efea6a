"""Metrics without noise (errors against the oracle, weights after evaluation, retraces, operations): compared exactly,
no statistics.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

from bench.judge.metrics import NUMERICS, OPERATIONS, RETRACES
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
    Reason,
    ReferenceDeparts,
    Retraces,
    WeightsChanged,
)
from bench.judge.types import Comparison
from bench.record.lockstep import tensor_name
from bench.record.types import CAP, CASE, LEFT_OPEN, NOT_FINITE, REPEAT, STRESS, UNMOVED, UNSTEADY, NumericError, Record
from bench.stats.outcome import Outcome

UPDATE = "update"


def judge_numerics(subject: str, candidate: Sequence[Record], reference: Sequence[Record] = ()) -> Comparison:
    """Requires every checked step to be within its limits, the same steps again to leave the same weights and state,
    and evaluation to leave the weights alone.

    Where both sides depart in an answer, they are compared with each other: that they are alike is no regression, that
    they are further apart than the answer's limit is one. Where the reference departs in another tensor as well, nobody
    can say who is right: that tensor is INCONCLUSIVE, and no other. So is a user's own model of which float32 leaves
    most tensors open. That a candidate's own gradients don't repeat where the reference's do is a REGRESSION.
    """
    errors, theirs = _errors(candidate), _errors(reference)
    changed = _weights_changed(candidate)
    if changed and not _weights_changed(reference):
        return Comparison(subject, NUMERICS, Outcome.REGRESSION, changed)
    if not errors:
        alone = _unsteady(candidate) and not _unsteady(reference)
        outcome = Outcome.REGRESSION if alone else Outcome.INCONCLUSIVE
        return Comparison(subject, NUMERICS, outcome, _why_unchecked(candidate))
    departures = _departures(errors, theirs)
    if regressed := [one for one in departures if one.outcome is Outcome.REGRESSION]:
        told = _telling([one.error for one in regressed])
        reason = _reason(told, candidate)
        departure = next(one for one in regressed if one.error is told)
        if departure.other:
            reason = DepartApart(reason, _reason(departure.other, reference), departure.apart)
        return _compared(subject, Outcome.REGRESSION, reason, told)
    undecided = [one.error for one in departures if one.outcome is Outcome.INCONCLUSIVE]
    told = _telling(undecided or errors)
    reason = changed or _reason(told, candidate)
    if departs := _departs(reference):
        reason = ReferenceDeparts(reason, departs)
    if undecided or changed:
        return _compared(subject, Outcome.INCONCLUSIVE, reason, told)
    if departures:  # alike, all of them
        # With a limit of 0, all are 0 apart.
        departure = max(departures, key=lambda one: one.apart / (one.error.limit or 1.0))
        reason = DepartAlike(_reason(departure.error, candidate), departure.apart)
        told = dataclasses.replace(departure.error, error=departure.apart)
    open_ones, not_finite = _left_open(candidate)
    if len(open_ones) > len(errors):
        mostly_open = MostlyOpen(len(open_ones), len(errors), not_finite)
        return _compared(subject, Outcome.INCONCLUSIVE, mostly_open, told)
    return _compared(subject, Outcome.PASS, reason, told)


@dataclasses.dataclass(frozen=True)
class _Departure:
    """An error of the candidate over its limit, and the reference's of the same tensor if that is over its limit."""

    error: NumericError
    other: NumericError | None

    @property
    def apart(self) -> float:
        """Returns how far apart the two sides are, normwise and relative; NaN where nothing tells."""
        # Answers of a user's own model may be of unlike cases, which tell nothing of each other.
        if self.other is None or self.other.step != self.error.step:
            return math.nan
        mine, theirs = self.error.departure, self.other.departure
        return math.dist(mine, theirs) if mine and len(mine) == len(theirs) else math.nan

    @property
    def outcome(self) -> Outcome:
        """Returns PASS for sides that are alike, and INCONCLUSIVE where both depart and nothing tells how far apart."""
        if self.other is None:
            return Outcome.REGRESSION
        if math.isnan(self.apart):
            return Outcome.INCONCLUSIVE
        return Outcome.PASS if self.apart <= self.error.limit else Outcome.REGRESSION


def _departures(errors: Sequence[NumericError], theirs: Sequence[NumericError]) -> list[_Departure]:
    """Returns the errors over their limits; first the candidate's alone, which are told of those as far over."""
    others = {_tensor(error): error for error in theirs if not error.within}
    found = [_Departure(error, others.get(_tensor(error))) for error in errors if not error.within]
    return sorted(found, key=lambda one: one.other is not None)


def _compared(subject: str, outcome: Outcome, reason: Reason, told: NumericError) -> Comparison:
    return Comparison(subject, NUMERICS, outcome, reason, told.error, told.limit)


def _why_unchecked(records: Sequence[Record]) -> Reason:
    unchecked = [one for record in records for one in record.unchecked]
    return NotComparable(unchecked[0].why, unchecked[0].detail) if unchecked else NoOracleStep()


def _unsteady(records: Sequence[Record]) -> bool:
    return any(one.why == UNSTEADY for record in records for one in record.unchecked)


def _departs(reference: Sequence[Record]) -> Reason | None:
    """Returns how the reference departs from the oracle, or changes its weights; None where it doesn't."""
    if changed := _weights_changed(reference):
        return changed
    errors = _errors(reference)
    return None if all(error.within for error in errors) else _reason(_telling(errors), reference)


def _tensor(error: NumericError) -> tuple[str, ...]:
    return *error.compared, error.tensor


def both_depart(subject: str, candidate: Sequence[Record], reference: Sequence[Record]) -> list[Reason]:
    """Returns the warning of answers that are the same on both sides, and not the oracle's."""
    departures = _departures(_errors(candidate), _errors(reference))
    alike = [one for one in departures if one.outcome is Outcome.PASS]
    if not alike:
        return []
    named = tuple(tensor_name(one.error.label, one.error.tensor) for one in alike)
    return [BothDepart(subject, named, max(one.error.error for one in alike), max(one.apart for one in alike))]


def left_open(subject: str, records: Sequence[Record]) -> list[Reason]:
    """Returns the warnings of tensors that were not compared in launches that were."""
    found, not_finite = _left_open(records)
    open_ones: list[Reason] = [LeftOpen(subject, found, len(_errors(records)), not_finite)] if found else []
    return [*open_ones, Unmoved(subject)] if any(map(_unmoved, records)) else open_ones


def _left_open(records: Sequence[Record]) -> tuple[tuple[str, ...], int]:
    """Returns (the tensors that were not compared, how many of them are not finite)."""
    found = [one for record in records if record.numerics for one in record.unchecked]
    why = {one.detail: one.why for one in found if one.why in (LEFT_OPEN, NOT_FINITE)}
    return tuple(why), list(why.values()).count(NOT_FINITE)


def _errors(records: Sequence[Record]) -> list[NumericError]:
    """Returns the errors. Updates of a model whose variables never moved are left out where they agree: they prove
    nothing.
    """
    return [
        error
        for record in records
        for error in record.numerics
        if not (_unmoved(record) and error.within and _kind(error) == UPDATE)
    ]


def _unmoved(record: Record) -> bool:
    return any(one.why == UNMOVED for one in record.unchecked)


def _kind(error: NumericError) -> str:
    """Returns what an answer is counted as: the workload's case; for a user's own model loss, gradient or update; "" if
    it isn't counted.
    """
    if not (error.is_answer and error.decides):
        return ""
    if error.source == CASE:
        return error.case
    return error.quantity if error.quantity in ("loss", "gradient") else UPDATE  # after one step, after two


def _weights_changed(records: Sequence[Record]) -> WeightsChanged | None:
    """Returns the reason of the first launch whose weights evaluation changed; None without one."""
    changed = (record.launch for record in records if record.evaluation and record.evaluation.weights_changed)
    return next(map(WeightsChanged, changed), None)


def _telling(errors: Sequence[NumericError]) -> NumericError:
    """Returns the first error over its limit, one against the oracle if there is one; else the nearest to it.

    Answers have no order in time: of them it returns the furthest over its limit.
    """
    over = [error for error in errors if not error.within]
    if over:
        return min(over, key=lambda error: (error.source == REPEAT, -error.used if error.is_answer else error.step))
    return max(errors, key=lambda error: error.used)


def _reason(telling: NumericError, records: Sequence[Record]) -> Reason:
    if telling.source == REPEAT and not telling.within:
        return NotRepeated(telling.tensor, telling.steps, telling.error)
    if telling.refused:
        return FileRefused(telling.case, telling.refused)
    errors = _errors(records)
    over = sum(not error.within for error in errors)
    kinds = Counter(kind for error in errors if (kind := _kind(error)))
    return OracleErrors(
        telling.quantity,
        telling.tensor,
        telling.step,
        telling.error,
        telling.limit,
        over,
        checked=kinds.total() if telling.is_answer else _steps(records),
        source=telling.source,
        case=telling.case,
        kinds=tuple(kinds.items()),
    )


def unpromised(records: Sequence[Record]) -> list[Reason]:
    """Returns the warning of files that no version promised to read: of those refused, and of those read otherwise."""
    unsure = [error for error in _errors(records) if error.is_answer and not error.decides]
    found = [error for error in unsure if not error.error <= CAP]
    refused = tuple((error.case, error.refused) for error in found if error.refused)
    others = [error for error in found if not error.refused]
    named = tuple(tensor_name(error.label, error.tensor) for error in others)
    return [Unpromised(refused, named, max((error.error for error in others), default=0.0))] if found else []


def _steps(records: Sequence[Record]) -> int:
    """Returns how many steps were checked: of each launch the most that a tensor was checked at in training, and each
    stress step.
    """
    stress = {error.step for error in _errors(records) if error.source == STRESS}
    return sum(map(_training_steps, records)) + len(stress)


def _training_steps(record: Record) -> int:
    checked: Counter[tuple[str, ...]] = Counter()
    for error in _errors([record]):
        if error.source != STRESS:
            checked[_tensor(error)] += error.steps
    return max(checked.values(), default=0)


def judge_retraces(subject: str, candidate: Sequence[Record], reference: Sequence[Record] = ()) -> Comparison:
    """Requires the step to be traced no more often than the reference's; once, without a reference."""
    after, before = (max((record.retraces for record in side), default=0) for side in (candidate, reference))
    outcome = Outcome.REGRESSION if after > before else Outcome.PASS
    return Comparison(subject, RETRACES, outcome, Retraces(), after, before)


def compare_graphs(subject: str, candidate: Sequence[Record], reference: Sequence[Record]) -> Comparison:
    """Compares the operations in the step's graph, which differ between Keras 2 and 3 by design."""
    after, before = (side[0].graph_operations for side in (candidate, reference))
    changes = {kind: after.get(kind, 0) - before.get(kind, 0) for kind in before.keys() | after.keys()}
    changed = sorted(
        ((kind, change) for kind, change in changes.items() if change), key=lambda item: (-abs(item[1]), item[0])
    )
    counts = sum(after.values()), sum(before.values())
    return Comparison(subject, OPERATIONS, Outcome.NOT_GATED, GraphChanges(tuple(changed)), *counts)
