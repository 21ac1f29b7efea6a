"""Metrics without noise (errors against the oracle, weights after evaluation, retraces, operations): compared exactly,
no statistics.
"""

import dataclasses
from collections.abc import Sequence

from bench.judge.metrics import NUMERICS, OPERATIONS, RETRACES
from bench.judge.reasons import GraphChanges, NoOracleStep, OracleErrors, ReferenceDeparts, Retraces, WeightsChanged
from bench.judge.types import Comparison
from bench.record.types import Record
from bench.stats.outcome import Outcome


def judge_numerics(subject: str, records: Sequence[Record]) -> Comparison:
    """Requires every checked step to be within its limit of the oracle, and evaluation to leave the weights alone."""
    errors = [error for record in records for error in record.numerics]
    changed = [record.launch for record in records if record.evaluation and record.evaluation.weights_changed]
    if changed:
        return Comparison(subject, NUMERICS, Outcome.REGRESSION, WeightsChanged(changed[0]))
    if not errors:
        return Comparison(subject, NUMERICS, Outcome.INCONCLUSIVE, NoOracleStep())
    over = [error for error in errors if not error.error <= error.limit]
    worst = min(over, key=lambda e: e.step) if over else max(errors, key=lambda e: e.error / e.limit)
    steps = len({error.step for error in errors})
    reason = OracleErrors(
        worst.quantity, worst.tensor, worst.step, worst.error, worst.limit, len(over), len(errors), steps
    )
    outcome = Outcome.REGRESSION if over else Outcome.PASS
    return Comparison(subject, NUMERICS, outcome, reason, worst.error, worst.limit)


def judge_retraces(subject: str, candidate: Sequence[Record], reference: Sequence[Record] = ()) -> Comparison:
    """Requires the step to be traced no more often than the reference's; once, without a reference."""
    after, before = (max((record.retraces for record in side), default=0) for side in (candidate, reference))
    outcome = Outcome.REGRESSION if after > before else Outcome.PASS
    return Comparison(subject, RETRACES, outcome, Retraces(), after, before)


def numerics_with_reference(candidate: Comparison, reference: Comparison) -> Comparison:
    """Returns the candidate's comparison with the oracle, unless the reference departs from it as well: nobody can say
    who is right.
    """
    if reference.outcome is not Outcome.REGRESSION:
        return candidate
    reason = ReferenceDeparts(candidate.reason, reference.reason)
    regressed = candidate.outcome is Outcome.REGRESSION
    outcome = Outcome.INCONCLUSIVE if regressed else candidate.outcome
    return dataclasses.replace(candidate, outcome=outcome, reason=reason)


def compare_graphs(subject: str, candidate: Sequence[Record], reference: Sequence[Record]) -> Comparison:
    """Compares the operations in the step's graph, which differ between Keras 2 and 3 by design."""
    after, before = (side[0].graph_operations for side in (candidate, reference))
    changes = {kind: after.get(kind, 0) - before.get(kind, 0) for kind in before.keys() | after.keys()}
    changed = sorted(
        ((kind, change) for kind, change in changes.items() if change), key=lambda item: (-abs(item[1]), item[0])
    )
    counted = bool(after and before)
    reason = GraphChanges(tuple(changed) if counted else (), counted)
    counts = [sum(side.values()) if side else None for side in (after, before)]
    return Comparison(subject, OPERATIONS, Outcome.NOT_GATED, reason, counts[0], counts[1])
