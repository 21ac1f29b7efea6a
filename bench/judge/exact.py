"""Metrics without noise (errors against the oracle, weights after evaluation, retraces, operations): compared exactly, no statistics."""

import dataclasses
from collections.abc import Sequence

from bench.judge.types import Comparison
from bench.record.types import Record
from bench.stats.outcome import Outcome

MOST_KINDS = 5  # of operations that a note names: a line's worth


def judge_numerics(subject: str, records: Sequence[Record]) -> Comparison:
    """Every step held against the oracle must be within its limit, and evaluation must leave the weights alone."""
    errors = [error for record in records for error in record.numerics]
    steps = sorted({error.step for error in errors})
    found = f"{len(errors)} quantities of {len(steps)} steps"
    changed = [record.launch for record in records if record.evaluation and record.evaluation.weights_changed]
    if changed:
        note = f"evaluation changed the weights in launch {changed[0] + 1}"
        return Comparison(subject, "numerics", Outcome.REGRESSION, "weights changed", "weights kept", note)
    if not errors:
        return Comparison(
            subject, "numerics", Outcome.CANNOT_JUDGE, "–", "oracle", "no step was held against the oracle"
        )
    over = [error for error in errors if not error.error <= error.limit]
    worst = max(over, key=lambda e: -e.step) if over else max(errors, key=lambda e: e.error / e.limit)
    where = f"{worst.quantity}{f' of {worst.tensor}' if worst.tensor else ''} at step {worst.step}"
    values = (f"{worst.error:.1e}", f"≤ {worst.limit:.1e}")
    if over:
        note = f"{where} is {worst.error:.1e} from the oracle, {len(over)} of {found} are over their limit"
        return Comparison(subject, "numerics", Outcome.REGRESSION, *values, note)
    return Comparison(
        subject, "numerics", Outcome.PASS, *values, f"{found} agree with the oracle; nearest to its limit: {where}"
    )


def judge_retraces(subject: str, records: Sequence[Record]) -> Comparison:
    """The step must be traced once."""
    most = max(record.retraces for record in records)
    outcome = Outcome.REGRESSION if most else Outcome.PASS
    return Comparison(
        subject,
        "retraces",
        outcome,
        str(most),
        "0",
        "the step was traced again" if most else "the step was traced once",
    )


def beside_reference(candidate: Comparison, reference: Comparison) -> Comparison:
    """The candidate's comparison with the oracle, unless the reference departs from it as well: then nobody tells who is right."""
    if reference.outcome is not Outcome.REGRESSION:
        return candidate
    if candidate.outcome is Outcome.REGRESSION:
        note = f"both depart from the oracle; the reference: {reference.note}; the candidate: {candidate.note}"
        return dataclasses.replace(candidate, outcome=Outcome.CANNOT_JUDGE, note=note)
    return dataclasses.replace(candidate, note=f"{candidate.note}; the reference departs from it: {reference.note}")


def retraces_beside_reference(subject: str, candidate: Sequence[Record], reference: Sequence[Record]) -> Comparison:
    """The candidate's step must not be traced more often than the reference's."""
    after, before = (max(record.retraces for record in side) for side in (candidate, reference))
    if after > before:
        return Comparison(
            subject, "retraces", Outcome.REGRESSION, str(after), str(before), "the step was traced again, more often"
        )
    return Comparison(subject, "retraces", Outcome.PASS, str(after), str(before), "the step was traced no more often")


def graph_beside_reference(subject: str, candidate: Sequence[Record], reference: Sequence[Record]) -> Comparison:
    """Operations in the step's graph, by the types that changed most; Keras 2 and 3 differ by design, so it informs."""
    after, before = (side[0].graph_operations for side in (candidate, reference))
    changes = {kind: after.get(kind, 0) - before.get(kind, 0) for kind in before.keys() | after.keys()}
    changed = sorted(
        ((kind, change) for kind, change in changes.items() if change), key=lambda item: (-abs(item[1]), item[0])
    )
    note = ", ".join(f"{change:+d} {kind}" for kind, change in changed[:MOST_KINDS]) or "the same operations"
    if not after or not before:
        note = "not counted"
    shown = [str(sum(side.values())) if side else "–" for side in (after, before)]
    return Comparison(subject, "graph operations", Outcome.INFORMS, shown[0], shown[1], note, gates=False)
