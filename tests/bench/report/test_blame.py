"""The text of each answer about parts, and the same for programs."""

import json

import pytest

from bench.judge.blame import ONEDNN, THREADS, Answer, Blame, Part, blame_by_launches, blame_by_numbers
from bench.report.blame import blame_json, blame_text
from tests.bench.judge.test_blame import launches, numbers
from tests.builders.golden import golden
from tests.builders.records import MARGINS

NAMES = ("2.15.1", "2.16.1")
LEFT_OUT = ["wheel 0.45 and 0.48: TensorFlow doesn't import it"]
BROKEN = Part("tensorflow-cpu", ("2.15.1", "2.16.1"), problem="ImportError: \x1b[31mno keras.src", refused="a < b")


def by_launches(whole: float, keras: float) -> Blame:
    packages = [
        BROKEN,
        Part("keras", ("2.15.0", "3.15.1"), launches(keras), refused="tensorflow-cpu requires keras<2.16"),
        Part("wrapt", ("1.14.2", "2.5.2"), launches(0.0)),
    ]
    switches = [Part(ONEDNN, run=launches(0.1)), Part(THREADS, run=launches(whole))]
    return blame_by_launches(Part("all", run=launches(whole)), packages, switches, "step time", MARGINS)


def by_numbers(*, keras: bool) -> Blame:
    packages = [BROKEN, Part("keras", ("2.15.0", "3.15.1"), numbers(wrong=keras)), Part("wrapt", ("1.14.2", "2.5.2"))]
    switches = [Part(ONEDNN), Part(THREADS, run=numbers(wrong=True))]
    return blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, switches, MARGINS)


def right_alone() -> Blame:
    packages = [Part("keras", run=numbers(wrong=False))]
    return blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)


def test_effects_are_a_table_of_packages_and_one_of_switches() -> None:
    golden("blame_launches.txt", blame_text(by_launches(0.3, 0.2), "step time", NAMES, LEFT_OUT))


def test_numbers_are_a_table_without_effects() -> None:
    golden("blame_numbers.txt", blame_text(by_numbers(keras=True), "numbers", NAMES, []))


@pytest.mark.parametrize(
    ("blame", "metric", "said"),
    [
        (by_launches(0.3, 0.0), "step time", "step time changed from 2.15.1 to 2.16.1 by +35."),
        (by_launches(0.0, 0.0), "step time", "no change of step time from 2.15.1 to 2.16.1 is proven, nor"),
        (
            by_numbers(keras=False),
            "numbers",
            "the numbers of 2.16.1 are a regression from 2.15.1; no package is proven",
        ),
        (right_alone(), "numbers", "the numbers of 2.16.1 are a regression from 2.15.1, and no package alone"),
        (blame_by_numbers(Part("all"), [], [], MARGINS), "numbers", "nothing is proven: the numbers of 2.16.1 were"),
    ],
)
def test_each_other_answer_is_a_sentence(blame: Blame, metric: str, said: str) -> None:
    assert blame.answer is not Answer.BLAMED
    assert blame_text(blame, metric, NAMES, []).startswith(said)


def test_nothing_to_blame_is_said() -> None:
    right = blame_by_numbers(Part("all", run=numbers(wrong=False)), [], [], MARGINS)
    assert "there is nothing to blame" in blame_text(right, "numbers", NAMES, [])


def test_programs_get_the_same() -> None:
    plain = json.loads(json.dumps(blame_json(by_launches(0.3, 0.2), "step time", NAMES, LEFT_OUT), allow_nan=False))
    assert (plain["answer"], plain["blamed"]) == ("blamed", ["keras"])
    parts = {part["name"]: part for part in plain["parts"]}
    assert parts["tensorflow-cpu"]["effect"] is None
    assert parts["keras"]["effect"]["estimate"] == pytest.approx(0.2, abs=0.01)
    assert parts["onednn"]["of_it_gone"]["estimate"] == pytest.approx(0.2, abs=0.01)
    assert plain["unexplained"]["estimate"] == pytest.approx(0.1, abs=0.01)
    plain = blame_json(by_numbers(keras=True), "numbers", NAMES, [])
    assert plain["regression"]
    found = {part["name"]: (part["compared"], bool(part["regression"])) for part in plain["parts"]}
    assert found == {
        "tensorflow-cpu": (False, False),
        "keras": (True, True),
        "wrapt": (False, False),
        "onednn": (False, False),
        "threads": (True, True),
    }
    assert plain["compared"]
    (keras,) = blame_json(right_alone(), "numbers", NAMES, [])["parts"]
    assert (keras["compared"], keras["regression"]) == (True, None)
