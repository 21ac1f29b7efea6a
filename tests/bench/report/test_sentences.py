"""Every reason has a sentence, whose parameters are the reason's own."""

import dataclasses
import math

import pytest

from bench.judge import notices, reasons
from bench.judge.metrics import PERPLEXITY, STEP_TIME
from bench.judge.reasons import Reason
from bench.judge.types import Comparison
from bench.report.sentences import OF_COMPARISONS, SENTENCES, sentence, why
from bench.report.values import Count
from bench.stats.outcome import Outcome
from bench.stats.power import Precision
from tests.builders.golden import golden
from tests.builders.reasons import REASONS
from tests.builders.verdicts import comparison

SLOW = comparison(STEP_TIME, math.log(1.2), 0.005)
TEMPLATES = {kind: words for kind, words in SENTENCES.items() if isinstance(words, str)}
DECIDED = {
    "regression": SLOW,
    "pass": comparison(STEP_TIME, 0.01, 0.005),
    "inconclusive": comparison(STEP_TIME, 0.04, 0.01),
    "too few to decide": dataclasses.replace(
        comparison(STEP_TIME, 0.04, 0.01), precision=Precision(0.02, 4, 12, 1234, 0.2, (0.1, 0.2, 0.3))
    ),
    "too few to pass": dataclasses.replace(
        comparison(STEP_TIME, 0.0, 0.005),
        outcome=Outcome.INCONCLUSIVE,
        precision=Precision(0.01, 4, 12, 10, 0.08, (0.8, 0.9, 1.0)),
    ),
    "improved": comparison(STEP_TIME, -0.2, 0.005),
    "not gated": comparison(STEP_TIME, 0.01, 0.005, gates=False),
    "equal": comparison(PERPLEXITY, 0.001, 0.001, 0.01),
    "unequal": comparison(PERPLEXITY, -0.1, 0.001, 0.01),
    "undecided": comparison(PERPLEXITY, 0.01, 0.01, 0.01),
    "equal, too few to pass": dataclasses.replace(
        comparison(PERPLEXITY, 0.0, 0.001, 0.01), outcome=Outcome.INCONCLUSIVE
    ),
}


def test_every_reason_has_a_sentence_and_a_sample() -> None:
    assert not SENTENCES.keys() & OF_COMPARISONS.keys()
    assert SENTENCES.keys() | OF_COMPARISONS.keys() == set(Reason.__subclasses__()) == set(map(type, REASONS))


def test_a_template_with_a_parameter_that_is_none_s_would_be_found() -> None:
    with pytest.raises(KeyError):
        TEMPLATES[reasons.NoBaseline].replace("there", "{there}").format_map(vars(reasons.NoBaseline()))


def test_a_sentence_is_one_line_without_a_full_stop() -> None:
    said = [why(dataclasses.replace(SLOW, reason=reason)) for reason in REASONS]
    assert [one for one in said if not one or "\n" in one or one.endswith(".")] == []
    assert sentence(notices.Told("one\n\x1b[2Jline")) == "one [2Jline"


def test_wording() -> None:
    lines = [f"{reason.kind}: {why(dataclasses.replace(SLOW, reason=reason))}" for reason in REASONS]
    lines += [f"decided, {name}: {why(each)}" for name, each in DECIDED.items()]
    golden("sentences.txt", "\n".join(lines))


@pytest.mark.parametrize(
    ("name", "outcome", "numbers"),
    # ln 1.2 ± 3.18 · 0.005 is +18.1% to +21.9%; 0.01 + 2.35 · 0.005 is +2.2%; −0.2 ± 0.0159 is −19.4% to −16.8%.
    [
        ("regression", Outcome.REGRESSION, ["+20.0%", "+18.1%", "+21.9%", "4", "5.0%"]),
        ("pass", Outcome.PASS, ["+1.0%", "+2.2%", "4", "5.0%"]),
        ("improved", Outcome.PASS, ["-18.1%", "-19.4%", "-16.8%", "4", "5.0%"]),
        ("unequal", Outcome.REGRESSION, ["-9.5%", "-9.8%", "-9.2%", "4", "±1.0%"]),
    ],
)
def test_a_decision_tells_its_estimate_the_bounds_that_decided_and_the_margin(
    name: str, outcome: Outcome, numbers: list[str]
) -> None:
    decided: Comparison = DECIDED[name]
    assert decided.outcome is outcome
    words = why(decided).replace("(", " ").replace(",", " ").replace(")", " ").split()
    assert [word for word in words if word in numbers] == numbers


def test_too_few_launches_to_pass_say_how_many_it_takes() -> None:
    few = DECIDED["too few to pass"]
    takes = "a PASS takes 6 on one core and on all cores, or 10 where one kind alone is measured"
    assert why(few).endswith(f" {takes}")


def test_a_reference_that_repeats_nothing_does_not_depart_from_the_oracle() -> None:
    again, right = reasons.NotRepeated("embedding", 500, 3e-8), reasons.OracleErrors("loss", "", 5, 1e-7, 4e-6, 0, 3)
    both, alone = (sentence(reasons.ReferenceDeparts(candidate, again)) for candidate in (again, right))
    assert both.startswith("neither side repeats")
    assert both.count(sentence(again)) == 2
    assert alone.startswith("the reference does not repeat")
    assert alone.endswith(f"the candidate: {sentence(right)}")
    assert "the oracle" not in both + alone


def test_only_what_is_undecided_asks_for_environments() -> None:
    two = reasons.Decided(4, two_environments=True)
    told = [why(dataclasses.replace(SLOW, outcome=outcome, reason=two)) for outcome in list(Outcome)[:3]]
    assert ["--add" in one for one in told] == [outcome is Outcome.INCONCLUSIVE for outcome in list(Outcome)[:3]]


def test_an_accepted_regression_is_told_as_the_regression_that_it_is() -> None:
    accepted = reasons.Accepted("2026-06-30", "known", "https://example.org/1", reasons.Decided(4))
    passed = dataclasses.replace(SLOW, outcome=Outcome.PASS, reason=accepted)
    assert why(passed).endswith(why(SLOW))


def test_a_noun_is_in_the_plural_unless_there_is_one() -> None:
    shown = "{one:launch}, {many:launch}, {none:step}, {one}".format(one=Count(1), many=Count(4), none=Count(0))
    assert shown == "1 launch, 4 launches, 0 steps, 1"
