"""What a verdict says to who has no statistics at hand."""

import dataclasses

import pytest

from bench.judge.types import Comparison, Scope, Verdict
from bench.report import story
from bench.report.judged import Judged
from bench.report.story import finding, findings, names, outcome_word, ruled_out_slowdown, sentence
from bench.stats.outcome import Outcome
from tests.bench.samples import SUBJECT, records, run
from tests.builders.verdicts import EXACT, OLD, comparison, gate, paired_run, upgrade

RULED_OUT = f"a slowdown of 5.0% or more is ruled out ({SUBJECT.name})"


@pytest.mark.parametrize(
    ("slowdown", "standard_error", "said"),
    [
        (1.0, 0.001, f"TensorFlow 2.21.0 is as correct as TensorFlow 2.20.0, and {RULED_OUT}."),
        (1.2, 0.005, "TensorFlow 2.21.0 is worse than TensorFlow 2.20.0 by more than is allowed, in step time."),
        (
            1.05,
            0.02,
            "The measurements prove TensorFlow 2.21.0 neither as good as TensorFlow 2.20.0 nor worse in step time.",
        ),
    ],
)
def test_a_sentence_for_each_outcome(slowdown: float, standard_error: float, said: str) -> None:
    assert sentence(upgrade(slowdown, standard_error)).startswith(said)


@pytest.mark.parametrize(
    ("scope", "beside", "said"),
    [
        (
            Scope.NUMBERS,
            " (numbers only; speed not measured)",
            "is as correct as TensorFlow 2.20.0; its speed was not measured.",
        ),
        (
            Scope.SPEED,
            " (speed and memory only; numbers not compared)",
            "is no slower or larger than TensorFlow 2.20.0 by more than is allowed; numbers were not compared.",
        ),
    ],
)
def test_a_pass_does_not_sound_wider_than_what_was_measured(scope: Scope, beside: str, said: str) -> None:
    judged = Judged(paired_run(), Verdict(Outcome.PASS, (EXACT,), (), scope=scope))
    assert story.scope(judged.verdict) == beside
    assert sentence(judged) == f"TensorFlow 2.21.0 {said}"


def test_a_gate_is_judged_by_the_baselines_and_the_reference() -> None:
    assert names(gate()) == ("TensorFlow 2.21.0", "the baselines and TensorFlow 2.20.0")
    assert sentence(gate()) == f"TensorFlow 2.21.0 is as correct as the baselines, and {RULED_OUT}."
    said = "TensorFlow 2.21.0 is worse than the baselines or TensorFlow 2.20.0 by more than is allowed, in "
    assert sentence(gate(1.2)).startswith(said)
    assert names(gate(speed=False)) == ("TensorFlow 2.21.0", "the baselines")
    assert (
        sentence(gate(speed=False)) == "TensorFlow 2.21.0 is as correct as the baselines; its speed was not measured."
    )


def test_what_is_ruled_out_is_the_widest_margin_that_was_proven() -> None:
    narrow, wide = (
        comparison("step time", 0.0, 0.001, 0.05),
        dataclasses.replace(comparison("step time", 0.0, 0.001, 0.10), subject="tiny"),
    )
    unsure = comparison("step time", 0.04, 0.02, 0.05)
    accepted = dataclasses.replace(
        comparison("step time", 0.08, 0.001, 0.05), outcome=Outcome.PASS
    )  # an accepted regression
    informs = dataclasses.replace(unsure, outcome=Outcome.INFORMS, gates=False)
    assert ruled_out_slowdown(Verdict(Outcome.PASS, (narrow,), ())) == RULED_OUT
    assert ruled_out_slowdown(Verdict(Outcome.PASS, (narrow, wide), ())) == RULED_OUT.replace("5.0%", "10.0%").replace(
        ")", ", tiny)"
    )
    assert ruled_out_slowdown(Verdict(Outcome.PASS, (narrow, informs), ())) == RULED_OUT
    for verdict in (
        Verdict(Outcome.PASS, (EXACT,), ()),
        Verdict(Outcome.PASS, (narrow, accepted), ()),
        Verdict(Outcome.CANNOT_JUDGE, (narrow, unsure), ()),
    ):
        assert ruled_out_slowdown(verdict) == ""


def test_a_failed_measurement_is_no_verdict() -> None:
    judged = upgrade()
    failed = dataclasses.replace(judged, verdict=dataclasses.replace(judged.verdict, failures=("launch 2: killed",)))
    assert outcome_word(failed.verdict) == "MEASUREMENT FAILED"
    assert sentence(failed).startswith("Launches of TensorFlow 2.21.0 did not finish")
    undecided = dataclasses.replace(failed.verdict, outcome=Outcome.CANNOT_JUDGE)
    assert findings(undecided) == []  # what failed is told, not what follows from it


def test_the_culprit_has_its_size_and_certainty() -> None:
    (found,) = findings(upgrade(1.2).verdict)
    # ln 1.2 ± 3.18 · 0.005: 0.1823 ± 0.0159, which is +18.1% to +21.9%.
    assert (found.metric, found.size, found.standard) == ("step time", "+20.0%", "allowed +5.0%")
    assert found.certainty == "95% certain to be between +18.1% and +21.9%"


def test_the_furthest_off_is_named_first() -> None:
    slow, slower = comparison("step time", 0.2, 0.01, 0.05), comparison("evaluation", 0.6, 0.01, 0.05)
    wrong = dataclasses.replace(EXACT, outcome=Outcome.REGRESSION, candidate="1.0e-02")
    verdict = Verdict(Outcome.REGRESSION, (slow, slower, wrong), ())
    assert [found.metric for found in findings(verdict)] == ["lockstep", "evaluation", "step time"]
    assert findings(verdict)[0].size == "1.0e-02"
    assert "in lockstep, evaluation and step time." in sentence(Judged(paired_run(), verdict))


def test_an_exact_check_s_standard() -> None:
    wrong = dataclasses.replace(EXACT, outcome=Outcome.REGRESSION, candidate="1.0e-02")
    retraced = Comparison(SUBJECT.name, "retraces", Outcome.REGRESSION, "3", "0", "the step was traced again")
    unsure = Comparison(
        SUBJECT.name, "step time", Outcome.CANNOT_JUDGE, "3.49 ms", "3.39 ms", "not judged: there are 3 launches"
    )
    assert [(found.size, found.standard) for found in map(finding, (wrong, retraced, unsure))] == [
        ("1.0e-02", "allowed ≤ 4.0e-06"),
        ("3", "reference 0"),
        ("", ""),
    ]


def test_a_metric_of_several_subjects_is_named_once() -> None:
    slow = comparison("step time", 0.2, 0.01, 0.05)
    verdict = Verdict(Outcome.REGRESSION, (slow, dataclasses.replace(slow, subject="another")), ())
    assert sentence(Judged(paired_run(), verdict)).endswith(", in step time.")


def test_names_of_the_sides() -> None:
    assert names(upgrade()) == ("TensorFlow 2.21.0", f"TensorFlow {OLD}")
    unjudged = Verdict(Outcome.CANNOT_JUDGE, (Comparison(SUBJECT.name, "x", Outcome.INFORMS, "–", "–", ""),), ())
    assert names(Judged(run(records()), unjudged)) == ("TensorFlow 2.21.0", "the baselines")
    assert names(Judged(run([]), unjudged)) == ("the candidate", "the baselines")
    alike = dataclasses.replace(
        paired_run(), pairs=tuple(dataclasses.replace(p, reference=p.candidate) for p in paired_run().pairs)
    )
    assert names(Judged(alike, unjudged)) == ("the candidate", "the reference")


def test_nothing_that_decides_is_no_finding() -> None:
    assert findings(upgrade().verdict) == []
    assert sentence(Judged(run([]), Verdict(Outcome.CANNOT_JUDGE, (), ()))).startswith(
        "The measurements prove the candidate neither"
    )
