"""The text of each answer about parts, and the same for programs."""

import json

import pytest

from bench.judge.blame import ONEDNN, THREADS, Answer, Blame, Part, blame_by_launches, blame_by_numbers
from bench.record.paired import PairedRun
from bench.report.blame import blame_json, blame_text
from tests.bench.judge.test_blame import inconclusive, launches, numbers
from tests.builders.golden import golden
from tests.builders.records import MARGINS

NAMES = ("2.15.1", "2.16.1")
PAIR = ("tensorflow-cpu", "keras")
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


def paired(whole: float, both: PairedRun, *, alone: float | None = None) -> Blame:
    """TensorFlow can be measured `alone` or not; Keras slows nothing down, a pair of them does."""
    tensorflow = BROKEN if alone is None else Part("tensorflow-cpu", ("2.15.1", "2.16.1"), launches(alone))
    packages = [
        tensorflow,
        Part("keras", ("2.15.0", "3.15.1"), launches(0.0)),
        Part("tensorflow-cpu+keras", run=both, members=PAIR),
    ]
    return blame_by_launches(Part("all", run=launches(whole)), packages, [], "step time", MARGINS)


def whole_pair() -> Blame:
    """Sides that differ in nothing else."""
    packages = [Part("tensorflow-cpu", run=launches(0.0)), Part("keras", run=launches(0.0))]
    return blame_by_launches(Part("all", run=launches(0.2), members=PAIR), packages, [], "step time", MARGINS)


def pair_by_numbers() -> Blame:
    packages = [
        BROKEN,
        Part("keras", run=numbers(wrong=False)),
        Part("tensorflow-cpu+keras", run=numbers(wrong=True), members=PAIR),
    ]
    return blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)


def by_numbers(*, keras: bool) -> Blame:
    packages = [BROKEN, Part("keras", ("2.15.0", "3.15.1"), numbers(wrong=keras)), Part("wrapt", ("1.14.2", "2.5.2"))]
    switches = [Part(ONEDNN), Part(THREADS, run=numbers(wrong=True))]
    return blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, switches, MARGINS)


def right_alone() -> Blame:
    packages = [Part("keras", run=numbers(wrong=False))]
    return blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, [], MARGINS)


def test_effects_are_a_table_of_packages_and_one_of_switches() -> None:
    golden("blame_launches.txt", blame_text(by_launches(0.3, 0.2), "step time", NAMES, LEFT_OUT))


def test_what_a_pair_does_beyond_its_members_has_a_line() -> None:
    golden("blame_pair.txt", blame_text(paired(0.3, launches(0.2)), "step time", NAMES, []))


@pytest.mark.parametrize(
    ("blame", "first", "row"),
    [
        (paired(0.3, launches(0.2)), "to blame: tensorflow-cpu with keras, +22", "tensorflow-cpu with keras "),
        (
            paired(0.2, launches(0.2), alone=0.0),
            "to blame: tensorflow-cpu and keras together, +22",
            "tensorflow-cpu and keras together ",
        ),
        (whole_pair(), "to blame: tensorflow-cpu and keras together, +22", "tensorflow-cpu and keras together "),
    ],
)
def test_a_pair_is_called_by_what_is_known_of_its_members(blame: Blame, first: str, row: str) -> None:
    text = blame_text(blame, "step time", NAMES, [])
    assert text.startswith(first)
    assert sum(line.startswith(row) for line in text.splitlines()) == 1


def test_two_that_can_t_be_told_apart_have_one_line() -> None:
    packages = [BROKEN, Part("keras", problem="crashed"), Part("tensorflow-cpu+keras", run=launches(0.2), members=PAIR)]
    found = blame_by_launches(Part("all", run=launches(0.2)), packages, [], "step time", MARGINS)
    text = blame_text(found, "step time", NAMES, [])
    assert text.startswith("to blame: tensorflow-cpu+keras, +22")
    assert sum("+keras" in line for line in text.splitlines()[1:]) == 1


def test_a_pair_that_can_t_be_measured_is_told_and_the_rest_is_as_without() -> None:
    packages = [
        Part("tensorflow-cpu", run=launches(0.1)),
        Part("keras", run=launches(0.1)),
        Part("tensorflow-cpu+keras", problem="ImportError: no keras.src", members=PAIR),
    ]
    found = blame_by_launches(Part("all", run=launches(0.3)), packages, [], "step time", MARGINS)
    assert "tensorflow-cpu+keras can't be measured: ImportError" in blame_text(found, "step time", NAMES, [])
    plain = blame_json(found, "step time", NAMES, [])
    assert plain["pairs"] == [{"name": "tensorflow-cpu+keras", "beyond_its_members": None}]
    assert plain["unexplained"]["estimate"] == pytest.approx(0.1, abs=0.01)


def test_numbers_of_a_pair_are_its_own() -> None:
    text = " ".join(blame_text(pair_by_numbers(), "numbers", NAMES, []).split())
    assert text.startswith("to blame: tensorflow-cpu with keras; with tensorflow-cpu+keras, numerics of notebook-")
    assert "tensorflow-cpu+keras a regression all " in text
    plain = blame_json(pair_by_numbers(), "numbers", NAMES, [])
    assert plain["blamed"] == ["tensorflow-cpu+keras"]
    assert {part["name"]: bool(part["regression"]) for part in plain["parts"]}["tensorflow-cpu+keras"]


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


def test_inconclusive_numbers_are_said_with_their_reason() -> None:
    reason = "numerics of notebook-synthetic-cells-cpu0: the reference could"
    whole = blame_by_numbers(Part("all", run=inconclusive()), [Part("keras", run=numbers(wrong=False))], [], MARGINS)
    text = blame_text(whole, "numbers", NAMES, []).replace("\n  ", " ")
    assert text.startswith(f"nothing is proven: the numbers of 2.16.1 are inconclusive: {reason}")
    plain = blame_json(whole, "numbers", NAMES, [])
    assert (plain["answer"], plain["compared"], plain["regression"]) == ("not proven", False, None)
    packages, switches = [Part("keras", run=inconclusive())], [Part(ONEDNN, run=inconclusive())]
    found = blame_by_numbers(Part("all", run=numbers(wrong=True)), packages, switches, MARGINS)
    text = blame_text(found, "numbers", NAMES, []).replace("\n  ", " ")
    assert "no package is proven to bring it, and some were not measured or are inconclusive: keras\n" in text
    assert [" ".join(line.split()) for line in text.splitlines() if line.endswith(" inconclusive")] == [
        "keras inconclusive",
        "without oneDNN inconclusive",
    ]
    for name in ("keras", "without oneDNN"):
        assert f"\n{name} is inconclusive: {reason}" in text
    (keras, _) = blame_json(found, "numbers", NAMES, [])["parts"]
    assert (keras["compared"], keras["regression"]) == (False, None)
    assert plain["inconclusive"] == keras["inconclusive"]


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
    assert plain["pairs"] == []
    plain = blame_json(paired(0.3, launches(0.2)), "step time", NAMES, [])
    assert plain["blamed"] == ["tensorflow-cpu+keras"]
    assert plain["pairs"][0]["beyond_its_members"]["estimate"] == pytest.approx(0.2, abs=0.01)
    assert plain["unexplained"]["estimate"] == pytest.approx(0.1, abs=0.01)
    (whole,) = blame_json(whole_pair(), "step time", NAMES, [])["pairs"]
    assert whole["name"] == "tensorflow-cpu+keras"
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


def test_a_side_of_many_requirements_is_cut_in_text_and_whole_for_programs() -> None:
    frozen = "absl-py==2.5.1 gast==0.7.0 grpcio==1.85.3 tensorflow-cpu==2.20.0"
    text = blame_text(by_launches(0.2, 0.2), "step time", (frozen, "2.21.0"), [])
    assert "from absl-py==2.5.1 gast==0.7.0 … to 2.21.0" in text.replace("\n  ", " ")
    assert "grpcio" not in text
    assert blame_json(by_launches(0.2, 0.2), "step time", (frozen, "2.21.0"), [])["reference"] == frozen
    wheel = "dist/tensorflow-2.22.0-cp311-cp311-linux_x86_64.whl"
    assert f"…{wheel[-39:]}" in blame_text(by_launches(0.2, 0.2), "step time", ("2.21.0", wheel), []).replace(
        "\n  ", " "
    )
