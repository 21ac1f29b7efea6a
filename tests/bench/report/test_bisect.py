"""The text of each answer of a bisection."""

import json

import pytest

from bench.judge.bisect import Answer, Finding
from bench.judge.metrics import NUMERICS
from bench.judge.reasons import NoOracleStep, OracleErrors
from bench.judge.types import Comparison
from bench.report.bisect import cost, launches_json, launches_text, numbers_json, numbers_text
from bench.stats.bisection import Search
from bench.stats.outcome import Outcome

NAMES = ["1.0", "1.1", "1.2", "2.0"]
LAUNCHES = [[0.0, 0.01, 0.0, 0.01], [0.2, 0.21, 0.2, 0.21], [0.2, 0.21, 0.2, 0.21]]
STEP = Search(LAUNCHES)
SAID = {
    Answer.FOUND: "1.2 changed trace by +22.1% (+20.0% to +24.3%), of +22.8% (+21.2% to +24.3%) from 1.0 to 2.0",
    Answer.NO_SINGLE: "no single release explains the change of trace from 1.0 to 2.0, +22.8% (+21.2% to +24.3%): each",
    Answer.NO_CHANGE: "no change of trace from 1.0 to 2.0 is proven: +22.8% (+21.2% to +24.3%)",
    Answer.OPEN: "the budget is spent: the difference of trace from 1.0 to 2.0 is +22.8% (+21.2% to +24.3%); 1.2",
}


@pytest.mark.parametrize("answer", SAID)
def test_each_answer_is_a_sentence_and_a_table(answer: Answer) -> None:
    text = launches_text(Finding(answer, 2), STEP, "trace", NAMES)
    assert " ".join(text.split()).startswith(SAID[answer])
    rows = {line.split()[0]: line for line in text.splitlines() if line[:1].isdigit()}
    assert rows["1.2"].split()[1:3] == ["4", "+22.8%"]


def test_a_change_that_is_not_proven_is_not_said_to_be_one() -> None:
    few = Search([[], [], [0.01, -0.01, 0.02, -0.02]])
    text = launches_text(Finding(Answer.OPEN, 3), few, "trace", NAMES)
    assert "no change is proven" in " ".join(text.split())


@pytest.mark.parametrize("launches", [[0.01], [0.01, -0.01, 0.02, -0.02]])
def test_without_a_change_no_release_has_a_probability(launches: list[float]) -> None:
    """One launch alone has no deviation, either."""
    search = Search([[], [], launches])
    row = launches_text(Finding(Answer.OPEN, 3), search, "trace", NAMES).splitlines()[-2].split()
    assert (row[0], row[1], row[-1]) == ("2.0", str(len(launches)), "–")


def test_programs_get_the_same() -> None:
    step = Search(LAUNCHES, confidence=0.9)
    plain = json.loads(json.dumps(launches_json(Finding(Answer.FOUND, 2), step, "trace", NAMES), allow_nan=False))
    assert (plain["answer"], plain["release"], plain["good"], plain["bad"]) == ("found", "1.2", "1.0", "2.0")
    assert [one["launches"] for one in plain["releases"]] == [4, 4, 4]
    steps = [(one["difference"]["estimate"], one["own_step"]["estimate"]) for one in plain["releases"]]
    assert steps == [pytest.approx(each, abs=1e-9) for each in ((0.005, 0.005), (0.205, 0.2), (0.205, 0.0))]
    assert [round(one["probability"]) for one in plain["releases"]] == [0, 1, 0]
    assert plain["confidence"] == 0.9


def test_numbers_are_told_with_their_reason() -> None:
    reason = OracleErrors("loss", "", 0, 1e-3, 1e-5, 1, 5)
    wrong = [None, Comparison("tiny", NUMERICS, Outcome.REGRESSION, reason, 1e-3, 1e-5), None]
    text = " ".join(numbers_text(Finding(Answer.FOUND, 2), wrong, NAMES).split())
    assert text.startswith("1.2 is the first whose numbers are a regression from 1.0: numerics of tiny: loss")
    right = numbers_text(Finding(Answer.NO_CHANGE), [None] * 3, NAMES)
    assert right == "the numbers of 2.0 are not a regression from 1.0"
    spent = numbers_text(Finding(Answer.OPEN, 1), wrong, NAMES)
    assert spent == "the budget is spent: the numbers of 1.1 were to be compared next"
    plain = numbers_json(Finding(Answer.FOUND, 2), wrong, [True, True, False], NAMES)
    assert plain["release"] == "1.2"
    releases = {one["name"]: (one["compared"], bool(one["regression"])) for one in plain["releases"]}
    assert releases == {"1.1": (True, False), "1.2": (True, True), "2.0": (False, False)}


def test_inconclusive_numbers_are_told_with_their_reason() -> None:
    doubted = [None, None, Comparison("tiny", NUMERICS, Outcome.INCONCLUSIVE, NoOracleStep())]
    text = numbers_text(Finding(Answer.UNDECIDED), doubted, NAMES)
    assert text.startswith("the numbers of 2.0 are inconclusive: numerics of tiny: no")
    plain = numbers_json(Finding(Answer.UNDECIDED), doubted, [False, False, True], NAMES)
    assert (plain["answer"], plain["release"]) == ("inconclusive", None)
    *_, bad = plain["releases"]
    assert (bad["compared"], bad["regression"]) == (False, None)
    assert bad["inconclusive"] in text


def test_the_cost_is_told_before_and_at_the_pace_of_the_machine() -> None:
    assert cost([11, 19], [3.2, 5.5], paced=False).startswith(
        "expect 11 to 19 measurements: 3 to 6 minutes at the usual pace, plus"
    )
    assert cost([4, 4], [1.9, 2.1], paced=True) == "expect 4 more measurements: 2 minutes at this machine's pace"
    assert cost([1, 1], [0.9, 1.1], paced=True) == "expect 1 more measurement: 1 minute at this machine's pace"
