"""Verdicts in words for who has to act: by question, outcome and scope, and never wider than what was measured."""

import dataclasses
import math

import pytest

from bench.judge.metrics import NUMERICS, ONE_CORE_STEP_TIME, PERPLEXITY, RETRACES, STEP_TIME, TRAINING
from bench.judge.notices import Incomplete, LaunchFailed
from bench.judge.reasons import (
    Accepted,
    CandidateFailed,
    Decided,
    FailsSometimes,
    Identical,
    LockstepFailed,
    NotCompiled,
    Reason,
    SpeedNotMeasured,
)
from bench.judge.types import Comparison, Question, Scope, Unit, Verdict
from bench.report.headlines import (
    BASELINES,
    NO_VERDICT,
    ORACLE,
    SCOPES,
    Names,
    compared_with,
    headline,
    scope_text,
)
from bench.stats.outcome import Outcome
from tests.builders.golden import golden
from tests.builders.verdicts import EXACT, comparison, metric, verdict

NAMES = Names("TensorFlow 2.21.0", "TensorFlow 2.20.0")
STEPS = {
    Outcome.PASS: comparison(STEP_TIME, 0.0, 0.001),
    Outcome.REGRESSION: comparison(STEP_TIME, 0.2, 0.001),
    Outcome.INCONCLUSIVE: comparison(STEP_TIME, 0.05, 0.02),
}
MEASURED = {  # the scopes that verdicts have
    Question.GATE: (Scope.ALL, Scope.NUMBERS),
    Question.RUN: (Scope.NUMBERS,),
    Question.UPGRADE: tuple(Scope),
    Question.REPORTS: (Scope.SPEED,),
}
FAILURE = LaunchFailed("", 1, "candidate", "killed")
REFUSED = NotCompiled(("candidate",), True, "CompilationError")
INCOMPLETE = Incomplete("the run was interrupted after 4 launches")


def of(outcome: Outcome, question: Question = Question.UPGRADE, scope: Scope = Scope.ALL) -> Verdict:
    return verdict((EXACT, STEPS[outcome]), question, scope)


def test_wording() -> None:
    """Of every question, scope and outcome."""
    assert SCOPES.keys() == set(Scope)
    lines = []
    for question in Question:
        for scope in MEASURED.get(question, (Scope.ALL,)):
            lines += [f"{question.value}, {scope.value}"]
            found = [of(outcome, question, scope) for outcome in STEPS]
            found.append(dataclasses.replace(found[0], failures=(FAILURE,)))
            lines += [f"  {each.outcome.value}{scope_text(each)}: {headline(each, NAMES)}" for each in found]
    failed = comparison("launches", 0.2, 0.001, reason=CandidateFailed(1, "killed"))
    wrong = Accepted("2026-06-30", "known", "", EXACT.reason)
    lines += [f"accepted: {headline(verdict([dataclasses.replace(EXACT, reason=wrong), STEPS[Outcome.PASS]]), NAMES)}"]
    tolerated = dataclasses.replace(
        STEPS[Outcome.REGRESSION], outcome=Outcome.PASS, reason=Accepted("2026-06-30", "known", "", Decided(4))
    )
    shifted = dataclasses.replace(STEPS[Outcome.PASS], reason=Decided(4, 0.03))
    ungated = comparison("forward", 0.0, 0.001, gates=False)
    micro = {"fails": failed, "accepted": tolerated, "shifted": shifted, "ungated": ungated}
    lines += [f"micro, {name}: {headline(verdict([one], Question.MICRO))}" for name, one in micro.items()]
    ratios = {outcome: dataclasses.replace(step, reason=Decided(4, 0.03)) for outcome, step in STEPS.items()}
    bare = dataclasses.replace(NAMES, work="the workload predict", baselines=False)
    for known in (NAMES, bare, dataclasses.replace(bare, own=True, work="mine.py")):
        for outcome in STEPS:
            lines += [f"gate: {headline(of(outcome, Question.GATE), known)}"] if known is not NAMES else []
            lines += [f"gate, shifted: {headline(verdict([EXACT, ratios[outcome]], Question.GATE), known)}"]
    golden("headlines.txt", "\n".join(lines))


@pytest.mark.parametrize("scope", [Scope.SPEED, Scope.NAMED])
def test_a_pass_without_numbers_says_nothing_of_them(scope: Scope) -> None:
    whole, speed = (headline(of(Outcome.PASS, scope=each), NAMES) for each in (Scope.ALL, scope))
    assert whole == headline(of(Outcome.PASS), NAMES)
    assert "correct" in whole
    assert "correct" not in speed
    assert ("slower" in speed) == (scope is Scope.SPEED)  # the named metrics may be neither speed nor memory
    assert scope_text(of(Outcome.PASS, scope=scope))


def test_a_pass_of_numbers_names_the_configurations_that_were_checked() -> None:
    """Of a quick gate `tiny` alone."""
    found = verdict([dataclasses.replace(EXACT, subject="tiny-cpu0")], Question.GATE, Scope.NUMBERS)
    assert headline(found).endswith(" as correct as the baselines (tiny-cpu0); its speed was not measured")
    many = [dataclasses.replace(EXACT, subject=name) for name in "abcd"]
    assert " (4 subjects); its" in headline(verdict(many, Question.GATE, Scope.NUMBERS))


def test_a_pass_of_speed_without_a_step_time_names_what_was_judged() -> None:
    memory = comparison("peak memory", 0.0, 0.001, 0.10)
    said = headline(verdict([memory], scope=Scope.SPEED))
    assert "slower" not in said
    assert said.endswith("by more than the margin: peak memory 10.0%")


def test_a_gate_of_several_works_names_every_standard_and_what_is_worse() -> None:
    """`predict` has no baselines, which `train` has."""
    known = dataclasses.replace(NAMES, work="the workload predict and training steps", oracle=True)
    predict, train = (dataclasses.replace(EXACT, subject=name) for name in ("predict-tiny", "tiny"))
    passed = headline(verdict([predict, train], Question.GATE, Scope.NUMBERS), known)
    assert f"as correct as {BASELINES} and {ORACLE} in the workload predict and training steps" in passed
    worse = headline(verdict([dataclasses.replace(predict, outcome=Outcome.REGRESSION), train], Question.GATE), known)
    assert worse.endswith(", in predict-tiny")
    speed = metric("speed", None)
    unbuilt = Comparison("reference", speed, Outcome.INCONCLUSIVE, SpeedNotMeasured("no index"))
    undecided = dataclasses.replace(train, outcome=Outcome.INCONCLUSIVE)
    for found in ([predict, unbuilt], [predict, undecided, unbuilt]):
        assert ", in the workload predict and training steps;" in headline(verdict(found, Question.GATE), known)
    own = dataclasses.replace(known, own=True)
    told = headline(verdict([predict, train, STEPS[Outcome.PASS]], Question.GATE), own)
    assert f"as correct as {BASELINES}, {ORACLE} and {NAMES.reference} in" in told
    assert "; a slowdown of 5.0% or more on all cores is excluded" in told


def test_a_pass_without_speed_rules_out_no_slowdown() -> None:
    assert "5.0%" in headline(of(Outcome.PASS))
    assert "5.0%" not in headline(of(Outcome.PASS, scope=Scope.NUMBERS))
    assert not scope_text(of(Outcome.PASS))


def test_a_pass_of_named_metrics_lists_what_is_excluded() -> None:
    """Of a metric that the ledger accepts nothing is: its interval lies beyond the margin, above it or below."""
    memory, step = comparison("peak memory", 0.0, 0.001, 0.10), comparison(STEP_TIME, 0.0, 0.001)
    accepted = dataclasses.replace(comparison("trace", 0.5, 0.001), outcome=Outcome.PASS)
    found = headline(verdict([memory, step, accepted], scope=Scope.NAMED))
    assert found.endswith(" by more than the margin: peak memory 10.0%, step time 5.0%")
    assert headline(verdict([accepted], scope=Scope.NAMED)).endswith(" by more than the margin")
    below = comparison(PERPLEXITY, -0.05, 0.001, 0.02)
    known = Accepted("2026-06-30", "known", "", below.reason)
    below = dataclasses.replace(below, outcome=Outcome.PASS, reason=known)
    assert headline(verdict([below], scope=Scope.NAMED)).endswith(" by more than the margin")
    equal = comparison(PERPLEXITY, 0.0, 0.001, 0.02)
    assert headline(verdict([equal], scope=Scope.NAMED)).endswith(": perplexity ±2.0%")
    same = dataclasses.replace(equal, interval=None, reason=Identical(6))
    assert headline(verdict([same], scope=Scope.NAMED)).endswith(": perplexity (bit-identical)")


@pytest.mark.parametrize("scope", Scope)
def test_a_pass_says_what_was_run(scope: Scope) -> None:
    said = headline(of(Outcome.PASS, scope=scope), dataclasses.replace(NAMES, work="training steps"))
    assert " in training steps" in said
    assert " in training steps" not in headline(of(Outcome.PASS, scope=scope), NAMES)


def test_only_a_proven_slowdown_is_ruled_out_and_the_widest() -> None:
    narrow, wide = comparison(STEP_TIME, 0.0, 0.001, 0.05), comparison(STEP_TIME, 0.0, 0.001, 0.10, subject="tiny")
    accepted = dataclasses.replace(comparison(STEP_TIME, 0.08, 0.001, 0.05), outcome=Outcome.PASS)
    ungated = comparison(STEP_TIME, 0.04, 0.02, gates=False)
    assert "10.0%" in headline(verdict([narrow, wide]))
    assert "tiny" in headline(verdict([narrow, wide]))
    assert headline(verdict([narrow, ungated])) == headline(verdict([narrow]))
    assert "%" not in headline(verdict([narrow, accepted]))
    assert "%" not in headline(verdict([EXACT]))


WRONG = dataclasses.replace(EXACT, metric=NUMERICS, outcome=Outcome.REGRESSION)
SLOW = STEPS[Outcome.REGRESSION]
SHIFTED = dataclasses.replace(SLOW, reason=Decided(4, 0.08))
APART = comparison(PERPLEXITY, 0.2, 0.001, 0.02)


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        ([WRONG], "the baselines in numerics"),
        ([APART], "the baselines by more than the margin in perplexity"),
        ([SLOW], "TensorFlow 2.20.0 by more than the margin in step time"),
        ([WRONG, SLOW], "the baselines and TensorFlow 2.20.0 in numerics and step time"),
        (
            [APART, SHIFTED],
            "the baselines and what the ledger accepted by more than the margin in perplexity and step time",
        ),
        ([dataclasses.replace(WRONG, metric=RETRACES)], "the baselines and TensorFlow 2.20.0 in retraces"),
    ],
)
def test_a_gate_names_no_more_than_what_made_the_outcome_was_compared_with(worse: list[Comparison], said: str) -> None:
    found = verdict([*worse, STEPS[Outcome.PASS], dataclasses.replace(EXACT, metric=NUMERICS)], Question.GATE)
    assert headline(found, NAMES) == f"TensorFlow 2.21.0 is worse than {said}"


def test_a_lower_perplexity_differs_and_is_not_worse() -> None:
    below = comparison(PERPLEXITY, -0.2, 0.001, 0.02)
    for worse, said in (
        ([APART], "is worse than TensorFlow 2.20.0 by more than the margin in perplexity"),
        ([below], "differs from TensorFlow 2.20.0 by more than the margin in perplexity"),
        ([below, SLOW], "differs from TensorFlow 2.20.0 by more than the margin in perplexity and step time"),
    ):
        assert headline(verdict(worse), NAMES) == f"TensorFlow 2.21.0 {said}"


@pytest.mark.parametrize("reason", [CandidateFailed(1, "killed"), LockstepFailed(7, "killed"), REFUSED])
def test_a_candidate_that_does_not_run_is_not_worse_by_a_margin(reason: Reason) -> None:
    failed = dataclasses.replace(EXACT, outcome=Outcome.REGRESSION, reason=reason)
    names = dataclasses.replace(NAMES, work="mine.py")
    for question in (Question.UPGRADE, Question.GATE, Question.LOCKSTEP):
        said = headline(verdict([failed, SLOW], question), names)
        assert said == "TensorFlow 2.21.0 fails where TensorFlow 2.20.0 runs in mine.py"


def test_a_gate_of_what_fails_now_and_then_names_both_standards() -> None:
    sometimes = dataclasses.replace(
        EXACT, metric=TRAINING, outcome=Outcome.INCONCLUSIVE, reason=FailsSometimes(2, 0, 12, "x")
    )
    said = headline(verdict([sometimes, STEPS[Outcome.PASS]], Question.GATE), NAMES)
    assert "as good as the baselines and TensorFlow 2.20.0 nor that it is worse in training" in said


def test_a_candidate_fails_in_what_fails_alone() -> None:
    failed = dataclasses.replace(EXACT, subject="xla-tiny", outcome=Outcome.REGRESSION, reason=CandidateFailed(1, "x"))
    names = dataclasses.replace(NAMES, work="training steps and the workload xla")
    said = headline(verdict([failed, EXACT, SLOW], Question.GATE), names)
    assert said == "TensorFlow 2.21.0 fails where TensorFlow 2.20.0 runs in xla-tiny"


def test_each_kind_of_launch_rules_out_its_own_slowdown() -> None:
    all_cores = comparison(STEP_TIME, 0.0, 0.001, 0.05)
    one_core = comparison(ONE_CORE_STEP_TIME, 0.0, 0.001, 0.02)
    assert "of 2.0% or more on one core and of 5.0% or more on all cores" in headline(verdict([all_cores, one_core]))
    assert "on one core" not in headline(verdict([all_cores]))


def test_a_failed_measurement_is_no_verdict() -> None:
    undecided, regressed = (
        dataclasses.replace(of(outcome), failures=(FAILURE,)) for outcome in (Outcome.INCONCLUSIVE, Outcome.REGRESSION)
    )
    assert headline(undecided) == NO_VERDICT
    assert undecided.decisive == []  # what failed is told, not what follows from it
    assert headline(regressed) == headline(of(Outcome.REGRESSION))


@pytest.mark.parametrize(
    ("question", "failures", "said"),
    [
        (Question.UPGRADE, [INCOMPLETE], "go on by the same command with --resume and its --output"),
        (Question.GATE, [INCOMPLETE], "go on by the same command with --resume and its --output"),
        (Question.RUN, [INCOMPLETE], "measure again"),  # which has no --resume
        (Question.UPGRADE, [INCOMPLETE, FAILURE], "fix what failed"),
    ],
)
def test_an_interrupted_run_goes_on_where_nothing_failed(question: Question, failures: list[Reason], said: str) -> None:
    found = dataclasses.replace(of(Outcome.INCONCLUSIVE, question), failures=tuple(failures))
    assert said in headline(found)


def test_the_decisive_metrics_are_named_once_the_furthest_off_first() -> None:
    slow, slower = comparison(STEP_TIME, 0.2, 0.01), comparison("evaluation step", 0.6, 0.01)
    elsewhere = dataclasses.replace(slow, subject="tiny")
    wrong = dataclasses.replace(EXACT, outcome=Outcome.REGRESSION)
    found = verdict([slow, elsewhere, slower, wrong])
    names = [one.metric.name for one in found.decisive]
    assert names == ["lockstep", "evaluation step", STEP_TIME, STEP_TIME]
    said = headline(found)
    places = [said.index(name) for name in dict.fromkeys(names)]
    assert places == sorted(places)
    assert said.count(STEP_TIME) == 1


def test_what_the_candidate_is_compared_with() -> None:
    found = {question: compared_with(of(Outcome.PASS, question), NAMES) for question in Question}
    assert found.pop(Question.RUN) == BASELINES
    gate = found.pop(Question.GATE)
    assert BASELINES in gate
    assert NAMES.reference in gate
    assert set(found.values()) == {NAMES.reference}
    assert compared_with(of(Outcome.PASS, Question.GATE, Scope.NUMBERS), NAMES) == BASELINES


@pytest.mark.parametrize("baselines", [True, False])
def test_what_was_measured_from_an_accepted_ratio_is_not_compared_with_the_reference(baselines: bool) -> None:
    """8% slower where 8% were accepted excludes a slowdown from these; 20% faster than the reference may be worse."""
    names = dataclasses.replace(NAMES, baselines=baselines, own=not baselines)
    for outcome, said in (
        (Outcome.PASS, "a slowdown from what the ledger accepted of 5.0% or more"),
        (Outcome.REGRESSION, "worse than what the ledger accepted by more than the margin in step time"),
        (Outcome.INCONCLUSIVE, "what the ledger accepted nor that it is worse"),
    ):
        shifted = dataclasses.replace(STEPS[outcome], reason=Decided(4, 0.08))
        found = headline(verdict([EXACT, shifted], Question.GATE), names)
        assert said in found
        assert f"from {NAMES.reference}" not in found
        assert f"worse than {NAMES.reference}" not in found


def test_both_are_named_where_the_ledger_holds_some_ratios_alone() -> None:
    shifted = dataclasses.replace(STEPS[Outcome.PASS], reason=Decided(4, 0.08), subject="another-cpu0")
    found = headline(verdict([EXACT, STEPS[Outcome.PASS], shifted], Question.GATE), NAMES)
    assert f"a slowdown from {NAMES.reference} or what the ledger accepted of 5.0% or more" in found


def total(estimate: float, standard_error: float) -> Comparison:
    """The step time since the ledger's first entry, with a budget of 10%."""
    of = dataclasses.replace(metric("step time since 2.18.0", 0.10), unit=Unit.RATIO)
    return dataclasses.replace(comparison(STEP_TIME, estimate, standard_error, 0.10), metric=of)


def test_a_budget_s_total_is_measured_from_what_was_accepted() -> None:
    """It excludes no slowdown, so that a PASS says nothing of it."""
    beyond = total(0.13, 0.001)
    said = "worse than what the ledger accepted by more than the margin in step time since 2.18.0"
    assert headline(verdict([EXACT, STEPS[Outcome.PASS], beyond], Question.GATE), NAMES).endswith(said)
    both = headline(verdict([EXACT, STEPS[Outcome.REGRESSION], beyond], Question.GATE), NAMES)
    assert f"worse than {NAMES.reference} by" in both  # the total's name tells its own
    passed = [headline(verdict(found, Question.GATE), NAMES) for found in ([EXACT], [EXACT, total(0.0, 0.001)])]
    assert passed[0] == passed[1]


def test_a_gate_without_baselines_names_none() -> None:
    """Numbers are compared with the oracle; those of a user's own model with the reference's, as in an upgrade."""
    bare = dataclasses.replace(NAMES, work="mine.py", baselines=False)
    own = dataclasses.replace(bare, own=True)
    for outcome in STEPS:
        assert headline(of(outcome, Question.GATE), own) == headline(of(outcome, Question.UPGRADE), own)
        said = headline(of(outcome, Question.GATE), bare)
        assert (BASELINES in said, ORACLE in said, NAMES.reference in said) == (False, outcome is Outcome.PASS, True)
        for question in (Question.GATE, Question.RUN):
            said = headline(verdict([dataclasses.replace(EXACT, outcome=outcome)], question, Scope.NUMBERS), bare)
            assert (BASELINES in said, ORACLE in said) == (False, True)


def test_a_margin_that_is_no_step_s_is_not_ruled_out() -> None:
    assert "%" not in headline(verdict([comparison("evaluation step", math.log(1.001), 0.001)]))
