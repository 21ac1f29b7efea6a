"""A paired run to a verdict: what reference and candidate computed, and how fast, on one machine at one time."""

import dataclasses
from collections.abc import Iterable, Sequence

from bench.judge.acceptances import not_accepted, tolerated
from bench.judge.exact import both_depart, compare_graphs, judge_numerics, judge_retraces, left_open, unpromised
from bench.judge.ledger import NO_LEDGER
from bench.judge.likeness import unlike_sides
from bench.judge.lockstep import judge_lockstep
from bench.judge.margins import Margins
from bench.judge.metrics import COMPILATION, TRAINING
from bench.judge.notices import FailedOnce, LaunchFailed, MachineDrifted, Told
from bench.judge.planning import with_plans
from bench.judge.reasons import CandidateFailed, NotCompiled, Reason
from bench.judge.reports import incomplete, subject_of
from bench.judge.samples import compare, samples_of, whole_pairs
from bench.judge.types import Comparison, Metric, Question, Sample, Scope, Verdict
from bench.record.ledger import Ledger
from bench.record.paired import ALL_CORES, CANDIDATE, REFERENCE, Pair, PairedRun
from bench.record.repeats import Once, settled_pairs, to_repeat
from bench.record.types import NO_ORACLE, NO_TENSORFLOW, OWN_CODE, UNCOMPILED, Failure, Record
from bench.stats.outcome import Outcome
from bench.stats.trimmed import robust_seconds

DRIFT = 0.25  # of the reference's typical step, fastest launch to slowest; quiet launches on two cores stay within 0.15


def judge_paired(run: PairedRun, margins: Margins, ledger: Ledger = NO_LEDGER) -> Verdict:
    """Returns the verdict on everything that a run compared.

    A candidate that fails where the reference runs is a REGRESSION. The ledger's accepted regressions are a PASS,
    unless the run's reference is none of the ledger's.
    """
    subject = subject_of(run)
    comparisons, failures = launch_failures(run)
    if run.lockstep_failure:
        failures.append(LaunchFailed("lockstep", None, "", run.lockstep_failure.message))
    failures += incomplete(run)
    samples = paired_samples(run, margins)
    comparisons += [*_numerics(run, subject), *compare_in_turn(run, samples, retraces=not run.only)]
    comparisons = tolerated(comparisons, ledger, run)
    return Verdict(
        Question.UPGRADE,
        tuple(comparisons),
        (*not_accepted(comparisons, ledger, run), *paired_warnings(run)),
        tuple(failures),
        _scope(run),
    )


def paired_samples(run: PairedRun, margins: Margins) -> list[Sample]:
    """Returns what an upgrade judges of its launches in turn: metrics with a margin, or those that the run names.

    Step times are judged by the run's own margin, if it has one.
    """
    own = dataclasses.replace(margins, step_times=run.margin)
    return with_plans(samples_of(whole_pairs(run), own, run.only), run)


def compare_in_turn(run: PairedRun, samples: Sequence[Sample], *, retraces: bool) -> list[Comparison]:
    """Returns the comparisons of the launches that both sides finished, last that of the graphs' operations, if they
    were counted. An empty list for a run without launches.

    `retraces`: theirs are compared, too.
    """
    pairs, subject = whole_pairs(run), subject_of(run)
    if not pairs:
        return []
    sides = [pair.candidate for pair in pairs], [pair.reference for pair in pairs]
    traced = [judge_retraces(subject, *sides)] if retraces else []
    counted = all(side[0].graph_operations for side in sides)
    graphs = [compare_graphs(subject, *sides)] if counted else []
    return [*traced, *map(compare, samples), *graphs]


def paired_warnings(run: PairedRun, where: str = "") -> list[Reason]:
    """Returns what the run told, what set the sides apart besides TensorFlow, how the machine drifted, which launches
    failed once. `where`: the subject; "" where there is one alone.
    """
    once = settled_pairs(run.pairs)[1]
    return [
        *map(Told, run.warnings),
        *unpromised(run.oracle),
        *both_depart(subject_of(run), run.oracle[1:], run.oracle[:1]),
        *left_open(subject_of(run), run.oracle[1:]),
        *(failed_once(one, where) for one in once),
        *unlike_sides(run),
        *_drift(whole_pairs(run, ALL_CORES)),
    ]


def failed_once(one: Once, subject: str) -> FailedOnce:
    """Returns the warning of a failure that didn't come again; `subject` is "" where there is one alone."""
    return FailedOnce(subject, one.launch, one.side, one.failure.message)


def launch_failed(where: str, launch: int | None, side: str, failure: Failure) -> LaunchFailed:
    """Returns the failure of a launch; of neither side where the process failed that says what is right."""
    side = "" if failure.kind == NO_ORACLE else side
    return LaunchFailed(where, launch, side, failure.message, own_code=failure.kind == OWN_CODE)


def launch_failures(run: PairedRun, where: str = "") -> tuple[list[Comparison], list[Reason]]:
    """Returns what failed launches say: comparisons (the candidate alone failed, or XLA refuses a graph), and failures
    of the measurement. A failure that an interrupted run has yet to repeat counts as neither. `where`: the subject;
    "" where there is one alone.
    """
    launches: list[tuple[int | None, Record, Record]] = []
    raised = any(record.failure and record.failure.kind == OWN_CODE for record in run.oracle)
    if len(run.oracle) == 2 or raised:  # where the reference's raises, the candidate's isn't run
        launches.append((None, run.oracle[0], run.oracle[-1]))
    pairs = run.pairs[:-1] if run.incomplete and to_repeat(run.pairs) else run.pairs
    launches += [(pair.launch, pair.reference, pair.candidate) for pair in settled_pairs(pairs)[0]]
    said = [_failed(subject_of(run), where, *launch) for launch in launches]
    return first_of_each_metric(said), [one for one in said if isinstance(one, LaunchFailed)]


def _failed(
    subject: str, where: str, launch: int | None, reference: Record, candidate: Record
) -> Comparison | LaunchFailed | None:
    """Returns what a launch says that failed for good; None of one that both sides finished."""
    where = "oracle" if launch is None and not reference.subject.own else where
    if compilation := not_compiled(subject, reference.failure, candidate.failure):
        return compilation
    if failure := reference.failure:
        return launch_failed(where, launch, REFERENCE, failure)
    if not (failure := candidate.failure):
        return None
    if failure.kind in (NO_TENSORFLOW, NO_ORACLE):
        return launch_failed(where, launch, CANDIDATE, failure)
    return Comparison(subject, TRAINING, Outcome.REGRESSION, CandidateFailed(launch, failure.message))


def first_of_each_metric(said: Iterable[object]) -> list[Comparison]:
    """Returns the first comparison of each metric: one tells a failure, however many launches failed."""
    found: dict[Metric, Comparison] = {}
    for one in said:
        if isinstance(one, Comparison):
            found.setdefault(one.metric, one)
    return list(found.values())


def not_compiled(subject: str, reference: Failure | None, candidate: Failure | None) -> Comparison | None:
    """Returns the outcome where XLA can't compile the graph of a side, and nothing else failed; else None."""
    failed = {side: failure for side, failure in ((REFERENCE, reference), (CANDIDATE, candidate)) if failure}
    if not failed or any(failure.kind != UNCOMPILED for failure in failed.values()):
        return None
    *_, last = failed.values()
    outcome = Outcome.REGRESSION if reference is None else Outcome.INCONCLUSIVE
    return Comparison(subject, COMPILATION, outcome, NotCompiled(tuple(failed), len(failed) == 1, last.message))


def _scope(run: PairedRun) -> Scope:
    if run.only:
        return Scope.NAMED
    if not run.pairs:
        return Scope.NUMBERS
    return Scope.ALL if run.oracle or run.lockstep else Scope.SPEED


def _numerics(run: PairedRun, subject: str) -> list[Comparison]:
    """Compares both sides with the oracle, then with each other in lockstep."""
    comparisons = []
    if len(run.oracle) == 2 and not any(record.failure for record in run.oracle):
        comparisons.append(judge_numerics(subject, run.oracle[1:], run.oracle[:1]))
    if run.lockstep:
        comparisons.append(judge_lockstep(run.lockstep))
    return comparisons


def _drift(pairs: Sequence[Pair]) -> list[MachineDrifted]:
    """Warns where the machine's speed changed over the run: both sides saw it, so ratios hold, but times don't."""
    typical = [(robust, pair.launch) for pair in pairs if (robust := robust_seconds(pair.reference.step_seconds))]
    if len(typical) < 2:
        return []
    fastest, slowest = min(typical), max(typical)
    return [MachineDrifted(*fastest, *slowest)] if slowest[0] >= (1 + DRIFT) * fastest[0] else []
