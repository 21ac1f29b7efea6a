"""A paired run to a verdict: what reference and candidate computed, and how fast, on one machine at one time."""

from collections.abc import Sequence

from bench.judge.exact import beside_reference, judge_numerics, retraces_beside_reference
from bench.judge.in_turn import compare_in_turn, whole_pairs
from bench.judge.likeness import unlike_sides
from bench.judge.lockstep import judge_lockstep
from bench.judge.margins import Margins
from bench.judge.paired_metrics import metrics
from bench.judge.types import Comparison, Scope, Verdict, overall
from bench.record.paired import Pair, PairedRun
from bench.record.repeats import settled_pairs
from bench.record.types import INCOMPLETE, NO_TENSORFLOW
from bench.stats.outcome import Outcome
from bench.stats.trimmed import robust_seconds

DRIFT = 0.25  # of the reference's typical step, from its fastest launch to its slowest; quiet launches on two cores stay within 0.15


def judge_paired(run: PairedRun, margins: Margins, only: Sequence[str] = ()) -> Verdict:
    """The verdict on everything that a run compared. A candidate that fails where the reference runs is a REGRESSION.

    `only`: names of the metrics that gate; none: all that have a margin.
    """
    subject = subject_of(run)
    comparisons, failures = launch_failures(run, subject)
    failures += [f"lockstep: {run.lockstep_failure.message}"] if run.lockstep_failure else []
    failures += [warning for warning in run.warnings if warning.startswith(INCOMPLETE)]
    comparisons += _numerics(run, subject)
    pairs = whole_pairs(run)
    if pairs:
        candidates, references = [pair.candidate for pair in pairs], [pair.reference for pair in pairs]
        comparisons.append(retraces_beside_reference(subject, candidates, references))
        comparisons += compare_in_turn(subject, pairs, metrics(pairs, margins, only=only))
    warnings = [warning for warning in (*run.warnings, *pair_warnings(run)) if warning not in failures]
    return Verdict(overall(comparisons), tuple(comparisons), tuple(warnings), tuple(failures), _scope(run))


def _scope(run: PairedRun) -> Scope:
    if run.only:
        return Scope.NAMED
    if not run.pairs:
        return Scope.NUMBERS
    return Scope.ALL if run.oracle or run.lockstep else Scope.SPEED


def pair_warnings(run: PairedRun) -> list[str]:
    """What set the sides apart besides TensorFlow, how the machine drifted, and which launches failed once."""
    return [*settled_pairs(run.pairs)[1], *unlike_sides(run), *_drift(whole_pairs(run))]


def subject_of(run: PairedRun) -> str:
    """Subject.name of what was measured."""
    records = [*run.oracle, *(record for pair in run.pairs for record in (pair.reference, pair.candidate))]
    return records[0].subject.name if records else run.lockstep.subject.name if run.lockstep else "nothing"


def launch_failures(run: PairedRun, subject: str) -> tuple[list[Comparison], list[str]]:
    """(regressions: where only the candidate failed; failed measurements: where the reference did, or nothing could be measured)."""
    comparisons: list[Comparison] = []
    failures: list[str] = []
    launches = [("the launch held against the oracle", *run.oracle)] if len(run.oracle) == 2 else []
    launches += [(f"launch {pair.launch + 1}", pair.reference, pair.candidate) for pair in settled_pairs(run.pairs)[0]]
    for where, reference, candidate in launches:
        if reference.failure:
            failures.append(f"{where}: the reference failed: {reference.failure.message}")
        elif candidate.failure and candidate.failure.kind == NO_TENSORFLOW:
            failures.append(f"{where}: {candidate.failure.message}")
        elif candidate.failure and not comparisons:
            note = f"the candidate failed in {where}, where the reference runs: {candidate.failure.message}"
            comparisons.append(Comparison(subject, "training", Outcome.REGRESSION, "failed", "runs", note))
    return comparisons, failures


def _numerics(run: PairedRun, subject: str) -> list[Comparison]:
    """Both sides against the oracle, then against each other in lockstep."""
    comparisons = []
    if len(run.oracle) == 2 and not any(record.failure for record in run.oracle):
        reference, candidate = (judge_numerics(subject, [record]) for record in run.oracle)
        comparisons.append(beside_reference(candidate, reference))
    if run.lockstep:
        comparisons.append(judge_lockstep(run.lockstep))
    return comparisons


def _drift(pairs: Sequence[Pair]) -> list[str]:
    """A warning where the machine's speed changed over the run. Ratios hold, since both sides saw it; absolute times don't."""
    typical = [robust for pair in pairs if (robust := robust_seconds(pair.reference.step_seconds))]
    if len(typical) < 2 or max(typical) < (1 + DRIFT) * min(typical):
        return []
    slowest, fastest = max(typical), min(typical)
    return [
        f"the machine's speed drifted: the reference's step took {1000 * fastest:.3g} ms in launch {typical.index(fastest) + 1} and "
        f"{1000 * slowest:.3g} ms in launch {typical.index(slowest) + 1}"
    ]
