"""Failed launches to comparisons and failures of the measurement: of both sides in turn, and of a candidate alone."""

from collections import Counter
from collections.abc import Iterable, Sequence

from bench.judge.metrics import COMPILATION, TRAINING
from bench.judge.notices import FailedOnce, LaunchFailed
from bench.judge.reasons import CandidateFailed, Diverged, FailsSometimes, NotCompiled, Reason
from bench.judge.reports import subject_of
from bench.judge.types import Comparison, Metric
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun
from bench.record.repeats import Once, settled_pairs, settled_records, to_repeat
from bench.record.types import DIVERGED, NOT_THE_CANDIDATE_S, OWN_CODE, THE_MACHINE_S, UNCOMPILED, Failure, Record
from bench.stats.outcome import Outcome

TOO_MANY = 2  # launches more than the reference's that failed and then ran: one may be the machine's


def launch_failures(run: PairedRun, where: str = "") -> tuple[list[Comparison], list[Reason]]:
    """Returns what failed launches say: comparisons, and failures of the measurement.

    A comparison tells that the candidate alone failed, or that XLA refuses a graph. A failure that an interrupted run
    has yet to repeat counts as neither. `where`: the subject; "" where there is one alone.
    """
    launches: list[tuple[int | None, Record, Record]] = []
    raised = any(record.failure and record.failure.kind == OWN_CODE for record in run.oracle)
    if len(run.oracle) == 2 or raised:  # where the reference's raises, the candidate's isn't run
        launches.append((None, run.oracle[0], run.oracle[-1]))
    pairs = run.pairs[:-1] if run.incomplete and to_repeat(run.pairs) else run.pairs
    launches += [(pair.launch, pair.reference, pair.candidate) for pair in settled_pairs(pairs)[0]]
    return _told(_of_both(subject_of(run), where, *launch) for launch in launches)


def candidate_failures(
    subject: str, records: Iterable[Record], *, reference_ran: bool
) -> tuple[list[Comparison], list[Reason]]:
    """Returns the same of launches of the candidate alone."""
    failed = ((record.launch, record.failure) for record in records if record.failure)
    return _told(_of_candidate(subject, *launch, reference_ran=reference_ran) for launch in failed)


def with_repeats(
    comparisons: Sequence[Comparison], runs: Iterable[PairedRun], records: Sequence[Record] = ()
) -> list[Comparison]:
    """Returns the comparisons, and one of each subject whose candidate failed now and then: in TOO_MANY launches more
    than the reference, though each ran when it was repeated. None where a failure that counts is told already.

    `records` are launches of the candidate alone.
    """
    known = {one.subject for one in comparisons if one.metric == TRAINING}
    settled, once = settled_records(records)
    launches = Counter(record.subject.name for record in settled)
    for run in runs:
        pairs, of_pairs = settled_pairs(run.pairs)
        launches[subject_of(run)] += len(pairs)
        once += of_pairs
    found = []
    for subject, count in launches.items():
        candidate, reference = (
            [one for one in once if (one.subject, one.side) == (subject, side)] for side in (CANDIDATE, REFERENCE)
        )
        if subject not in known and len(candidate) - len(reference) >= TOO_MANY:
            why = FailsSometimes(len(candidate), len(reference), count, candidate[-1].failure.message)
            found.append(Comparison(subject, TRAINING, Outcome.INCONCLUSIVE, why))
    return [*comparisons, *found]


def failed_once(one: Once, subject: str) -> FailedOnce:
    """Returns the warning of a failure that didn't come again; `subject` is "" where there is one alone."""
    return FailedOnce(subject, one.launch, one.side, one.failure.message)


def launch_failed(where: str, launch: int | None, side: str, failure: Failure) -> LaunchFailed:
    """Returns the failure of a launch; of neither side where the machine failed."""
    side = "" if failure.kind in THE_MACHINE_S else side
    return LaunchFailed(where, launch, side, failure.message, own_code=failure.kind == OWN_CODE)


def _told(said: Iterable[Comparison | LaunchFailed | None]) -> tuple[list[Comparison], list[Reason]]:
    """Returns the first comparison of each metric, since one tells a failure however many launches failed; and the
    failures of the measurement.
    """
    found: dict[Metric, Comparison] = {}
    failures: list[Reason] = []
    for one in said:
        if isinstance(one, Comparison):
            found.setdefault(one.metric, one)
        elif one:
            failures.append(one)
    return list(found.values()), failures


def _of_both(
    subject: str, where: str, launch: int | None, reference: Record, candidate: Record
) -> Comparison | LaunchFailed | None:
    """Returns what a launch says that failed for good; None of one that both sides finished."""
    where = "oracle" if launch is None and not reference.subject.own else where
    if compilation := _not_compiled(subject, reference.failure, candidate.failure):
        return compilation
    if failure := reference.failure:
        return launch_failed(where, launch, REFERENCE, failure)
    if not (failure := candidate.failure):
        return None
    if failure.kind in NOT_THE_CANDIDATE_S:
        return launch_failed(where, launch, CANDIDATE, failure)
    return Comparison(subject, TRAINING, Outcome.REGRESSION, CandidateFailed(launch, failure.message))


def _of_candidate(name: str, launch: int, failure: Failure, *, reference_ran: bool) -> Comparison | LaunchFailed:
    """Returns what a launch of the candidate alone says that failed for good."""
    if failure.kind == DIVERGED:
        return Comparison(name, TRAINING, Outcome.REGRESSION, Diverged(failure.message))
    if reference_ran and failure.kind not in NOT_THE_CANDIDATE_S:
        return Comparison(name, TRAINING, Outcome.REGRESSION, CandidateFailed(None, failure.message))
    if failure.kind == UNCOMPILED:  # and nobody knows whether the reference's graph compiles
        unknown = NotCompiled((CANDIDATE,), False, failure.message)
        return Comparison(name, COMPILATION, Outcome.INCONCLUSIVE, unknown)
    return launch_failed(name, launch, CANDIDATE, failure)


def _not_compiled(subject: str, reference: Failure | None, candidate: Failure | None) -> Comparison | None:
    """Returns the outcome where XLA can't compile the graph of a side, and nothing else failed; else None."""
    failed = {side: failure for side, failure in ((REFERENCE, reference), (CANDIDATE, candidate)) if failure}
    if not failed or any(failure.kind != UNCOMPILED for failure in failed.values()):
        return None
    *_, last = failed.values()
    outcome = Outcome.REGRESSION if reference is None else Outcome.INCONCLUSIVE
    return Comparison(subject, COMPILATION, outcome, NotCompiled(tuple(failed), len(failed) == 1, last.message))
