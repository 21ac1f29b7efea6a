"""Paired runs judged: each gating metric can fail alone, sides that fail, and how far a verdict goes."""

import dataclasses
import math
from collections.abc import Callable

import pytest

from bench.judge.fields import Field
from bench.judge.metrics import OPERATIONS, TRAINING
from bench.judge.notices import (
    BothDepart,
    FailedOnce,
    FewThreads,
    Incomplete,
    LaunchFailed,
    LeftOpen,
    MachineDrifted,
    NotAccepted,
    Told,
    UnlikeEnvironments,
    Unpromised,
)
from bench.judge.paired import compare_in_turn, judge_paired, paired_samples
from bench.judge.reasons import (
    Accepted,
    CandidateFailed,
    FailsSometimes,
    Identical,
    LaunchesLackIt,
    NoMargin,
    NotCompiled,
    Reason,
    ReferenceDeparts,
)
from bench.judge.types import Question, Scope
from bench.record.ledger import AcceptedRegression, Ledger
from bench.record.lockstep import Departure, Difference
from bench.record.paired import Pair, PairedRun
from bench.record.types import (
    CASE,
    LEFT_OPEN,
    NO_ORACLE,
    NO_ROOM,
    NO_TENSORFLOW,
    OWN_CODE,
    SCHEMA,
    UNCOMPILED,
    Failure,
    NumericError,
    Record,
    Unchecked,
)
from bench.stats.outcome import Outcome
from tests.builders.launches import (
    GATING,
    PAIRED,
    SHOWN,
    by_metric,
    launches,
    lockstep,
    on_both,
    on_candidate,
    regressed,
    with_one_core,
    with_outcome,
)
from tests.builders.paired import CREATED, pair, paired_run
from tests.builders.records import BEYOND, SUBJECT, TINY, WITHIN, environment, record

CRASH = Failure("crashed", "the worker was killed by SIGSEGV during steps")
REFUSED = Failure(UNCOMPILED, "CompilationError: no NumericalGradient")
FULL = Failure(NO_ROOM, "OSError: [Errno 28] No space left on device")
ENDED = Failure(NO_ORACLE, "the oracle failed: the worker was killed by SIGKILL during check")
RAISED = Failure(OWN_CODE, "mine.py:6 in `workload`: ValueError: no data")
OWN = dataclasses.replace(SUBJECT, config="own", workload="mine.py")
ORACLE = (record(), record())


def test_nothing_changed_passes_after_the_first_look() -> None:
    verdict = judge_paired(paired_run(launches(), ORACLE), PAIRED)
    assert (verdict.question, verdict.outcome, verdict.exit_code) == (Question.UPGRADE, Outcome.PASS, 0)
    assert (verdict.warnings, verdict.failures) == ((), ())
    assert with_outcome(verdict, Outcome.PASS) == ["numerics", "retraces", *GATING]
    assert set(with_outcome(verdict, Outcome.NOT_GATED)) == {*SHOWN, "graph operations"}


@pytest.mark.parametrize(
    ("named", "config", "reason"),
    [
        ("GPU memory", "notebook", LaunchesLackIt(10, 10)),  # on a CPU no launch tells it
        ("memory growth", "medium", NoMargin("medium-synthetic-cells-cpu0")),
    ],
)
def test_a_named_metric_that_can_t_be_judged_is_no_pass(named: str, config: str, reason: Reason) -> None:
    run = dataclasses.replace(paired_run(launches()), only=(named,))
    other = dataclasses.replace(run.pairs[0].reference.subject, config=config)
    pairs = tuple(on_both(one, subject=other) for one in run.pairs)
    verdict = judge_paired(dataclasses.replace(run, pairs=pairs), PAIRED)
    found = by_metric(verdict)[named]
    assert (verdict.outcome, verdict.exit_code) == (Outcome.INCONCLUSIVE, 3)
    assert (found.outcome, found.metric.gates, found.reason) == (Outcome.INCONCLUSIVE, True, reason)


@pytest.mark.parametrize(
    ("metric", "effect", "size"),
    [
        ("step time", "step", 0.10),
        ("evaluation step", "evaluation", 0.20),
        ("peak memory", "memory", 0.20),
        ("perplexity", "perplexity", 0.05),
        ("perplexity", "perplexity", -0.05),  # better from the same numbers is another training, too
        ("memory growth", "growth", 1e6),
    ],
)
def test_each_gating_metric_can_fail_alone(metric: str, effect: str, size: float) -> None:
    verdict = judge_paired(paired_run(launches(**{effect: size})), PAIRED)
    assert (regressed(verdict), verdict.exit_code) == ([metric], 1)


def test_outlier_steps_are_found_by_the_mean_alone() -> None:
    """Two of ten quads hold a block that took ten times as long, which the trimmed mean leaves out."""
    pairs = []
    for made in launches():
        slow = dataclasses.replace(made.steps[0], seconds=(0.1, 1.0, 0.1, 0.1))
        pairs.append(dataclasses.replace(made, steps=(slow, slow, *[made.steps[0]] * 8)))
    assert regressed(judge_paired(paired_run(pairs), PAIRED)) == ["mean step"]


def test_equal_losses_pass_without_statistics() -> None:
    """Their differences have no spread, so no test could be computed: they are exactly 0."""
    equal = [on_candidate(one, losses=one.reference.losses) for one in launches()]
    found = by_metric(judge_paired(paired_run(equal), PAIRED))["perplexity"]
    assert (found.outcome, found.reason) == (Outcome.PASS, Identical(10))


def test_memory_growth_has_a_margin_for_each_configuration() -> None:
    """16 KiB a step more: within notebook's margin of 100 KiB, and beyond tiny's of 4 KiB; small has none."""
    found = {}
    for subject in (SUBJECT, TINY, dataclasses.replace(SUBJECT, config="small")):
        grown = [on_both(one, subject=subject) for one in launches(growth=16_384)]
        found[subject.config] = by_metric(judge_paired(paired_run(grown), PAIRED))["memory growth"].outcome
    assert found == {"notebook": Outcome.PASS, "tiny": Outcome.REGRESSION, "small": Outcome.NOT_GATED}


def test_the_candidate_must_not_be_traced_more_often_than_the_reference() -> None:
    again = [on_candidate(one, retraces=2) for one in launches()]
    assert regressed(judge_paired(paired_run(again), PAIRED)) == ["retraces"]
    assert judge_paired(paired_run([on_both(one, retraces=2) for one in launches()]), PAIRED).exit_code == 0


def test_the_metrics_that_a_run_names_gate_alone_and_failed_launches_do_not_count() -> None:
    """A slower evaluation is no matter of `--metric 'step time'`, and is shown all the same; nor are retraces."""
    traced = [on_candidate(one, retraces=2) for one in launches(evaluation=0.5)]
    run = dataclasses.replace(paired_run([*traced, pair(10, failure=CRASH)]), only=("step time",))
    found = paired_samples(run, PAIRED)
    assert {len(sample.difference) for sample in found} == {10}
    assert [sample.metric.name for sample in found if sample.metric.gates] == ["step time"]
    verdict = judge_paired(dataclasses.replace(run, pairs=run.pairs[:10]), PAIRED)
    assert (verdict.outcome, verdict.scope) == (Outcome.PASS, Scope.NAMED)
    assert by_metric(verdict)["evaluation step"].outcome is Outcome.NOT_GATED


# Launches that fail


@pytest.mark.parametrize(
    ("pairs", "oracle", "reason"),
    [
        ([pair(0), pair(1, failure=CRASH), pair(1, failure=CRASH)], (), CandidateFailed(1, CRASH.message)),
        ([], (record(), record(failure=CRASH)), CandidateFailed(None, CRASH.message)),
        # Said once, however many fail.
        ([pair(0, failure=CRASH)], (record(), record(failure=CRASH)), CandidateFailed(None, CRASH.message)),
    ],
)
def test_a_candidate_that_fails_where_the_reference_runs_is_a_regression(
    pairs: list[Pair], oracle: tuple[Record, ...], reason: Reason
) -> None:
    verdict = judge_paired(paired_run(pairs, oracle), PAIRED)
    assert (regressed(verdict), verdict.exit_code, verdict.failures) == (["training"], 1, ())
    assert by_metric(verdict)["training"].reason == reason


@pytest.mark.parametrize(
    ("reference", "candidate", "outcome", "sides"),
    [
        (None, REFUSED, Outcome.REGRESSION, ("candidate",)),
        (REFUSED, None, Outcome.INCONCLUSIVE, ("reference",)),
        (REFUSED, REFUSED, Outcome.INCONCLUSIVE, ("reference", "candidate")),
    ],
)
def test_a_graph_that_does_not_compile_is_an_outcome_of_its_own(
    reference: Failure | None, candidate: Failure | None, outcome: Outcome, sides: tuple[str, ...]
) -> None:
    failed = dataclasses.replace(pair(0), reference=record(failure=reference), candidate=record(failure=candidate))
    for run in (paired_run([failed]), paired_run([], (record(failure=reference), record(failure=candidate)))):
        verdict = judge_paired(run, PAIRED)
        (found,) = verdict.comparisons
        assert (found.metric.name, found.outcome, verdict.failures) == ("compilation", outcome, ())
        assert found.reason == NotCompiled(sides, len(sides) == 1, REFUSED.message)


def test_a_crash_next_to_a_graph_that_does_not_compile_is_a_failed_measurement() -> None:
    verdict = judge_paired(paired_run([], (record(failure=CRASH), record(failure=REFUSED))), PAIRED)
    assert (verdict.comparisons, verdict.exit_code) == ((), 4)


def test_a_graph_that_neither_side_compiles_hides_no_crash_of_the_candidate() -> None:
    crash = pair(0, failure=CRASH)
    verdict = judge_paired(paired_run([crash, crash], (record(failure=REFUSED), record(failure=REFUSED))), PAIRED)
    assert (regressed(verdict), len(verdict.comparisons)) == (["training"], 2)


def test_a_candidate_that_failed_once_and_not_again_is_a_warning() -> None:
    first, *others = launches()
    verdict = judge_paired(paired_run([first, pair(1, failure=CRASH), *others], ORACLE), PAIRED)
    assert (verdict.outcome, verdict.failures) == (Outcome.PASS, ())
    assert verdict.warnings == (FailedOnce("", 1, "candidate", CRASH.message),)


@pytest.mark.parametrize(
    ("failed", "outcome"),
    [("cc", Outcome.INCONCLUSIVE), ("ccr", Outcome.PASS), ("rccc", Outcome.INCONCLUSIVE), ("rrr", Outcome.PASS)],
)
def test_a_candidate_that_fails_now_and_then_does_not_pass(failed: str, outcome: Outcome) -> None:
    """Each repeat ran. One failure more than the reference has may be the machine's."""
    pairs = launches()
    for launch, side in enumerate(failed):
        name = {"c": "candidate", "r": "reference"}[side]
        at = next(index for index, one in enumerate(pairs) if one.launch == launch)
        broken = dataclasses.replace(getattr(pairs[at], name), failure=CRASH)
        pairs.insert(at, dataclasses.replace(pairs[at], **{name: broken}))
    verdict = judge_paired(paired_run(pairs, ORACLE), PAIRED)
    assert (verdict.outcome, len(verdict.warnings)) == (outcome, len(failed))
    found = [one.reason for one in verdict.comparisons if one.metric == TRAINING]
    counts = failed.count("c"), failed.count("r"), len(launches())
    assert found == ([FailsSometimes(*counts, CRASH.message)] if outcome is Outcome.INCONCLUSIVE else [])


@pytest.mark.parametrize("side", ["reference", "candidate"])
def test_a_failure_that_an_interrupted_run_has_not_repeated_says_nothing_yet(side: str) -> None:
    whole = pair(6)
    failed = dataclasses.replace(whole, **{side: dataclasses.replace(getattr(whole, side), failure=CRASH)})
    cut = dataclasses.replace(paired_run([*launches(6), failed]), incomplete="interrupted")
    verdict = judge_paired(cut, PAIRED)
    assert (regressed(verdict), verdict.exit_code, verdict.failures) == ([], 4, (Incomplete("interrupted"),))
    again = judge_paired(dataclasses.replace(cut, pairs=(*cut.pairs, failed)), PAIRED)
    assert (regressed(again), len(again.failures)) == ((["training"], 1) if side == "candidate" else ([], 2))
    refused = dataclasses.replace(cut, pairs=(*launches(6), pair(6, failure=REFUSED)))  # it would fail again
    assert regressed(judge_paired(refused, PAIRED)) == ["compilation"]


def both_fail() -> Pair:
    return on_both(pair(0), failure=CRASH)


@pytest.mark.parametrize(
    ("run", "failure"),
    [
        (paired_run([both_fail()]), LaunchFailed("", 0, "reference", CRASH.message)),
        (  # that the candidate alone fails in the repeat is no fault of its own
            paired_run([both_fail(), pair(0, failure=Failure("crashed", "killed"))]),
            LaunchFailed("", 0, "reference", CRASH.message),
        ),
        (
            paired_run([], (record(failure=CRASH), record())),
            LaunchFailed("oracle", None, "reference", CRASH.message),
        ),
        (
            paired_run([], (record(subject=OWN, failure=RAISED),)),
            LaunchFailed("", None, "reference", RAISED.message, own_code=True),
        ),
        (
            paired_run([pair(0, failure=Failure(NO_TENSORFLOW, "No module"))]),
            LaunchFailed("", 0, "candidate", "No module"),
        ),
        (
            paired_run([pair(0, failure=FULL), pair(0, failure=FULL)]),
            LaunchFailed("", 0, "", FULL.message),
        ),
        (
            paired_run([], (record(), record(failure=ENDED))),
            LaunchFailed("oracle", None, "", ENDED.message),
        ),
        (
            paired_run([], (record(failure=ENDED), record())),
            LaunchFailed("oracle", None, "", ENDED.message),
        ),
        (
            dataclasses.replace(paired_run([]), lockstep_failure=CRASH),
            LaunchFailed("lockstep", None, "", CRASH.message),
        ),
        (dataclasses.replace(paired_run([pair(0)]), incomplete="interrupted"), Incomplete("interrupted")),
    ],
    ids=[
        *(
            "reference",
            "reference first",
            "oracle",
            "own",
            "no TensorFlow",
            "full",
            "it ended",
            "it ended first",
            "lockstep",
        ),
        "interrupted",
    ],
)
def test_what_says_nothing_of_the_candidate_is_a_failed_measurement(run: PairedRun, failure: Reason) -> None:
    verdict = judge_paired(run, PAIRED)
    assert (verdict.exit_code, verdict.failures) == (4, (failure,))


def test_a_run_of_nothing_is_inconclusive() -> None:
    assert judge_paired(paired_run([]), PAIRED).exit_code == 3
    assert compare_in_turn(paired_run([]), [], retraces=True) == []


# Numbers


@pytest.mark.parametrize(
    ("wrong", "code"), [((False, False), 0), ((False, True), 1), ((True, False), 0), ((True, True), 3)]
)
def test_the_candidate_is_checked_against_the_oracle(wrong: tuple[bool, bool], code: int) -> None:
    """`wrong`: the reference, the candidate. Where the reference is, nobody can say who is right."""
    sides = [record(numerics=[BEYOND]) if one else record() for one in wrong]
    verdict = judge_paired(paired_run(launches(), sides), PAIRED)
    assert verdict.exit_code == code
    assert isinstance(by_metric(verdict)["numerics"].reason, ReferenceDeparts) is wrong[0]


def test_what_numbers_tell_beside_their_outcome_is_warned_of() -> None:
    alike = NumericError(0, "slot v after 1", "embedding", 0.4, 4e-6, departure=(0.4, 0.0), source=CASE, case="adam")
    lost = NumericError(5, "logits", "", 1.0, math.inf, source=CASE, case="given .keras")
    side = dataclasses.replace(record(numerics=(WITHIN, alike, lost)), unchecked=(Unchecked(LEFT_OPEN, "loss"),))
    found = judge_paired(paired_run([], (side, side)), PAIRED)
    assert [type(one) for one in found.warnings] == [Unpromised, BothDepart, LeftOpen]


FIRST = Difference(7, "update", "embedding", 1e-3, 1e-5)


@pytest.mark.parametrize(
    ("departure", "failure", "code"),
    [
        (None, None, 0),
        (Departure(FIRST, 0, reference_error=1e-7, candidate_error=1e-3), None, 1),
        (Departure(FIRST, 0, reference_error=1e-3, candidate_error=1e-7), None, 3),  # the reference is the wrong one
        (None, CRASH, 1),
    ],
)
def test_lockstep_joins_the_verdict(departure: Departure | None, failure: Failure | None, code: int) -> None:
    ended = lockstep(departure=departure, failure=failure)
    verdict = judge_paired(dataclasses.replace(paired_run(launches()), lockstep=ended), PAIRED)
    assert (verdict.exit_code, verdict.scope) == (code, Scope.ALL)
    assert regressed(verdict) == (["lockstep"] if code == 1 else [])


# The ledger


def test_the_ledger_s_accepted_regressions_pass() -> None:
    known = AcceptedRegression(SUBJECT.name, "step time", 0.20, "why", "link", "2026-01-31")
    ledger, run = Ledger(SCHEMA, (), (known,)), paired_run(launches(step=0.10))
    verdict = judge_paired(run, PAIRED, ledger)
    assert (verdict.outcome, judge_paired(run, PAIRED).outcome) == (Outcome.PASS, Outcome.REGRESSION)
    reason = by_metric(verdict)["step time"].reason
    assert isinstance(reason, Accepted)
    assert (reason.expires, reason.why, reason.link) == ("2026-01-31", "why", "link")
    late = dataclasses.replace(run, created="2026-02-01T00:00:00+00:00")
    ended = judge_paired(late, PAIRED, ledger)
    assert ended.outcome is Outcome.REGRESSION
    assert NotAccepted(SUBJECT.name, "step time", 0.20, "2026-01-31", "link", ended=True) in ended.warnings
    assert run.created == CREATED  # not today, whenever that is


# What a verdict carries


def test_the_verdict_says_how_far_it_goes() -> None:
    assert judge_paired(paired_run(launches()), PAIRED).scope is Scope.SPEED
    assert judge_paired(paired_run([], ORACLE), PAIRED).scope is Scope.NUMBERS
    assert judge_paired(paired_run(launches(), ORACLE), PAIRED).scope is Scope.ALL


@pytest.mark.parametrize(("slow", "warned"), [(0.13, True), (0.12, False)])
def test_a_slow_hour_is_a_warning(slow: float, warned: bool) -> None:
    """The reference's step takes 0.1 s in most launches, and longer in the third, which is the run's fifth."""
    made = [dataclasses.replace(one, launch=2 * one.launch) for one in launches()]
    made[2] = dataclasses.replace(made[2], reference=dataclasses.replace(made[2].reference, step_seconds=(slow,) * 5))
    verdict = judge_paired(paired_run(made, ORACLE), PAIRED)
    if warned:
        (drifted,) = verdict.warnings
        assert isinstance(drifted, MachineDrifted)
        assert (drifted.fastest_launch, drifted.slowest_launch) == (0, 4)
        assert (drifted.fastest_seconds, drifted.slowest_seconds) == pytest.approx((0.1, 0.13))
    else:
        assert verdict.warnings == ()
    assert verdict.outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("threads", "warned"), [((1, 1), [FewThreads(1, 2)]), ((2, 2), []), ((2, 1), []), ((1, 4), [])]
)
def test_fewer_threads_than_cores_on_both_sides_are_a_warning(
    threads: tuple[int, int], warned: list[FewThreads]
) -> None:
    """Where a side alone has few, the other has all cores. Launches on one core have one thread by design."""
    reference, candidate = (environment(threads=count) for count in threads)
    made = [on_candidate(on_both(one, environment=reference), environment=candidate) for one in launches()]
    assert list(judge_paired(paired_run(made), PAIRED).warnings) == warned
    pinned = [dataclasses.replace(one, core=1) for one in made]
    assert judge_paired(paired_run(pinned), PAIRED).warnings == ()


@pytest.mark.parametrize("lacking", [on_candidate, on_both])
def test_operations_of_graphs_that_a_side_did_not_count_are_not_told(lacking: Callable[..., Pair]) -> None:
    uncounted = [lacking(one, graph_operations={}) for one in launches()]
    told = [comparison.metric for comparison in judge_paired(paired_run(uncounted), PAIRED).comparisons]
    assert told
    assert OPERATIONS not in told


def test_a_slow_core_is_no_slow_hour() -> None:
    assert judge_paired(paired_run(with_one_core(launches()), ORACLE), PAIRED).warnings == ()


def test_what_the_run_tells_and_what_sets_the_sides_apart_are_warnings() -> None:
    other = dataclasses.replace(environment(), python="3.12.3")
    run = paired_run([on_candidate(one, environment=other) for one in launches()], warnings=["load: 3.00"])
    unlike = UnlikeEnvironments(Field("python", "3.11.7", "3.12.3"))
    assert judge_paired(run, PAIRED).warnings == (Told("load: 3.00"), unlike)
