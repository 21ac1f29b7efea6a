"""A paired run to a verdict: what reference and candidate computed, and how fast, on one machine at one time."""

import dataclasses
from collections.abc import Sequence

from bench.judge.acceptances import not_accepted, tolerated
from bench.judge.exact import both_depart, compare_graphs, judge_numerics, judge_retraces, left_open, unpromised
from bench.judge.failures import failed_once, launch_failures, with_repeats
from bench.judge.ledger import NO_LEDGER
from bench.judge.likeness import unlike_sides
from bench.judge.lockstep import judge_lockstep
from bench.judge.margins import Margins
from bench.judge.notices import FewThreads, LaunchFailed, MachineDrifted, Told
from bench.judge.planning import with_plans
from bench.judge.reasons import Reason
from bench.judge.reports import incomplete, subject_of
from bench.judge.samples import compare, samples_of, whole_pairs
from bench.judge.types import Comparison, Question, Sample, Scope, Verdict
from bench.record.ledger import Ledger
from bench.record.paired import ALL_CORES, Pair, PairedRun
from bench.record.repeats import settled_pairs
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
    comparisons = tolerated(with_repeats(comparisons, [run]), ledger, run)
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
    """Returns what the run told, what set the sides apart besides TensorFlow, how few threads they had, how the machine
    drifted, which launches failed once. `where`: the subject; "" where there is one alone.
    """
    once = settled_pairs(run.pairs)[1]
    return [
        *map(Told, run.warnings),
        *unpromised(run.oracle),
        *both_depart(subject_of(run), run.oracle[1:], run.oracle[:1]),
        *left_open(subject_of(run), run.oracle[1:]),
        *(failed_once(one, where) for one in once),
        *unlike_sides(run),
        *_few_threads(whole_pairs(run, ALL_CORES)),
        *_drift(whole_pairs(run, ALL_CORES)),
    ]


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


def _few_threads(pairs: Sequence[Pair]) -> list[FewThreads]:
    """Warns where neither side had a thread for each core, as by TF_NUM_INTRAOP_THREADS of the shell."""
    told = [one.environment.threads for pair in pairs for one in (pair.reference, pair.candidate) if one.environment]
    cores = {pair.candidate.machine.cores for pair in pairs}
    return [FewThreads(max(told), max(cores))] if told and max(told) < max(cores) else []


def _drift(pairs: Sequence[Pair]) -> list[MachineDrifted]:
    """Warns where the machine's speed changed over the run: both sides saw it, so ratios hold, but times don't."""
    typical = [(robust, pair.launch) for pair in pairs if (robust := robust_seconds(pair.reference.step_seconds))]
    if len(typical) < 2:
        return []
    fastest, slowest = min(typical), max(typical)
    return [MachineDrifted(*fastest, *slowest)] if slowest[0] >= (1 + DRIFT) * fastest[0] else []
