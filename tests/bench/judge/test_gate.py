"""A whole gate: its numbers by the baselines, its speed in turn, launches that fail, and reports judged again."""

import dataclasses
from collections.abc import Sequence

import pytest

from bench.judge.fields import Field
from bench.judge.gate import Standards, gate_samples, judge_gate, judge_run
from bench.judge.metrics import COMPILATION
from bench.judge.notices import FailedOnce, Incomplete, LaunchFailed, LeftOpen, NumbersNotMeasured, Told
from bench.judge.reasons import (
    CandidateFailed,
    Disturbed,
    Diverged,
    FailsSometimes,
    NoBaseline,
    NoStoredSpeed,
    NotCompiled,
    SpeedNotMeasured,
    StoredRange,
    UnlikeBaseline,
)
from bench.judge.types import Question, Scope, Verdict
from bench.record.codec import from_plain, parse, to_text
from bench.record.gate import GateRun
from bench.record.ledger import AcceptedRegression, Ledger
from bench.record.paired import Pair
from bench.record.types import (
    LEFT_OPEN,
    NO_ORACLE,
    NO_TENSORFLOW,
    SCHEMA,
    UNCOMPILED,
    Baseline,
    Failure,
    Record,
    Run,
    Unchecked,
)
from bench.stats.outcome import Outcome
from tests.builders.launches import (
    GATING,
    PAIRED,
    SHOWN,
    accepted,
    by_metric,
    launches,
    on_both,
    on_candidate,
    regressed,
    with_one_core,
    with_outcome,
)
from tests.builders.paired import gate_run, pair
from tests.builders.records import BEYOND, SPEEDS, SUBJECT, TINY, baseline, record, records, run, standards, throughput

CRASH = Failure("crashed", "the worker was killed by SIGKILL during steps")
DIVERGED = Failure("diverged", "training diverged: the loss is nan at step 7")
NUMBERS = ["numerics", "retraces", "perplexity"]
CUT = Incomplete("the run was interrupted after 4 of 12 launches")


def judged(gate: GateRun, *baselines: Baseline) -> Verdict:
    """By the sample baseline or those that are named, and an empty ledger."""
    return judge_gate(gate, standards(baselines or [baseline()], PAIRED))


def numbers_alone(of: Run, *baselines: Baseline) -> Verdict:
    return judged(gate_run(numbers=of), *baselines)


# All of it


def test_nothing_changed_passes_in_every_metric() -> None:
    verdict = judged(gate_run(launches()))
    assert (verdict.question, verdict.outcome, verdict.exit_code) == (Question.GATE, Outcome.PASS, 0)
    assert (verdict.warnings, verdict.failures, verdict.scope) == ((), (), Scope.ALL)
    speed = [name for name in GATING if name != "perplexity"]
    assert with_outcome(verdict, Outcome.PASS) == [*NUMBERS, *speed]
    assert set(with_outcome(verdict, Outcome.NOT_GATED)) == {*SHOWN, "graph operations", "words/s"}


@pytest.mark.parametrize(
    ("changed", "metric"),
    [
        (records([5.05, 5.05, 5.05, 5.05]), "perplexity"),
        ([record(numerics=[BEYOND]), *records()[1:]], "numerics"),
        ([dataclasses.replace(one, retraces=3) for one in records()], "retraces"),
    ],
)
def test_one_regression_of_numbers_makes_the_verdict_and_the_rest_is_reported(
    changed: Sequence[Record], metric: str
) -> None:
    verdict = judged(gate_run(launches(), run(changed)))
    assert (regressed(verdict), verdict.exit_code) == ([metric], 1)
    assert {*NUMBERS, "step time"} <= set(by_metric(verdict))


def test_launches_in_turn_do_not_judge_perplexity_but_the_replicates_do() -> None:
    """Theirs is off by 5%, as it would be of a reference that is; the gate's own are compared with the stored ones."""
    off = gate_run(launches(perplexity=0.05))
    verdict = judged(off)
    assert [comparison.metric.name for comparison in verdict.comparisons].count("perplexity") == 1
    assert verdict.outcome is Outcome.PASS
    assert "perplexity" not in [one.metric.name for one in gate_samples(off.speed[0], standards(margins=PAIRED))]


def test_two_subjects_are_judged_each_by_its_own_baseline_and_stay_together() -> None:
    numbers = run([*records([5.05] * 4, subject=TINY), *records()])
    verdict = judged(gate_run(launches(), numbers), baseline(), baseline(subject=TINY))
    wrong = [(each.subject, each.metric.name) for each in verdict.comparisons if each.outcome is Outcome.REGRESSION]
    assert wrong == [(TINY.name, "perplexity")]
    subjects = [each.subject for each in verdict.comparisons]
    assert subjects == [TINY.name] * 3 + [SUBJECT.name] * (len(subjects) - 3)


@pytest.mark.parametrize(("reference", "outcome"), [(1, Outcome.PASS), (0, Outcome.REGRESSION)])
def test_retraces_that_numbers_do_not_tell_are_compared_with_the_reference_s(reference: int, outcome: Outcome) -> None:
    subject = dataclasses.replace(SUBJECT, metrics=("step time",))
    pairs = [
        dataclasses.replace(
            one,
            reference=dataclasses.replace(one.reference, subject=subject, retraces=reference),
            candidate=dataclasses.replace(one.candidate, subject=subject, retraces=1),
        )
        for one in launches()
    ]
    verdict = judged(gate_run(pairs, run([dataclasses.replace(record(subject=subject), retraces=1)])))
    assert [one.outcome for one in verdict.comparisons if one.metric.name == "retraces"] == [outcome]


# Words a second


def test_words_a_second_are_shown_unless_the_gate_was_asked_to_judge_them() -> None:
    """The candidate's step takes 0.1 s: 3000 words a second, of which the baseline holds 3100 to 3200, in turn here."""
    stored = baseline(stored=(throughput([3100, 3200], in_turn=True),))
    shown = judged(gate_run(launches()), stored)
    found = by_metric(shown)["words/s"]
    assert (shown.outcome, found.outcome, found.metric.gates) == (Outcome.PASS, Outcome.NOT_GATED, False)
    assert found.candidate == pytest.approx(3000)
    assert found.reason == StoredRange("below", 3100, 3200, 2, "2026-01-01", "2026-01-01")
    gated = judged(gate_run(launches(), gate_stored=True), stored)
    assert (gated.outcome, regressed(gated)) == (Outcome.REGRESSION, ["words/s"])
    none = judged(gate_run(launches(), gate_stored=True))  # stored speeds of launches alone aren't comparable
    assert (none.outcome, by_metric(none)["words/s"].reason) == (Outcome.INCONCLUSIVE, NoStoredSpeed())


def test_words_a_second_of_what_no_baseline_is_made_of_gate_nowhere() -> None:
    subject = dataclasses.replace(SUBJECT, workload="predict", metrics=("step time",))
    pairs = [on_both(one, subject=subject) for one in launches()]
    found = by_metric(judged(gate_run(pairs, gate_stored=True)))["words/s"]
    assert (found.outcome, found.reason) == (Outcome.NOT_GATED, NoStoredSpeed())


def test_words_a_second_are_those_of_launches_on_all_cores() -> None:
    """300 words in 0.1 s there, and in 1 s on one core."""
    assert by_metric(judged(gate_run(with_one_core(launches()))))["words/s"].candidate == pytest.approx(3000)


def test_launches_alongside_other_jobs_tell_no_words_a_second() -> None:
    """3000 where they ran alone, and 1500 where others had 30% of the CPU, of which the baseline holds 2900 to 3100."""
    stored = baseline(stored=(throughput([2900, 3100], in_turn=True),))
    alone = launches()
    slow = [dataclasses.replace(on_candidate(one, step_seconds=(0.2,) * 5), others_cpu=0.3) for one in alone]
    half = judged(gate_run([*alone[:5], *slow[5:]], gate_stored=True), stored)
    assert half.outcome is Outcome.PASS
    assert by_metric(half)["words/s"].candidate == pytest.approx(3000)
    none = judged(gate_run(slow, gate_stored=True), stored)
    found = by_metric(none)["words/s"]
    assert (none.outcome, found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Outcome.INCONCLUSIVE, Disturbed(10))
    shown = judged(gate_run(slow), stored)
    assert (shown.outcome, by_metric(shown)["words/s"].outcome) == (Outcome.PASS, Outcome.NOT_GATED)


def test_words_a_second_are_the_candidate_s() -> None:
    """Its step takes 0.2 s, the reference's 0.1 s."""
    slow = [on_candidate(one, step_seconds=(0.2,) * 5) for one in launches()]
    assert by_metric(judged(gate_run(slow)))["words/s"].candidate == pytest.approx(1500)


# How far a verdict goes


def test_numbers_alone_say_so() -> None:
    verdict = judged(gate_run())
    assert (verdict.outcome, verdict.scope, list(by_metric(verdict))) == (Outcome.PASS, Scope.NUMBERS, NUMBERS)


def test_a_gate_that_could_time_nothing_is_one_of_numbers() -> None:
    """The margins file names no metric of the workload."""
    measured = gate_run(launches())
    untimed = dataclasses.replace(measured, speed=(dataclasses.replace(measured.speed[0], pairs=()),))
    verdict = judged(untimed)
    assert (verdict.outcome, verdict.scope, list(by_metric(verdict))) == (Outcome.PASS, Scope.NUMBERS, NUMBERS)


def test_a_reference_that_could_not_be_built_leaves_speed_open() -> None:
    verdict = judged(gate_run(speed_problem="no network"))
    assert (verdict.outcome, verdict.exit_code, verdict.scope) == (Outcome.INCONCLUSIVE, 3, Scope.NUMBERS)
    assert by_metric(verdict)["speed"].reason == SpeedNotMeasured("no network")
    wrong = judged(gate_run(numbers=run([record(numerics=[BEYOND])]), speed_problem="no network"))
    assert (wrong.outcome, wrong.exit_code) == (Outcome.REGRESSION, 1)


@pytest.mark.parametrize("pairs", [[], launches()])
def test_numbers_that_were_never_measured_are_no_pass(pairs: list[Pair]) -> None:
    """They come last: the gate was interrupted before, and says so."""
    unmeasured = dataclasses.replace(run([]), incomplete=CUT.message)
    verdict = judged(gate_run(pairs, unmeasured))
    assert (verdict.exit_code, verdict.failures) == (4, (CUT,))
    assert judged(gate_run(launches(step=0.1), unmeasured)).exit_code == 1
    silent = judged(gate_run(pairs, run([])))  # nothing says why there are none
    assert (silent.exit_code, silent.failures) == (4, (NumbersNotMeasured(),))


def test_too_few_launches_in_turn_are_no_pass() -> None:
    assert judged(gate_run(launches(3))).exit_code == 3


# Launches that fail


def test_a_launch_in_turn_that_failed_once_is_a_warning_and_twice_a_regression() -> None:
    once = judged(gate_run([*launches(), pair(4, failure=CRASH), pair(4)]))
    assert (once.outcome, once.failures) == (Outcome.PASS, ())
    assert once.warnings == (FailedOnce("", 4, "candidate", CRASH.message),)
    twice = judged(gate_run([pair(0), pair(1, failure=CRASH), pair(1, failure=CRASH)]))
    assert (twice.outcome, regressed(twice)) == (Outcome.REGRESSION, ["training"])
    assert by_metric(twice)["training"].reason == CandidateFailed(1, CRASH.message)


def test_a_candidate_that_fails_now_and_then_in_numbers_or_in_turn_does_not_pass() -> None:
    """One launch of each counts as two; what counts for good is told alone."""
    first, *others = records()
    numbers = run([dataclasses.replace(first, failure=CRASH), first, *others])
    in_turn = [*launches(), pair(4, failure=CRASH), pair(4)]
    assert judged(gate_run(launches(), numbers)).outcome is Outcome.PASS
    verdict = judged(gate_run(in_turn, numbers))
    assert (verdict.exit_code, regressed(verdict), len(verdict.warnings)) == (3, [], 2)
    count = len(records()) + len(launches()) + 1
    assert by_metric(verdict)["training"].reason == FailsSometimes(2, 0, count, CRASH.message)
    second, *last = others
    alone = [dataclasses.replace(second, failure=CRASH), second, *last]
    assert numbers_alone(run([dataclasses.replace(first, failure=CRASH), first, *alone])).exit_code == 3
    for failure in (CRASH, DIVERGED):
        broken = run([*[dataclasses.replace(first, failure=failure)] * 2, *others])
        found = judged(gate_run([*in_turn, pair(5, failure=CRASH), pair(5)], broken))
        assert (regressed(found), found.exit_code) == (["training"], 1)


def test_a_candidate_that_fails_after_the_reference_failed_is_no_regression() -> None:
    """As where memory runs out: that the reference ran before says nothing then."""
    both = on_both(pair(1), failure=CRASH)
    for last in (both, pair(1, failure=CRASH)):  # the candidate alone fails in the repeat
        failed = judged(gate_run([pair(0), both, last], run([record(failure=CRASH)])))
        assert (failed.exit_code, regressed(failed)) == (4, [])


def test_launches_of_several_configurations_are_named_by_theirs() -> None:
    gate, subjects = gate_run([*launches(), pair(4, failure=CRASH), pair(4)]), (SUBJECT, TINY)
    runs = [
        dataclasses.replace(gate.speed[0], pairs=tuple(on_both(one, subject=subject) for one in gate.speed[0].pairs))
        for subject in subjects
    ]
    warnings = judged(dataclasses.replace(gate, speed=tuple(runs))).warnings
    assert warnings == tuple(FailedOnce(subject.name, 4, "candidate", CRASH.message) for subject in subjects)
    broken = [dataclasses.replace(one, pairs=(on_both(one.pairs[0], failure=CRASH),)) for one in runs]
    failures = judged(dataclasses.replace(gate, speed=tuple(broken))).failures
    assert failures == tuple(LaunchFailed(subject.name, 0, "reference", CRASH.message) for subject in subjects)


def test_a_training_that_crashed_once_is_a_warning_and_twice_a_failed_measurement() -> None:
    first, *others = records()
    once = numbers_alone(run([dataclasses.replace(first, failure=CRASH), first, *others]))
    assert (once.outcome, once.failures) == (Outcome.PASS, ())
    assert once.warnings == (FailedOnce(SUBJECT.name, 0, "candidate", CRASH.message),)
    twice = numbers_alone(run([*others, *[dataclasses.replace(first, failure=CRASH)] * 2]))
    assert (twice.exit_code, twice.failures) == (4, (LaunchFailed(SUBJECT.name, 0, "candidate", CRASH.message),))
    assert list(by_metric(twice)) == NUMBERS  # what finished is reported


@pytest.mark.parametrize("failure", [CRASH, DIVERGED])
def test_a_failure_that_interrupted_numbers_have_not_repeated_says_nothing_yet(failure: Failure) -> None:
    failed, second = record(failure=failure), record(launch=1, failure=failure)
    speed = launches()  # the reference ran the subject
    for of in ([failed], [failed, second]):  # of launches at once, more than one may wait
        verdict = judged(gate_run(speed, dataclasses.replace(run(of), incomplete=CUT.message)))
        assert (regressed(verdict), verdict.exit_code, verdict.failures) == ([], 4, (CUT,))
    again = judged(gate_run(speed, dataclasses.replace(run([failed, failed]), incomplete=CUT.message)))
    assert (regressed(again), again.exit_code) == (["training"], 1)
    cut = gate_run([*speed, pair(10, failure=CRASH)])
    speed_cut = dataclasses.replace(cut.speed[0], incomplete=CUT.message)
    assert judged(dataclasses.replace(cut, speed=(speed_cut,))).failures == (CUT,)


def test_a_training_that_crashed_where_the_reference_ran_the_subject_is_a_regression() -> None:
    crashed = run([record(failure=CRASH), *records()[1:]])
    verdict = judged(gate_run(launches(), crashed))
    assert (regressed(verdict), verdict.failures) == (["training"], ())
    assert by_metric(verdict)["training"].reason == CandidateFailed(None, CRASH.message)
    elsewhere = run([record(failure=CRASH, subject=TINY), *records()])
    assert judged(gate_run(launches(), elsewhere)).exit_code == 4


@pytest.mark.parametrize(("kind", "side"), [(NO_ORACLE, ""), (NO_TENSORFLOW, "candidate")])
def test_an_oracle_that_failed_or_no_tensorflow_is_a_failed_measurement_although_the_reference_ran_the_subject(
    kind: str, side: str
) -> None:
    crashed = run([record(failure=Failure(kind, "why")), *records()[1:]])
    verdict = judged(gate_run(launches(), crashed))
    assert (verdict.exit_code, verdict.failures) == (4, (LaunchFailed(SUBJECT.name, 0, side, "why"),))


def test_an_oracle_that_failed_in_a_first_try_is_no_fault_of_the_candidate() -> None:
    first, second, *others = records()
    ended = [dataclasses.replace(one, failure=Failure(NO_ORACLE, "it was killed")) for one in (first, second)]
    verdict = judged(gate_run(launches(), run([ended[0], record(failure=CRASH), second, *others])))
    assert (verdict.exit_code, verdict.failures) == (4, (LaunchFailed(SUBJECT.name, 0, "", "it was killed"),))
    passed = judged(gate_run(launches(), run([ended[0], first, ended[1], second, *others])))
    assert passed.outcome is Outcome.PASS
    assert passed.warnings == tuple(FailedOnce(SUBJECT.name, number, "", "it was killed") for number in range(2))


def test_a_training_that_diverged_is_a_regression() -> None:
    verdict = numbers_alone(run([record(failure=DIVERGED)]))
    assert (verdict.outcome, verdict.exit_code, verdict.failures) == (Outcome.REGRESSION, 1, ())
    assert by_metric(verdict)["training"].reason == Diverged(DIVERGED.message)
    both = numbers_alone(run([record(launch=launch, failure=DIVERGED) for launch in range(2)]))
    assert regressed(both) == ["training"]  # said once, however many launches


def test_a_graph_that_xla_cannot_compile_is_inconclusive_unless_the_reference_s_is_compiled() -> None:
    refused = Failure(UNCOMPILED, "CompilationError: no NumericalGradient")
    verdict = numbers_alone(run([record(launch=launch, failure=refused) for launch in range(2)]))
    assert (verdict.outcome, verdict.exit_code, verdict.failures) == (Outcome.INCONCLUSIVE, 3, ())
    assert by_metric(verdict)["compilation"].reason == NotCompiled(("candidate",), False, refused.message)
    in_turn = judged(gate_run([pair(0, failure=refused)], run([record(failure=refused)])))
    assert (regressed(in_turn), in_turn.exit_code) == (["compilation"], 1)
    neither = judged(gate_run([on_both(pair(0), failure=refused)], run([record(failure=refused)])))
    assert [one.reason for one in neither.comparisons if one.metric == COMPILATION] == [
        NotCompiled(("reference", "candidate"), False, refused.message)
    ]


def test_an_interrupted_gate_passes_nothing() -> None:
    numbers = numbers_alone(dataclasses.replace(run(records(), warnings=["load"]), incomplete=CUT.message))
    assert (numbers.exit_code, numbers.failures, numbers.warnings) == (4, (CUT,), (Told("load"),))
    gate = gate_run(launches())
    speed = dataclasses.replace(gate.speed[0], incomplete=CUT.message)
    verdict = judged(dataclasses.replace(gate, speed=(speed,)))
    assert (verdict.exit_code, verdict.failures, verdict.warnings) == (4, (CUT,), ())


def test_warnings_are_told_once() -> None:
    gate = gate_run(launches(), warnings=("load", "load"))
    speed = dataclasses.replace(gate.speed[0], warnings=("load", "others"))
    assert judged(dataclasses.replace(gate, speed=(speed,))).warnings == (Told("load"), Told("others"))


def test_tensors_that_are_left_open_are_a_warning() -> None:
    unchecked = (Unchecked(LEFT_OPEN, "update after 1 of dense/bias"),)
    numbers = run([dataclasses.replace(record(), unchecked=unchecked), *records()[1:]])
    assert numbers_alone(numbers).warnings == (LeftOpen(SUBJECT.name, (unchecked[0].detail,), 1),)


# Baselines


NO_STANDARDS = Standards({}, PAIRED, Ledger(SCHEMA, ()))


def test_without_a_baseline_numerics_are_judged_and_perplexity_cannot_be() -> None:
    verdict = judge_gate(gate_run(), NO_STANDARDS)
    assert (verdict.outcome, verdict.exit_code) == (Outcome.INCONCLUSIVE, 3)
    assert by_metric(verdict)["numerics"].outcome is Outcome.PASS
    assert by_metric(verdict)["perplexity"].reason == NoBaseline()
    assert judge_gate(gate_run(numbers=run([record(numerics=[BEYOND])])), NO_STANDARDS).exit_code == 1


def test_a_baseline_of_another_subject_is_refused_naming_what_differs() -> None:
    other = baseline(subject=dataclasses.replace(SUBJECT, fingerprint="fedcba9876543210", steps=20))
    verdict = numbers_alone(run(records()), other)
    assert verdict.exit_code == 3
    unlike = (Field("fingerprint", "fedcba9876543210", SUBJECT.fingerprint), Field("steps", "20", "10"))
    assert by_metric(verdict)["perplexity"].reason == UnlikeBaseline(unlike)


# A run of one environment


def test_a_run_is_judged_by_its_numbers_and_its_words_a_second_are_shown() -> None:
    slow = run(records(speeds=[3 * seconds for seconds in SPEEDS]))
    by = standards([baseline()], PAIRED)
    verdict = judge_run(slow, by)
    assert (verdict.question, verdict.outcome, verdict.scope) == (Question.RUN, Outcome.PASS, Scope.NUMBERS)
    found = by_metric(verdict)
    assert (list(found), found["words/s"].outcome) == ([*NUMBERS, "words/s"], Outcome.NOT_GATED)
    assert isinstance(found["words/s"].reason, StoredRange)
    assert judge_run(run([record(numerics=[BEYOND])]), by).exit_code == 1
    assert judge_run(run(()), by).exit_code == 3
    assert judge_run(dataclasses.replace(slow, incomplete=CUT.message), by).failures == (CUT,)


def test_words_a_second_of_a_run_are_those_of_launches_that_finished() -> None:
    """One that failed again keeps the steps that it took, of 9 s."""
    crashed = record(step_seconds=9.0, launch=4, failure=CRASH)
    whole, failed = (judge_run(run(of), standards([baseline()])) for of in (records(), [*records(), crashed, crashed]))
    assert by_metric(failed)["words/s"] == by_metric(whole)["words/s"]


# Judged again


@pytest.mark.parametrize(
    "gate",
    [
        gate_run(launches()),
        gate_run(launches(12, step=0.049)),
        gate_run(launches(step=0.2), run([record(failure=DIVERGED), record(launch=1, failure=CRASH)])),
        gate_run(speed_problem="no network"),
        gate_run(launches(), gate_stored=True, warnings=("load: 3.00",)),
    ],
)
def test_a_report_read_back_gives_the_same_verdict_to_the_last_bit(gate: GateRun) -> None:
    known = AcceptedRegression(SUBJECT.name, "step time", 0.3, "why", "link", "2026-03-31")
    margins = dataclasses.replace(PAIRED, budget={"step_time": 0.10})
    by = standards([baseline()], margins, Ledger(SCHEMA, (accepted(1.02),), (known,)))
    again = from_plain(GateRun, parse(to_text(gate)))
    assert again == gate
    assert repr(judge_gate(again, by)) == repr(judge_gate(gate, by))
