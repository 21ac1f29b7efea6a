"""The parts that `tfgate blame` measures: those that are asked for, among those in which the sides differ."""

import dataclasses
from collections.abc import Sequence

import pytest

from bench.commands.blame_parts import chosen
from bench.commands.growing import Measure
from bench.commands.usage import UsageError
from bench.drive.plan import Plan
from bench.judge.blame import Part
from bench.record.paired import CANDIDATE, REFERENCE, Package, Side
from tests.builders.records import MARGINS

MEASURE = Measure(Plan("tiny", 40), "step time", MARGINS, ("tfgate", "blame"))
VERSIONS = {
    REFERENCE: {"tensorflow-cpu": "2.98.0", "keras": "2.0.0", "numpy": "1.0.0", "six": "1.0"},
    CANDIDATE: {"tensorflow-cpu": "2.99.0", "keras": "3.0.0", "numpy": "1.0.0", "six": "2.0", "namex": "1.0"},
}
SIDES = {
    role: Side(role, "/a", {}, packages=tuple(Package(*item) for item in versions.items()))
    for role, versions in VERSIONS.items()
}


def test_what_tensorflow_imports_and_both_switches_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here that is Keras alone, of the packages that both have."""
    monkeypatch.setattr("bench.commands.blame_parts.imported", lambda python, variables: {"keras", "namex"})
    whole, packages, switches, left_out = chosen(MEASURE, SIDES, ())
    assert (whole, packages) == (Part("all"), [Part("keras", ("2.0.0", "3.0.0"))])
    assert switches == ["onednn", "threads"]
    assert left_out == [
        "namex, which the candidate alone has: measured with what requires it",
        "tensorflow-cpu 2.98.0 and 2.99.0: TensorFlow doesn't import it",
        "six 1.0 and 2.0: TensorFlow doesn't import it",
    ]


def test_a_part_that_does_not_differ_is_refused() -> None:
    with pytest.raises(UsageError, match="--part numpy: the sides don't differ in it; name one of tensorflow-cpu, k"):
        chosen(MEASURE, SIDES, ("numpy",))


def names(parts: Sequence[Part]) -> list[str]:
    return [part.name for part in parts]


def test_tensorflow_and_keras_are_also_measured_together(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = {*VERSIONS[CANDIDATE]}
    monkeypatch.setattr("bench.commands.blame_parts.imported", lambda python, variables: everything)
    whole, packages, _, _ = chosen(MEASURE, SIDES, ())
    assert whole == Part("all")
    assert names(packages) == ["tensorflow-cpu", "keras", "six", "tensorflow-cpu+keras"]
    assert packages[-1].members == ("tensorflow-cpu", "keras")
    assert names(chosen(MEASURE, SIDES, ("tensorflow-cpu", "keras"))[1]) == ["tensorflow-cpu", "keras"]  # as asked


def test_tensorflow_and_the_keras_in_use_are_measured_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """tf-keras, which fits one minor version of TensorFlow alone."""
    monkeypatch.setattr(
        "bench.commands.blame_parts.imported", lambda python, variables: {*VERSIONS[CANDIDATE], "tf-keras"}
    )
    sides = {
        role: dataclasses.replace(
            side,
            variables={"TF_USE_LEGACY_KERAS": "1"},
            packages=(*side.packages, Package("tf-keras", f"{side.packages[0].version[:4]}.0")),
        )
        for role, side in SIDES.items()
    }
    assert chosen(MEASURE, sides, ())[1][-1].members == ("tensorflow-cpu", "tf-keras")


def test_keras_of_a_nightly_is_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name that the reference has."""
    monkeypatch.setattr("bench.commands.blame_parts.imported", lambda python, variables: {"tensorflow-cpu", "keras"})
    nightly = (
        Package("tensorflow-cpu", "2.99.0"),
        Package("keras-nightly", "3.1.dev1"),
        *SIDES[REFERENCE].packages[2:],
    )
    sides = {**SIDES, CANDIDATE: dataclasses.replace(SIDES[CANDIDATE], packages=nightly)}
    whole, packages, _, left_out = chosen(MEASURE, sides, ())
    assert packages[1] == Part("keras", ("2.0.0", "keras-nightly 3.1.dev1"))
    assert whole.members == ("tensorflow-cpu", "keras")  # nothing else differs
    assert left_out == ["tensorflow-cpu+keras: nothing else differs, so that it is the row 'all'"]


def test_a_pair_is_measured_with_its_members_alone() -> None:
    _, packages, switches, left_out = chosen(MEASURE, SIDES, ("six+keras", "keras+six", "threads"))
    assert names(packages) == ["keras", "six", "keras+six"]
    assert switches == ["threads"]
    assert left_out == ["tensorflow-cpu 2.98.0 and 2.99.0: not asked for"]


@pytest.mark.parametrize("asked", [(), ("keras+tensorflow-cpu",)])
def test_two_packages_that_alone_differ_are_the_whole(asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.commands.blame_parts.imported", lambda python, variables: {*VERSIONS[REFERENCE]})
    packages = tuple(
        package if package.name in ("tensorflow-cpu", "keras") else old
        for old, package in zip(SIDES[REFERENCE].packages, SIDES[CANDIDATE].packages, strict=False)
    )
    sides = {**SIDES, CANDIDATE: dataclasses.replace(SIDES[CANDIDATE], packages=packages)}
    whole, parts, _, left_out = chosen(MEASURE, sides, asked)
    assert whole.members == ("tensorflow-cpu", "keras")
    assert names(parts) == ["tensorflow-cpu", "keras"]
    assert left_out == ["tensorflow-cpu+keras: nothing else differs, so that it is the row 'all'"]
    candidate = sides[CANDIDATE]
    for more in (
        dataclasses.replace(candidate, variables={"TF_A": "1"}),
        dataclasses.replace(candidate, packages=packages[:-1]),
    ):
        sides[CANDIDATE] = more
        assert names(chosen(MEASURE, sides, asked)[1])[-1] == "tensorflow-cpu+keras"


def test_two_builds_of_a_version_are_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of TensorFlow; and of what is no member of a pair, which then isn't all that differs."""
    monkeypatch.setattr("bench.commands.blame_parts.imported", lambda python, variables: {*VERSIONS[REFERENCE]})

    def side(role: str, *rebuilt: str) -> Side:
        hashes = {name: (role if name in rebuilt else "same",) for name in VERSIONS[REFERENCE]}
        packages = (dataclasses.replace(one, hashes=hashes[one.name]) for one in SIDES[REFERENCE].packages)
        return dataclasses.replace(SIDES[role], packages=tuple(packages))

    def parts(*rebuilt: str) -> list[str]:
        return names(chosen(MEASURE, {role: side(role, *rebuilt) for role in SIDES}, ())[1])

    assert parts() == []
    assert parts("tensorflow-cpu") == ["tensorflow-cpu"]
    assert parts("tensorflow-cpu", "keras") == ["tensorflow-cpu", "keras"]
    assert parts("tensorflow-cpu", "keras", "six") == ["tensorflow-cpu", "keras", "six", "tensorflow-cpu+keras"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("tensorflow-cpu+keras", "keras+six"), "--part: keras is in two pairs: name one pair at most"),
        (
            ("keras+numpy",),
            r"--part keras\+numpy: a pair is two packages in which the sides differ, of tensorflow-cpu, k",
        ),
        (("keras+onednn",), "a pair is two packages"),
        (("keras+keras",), "a pair is two packages"),
        (("keras+six+tensorflow-cpu",), "a pair is two packages"),
    ],
)
def test_other_pairs_are_refused(asked: tuple[str, ...], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        chosen(MEASURE, SIDES, asked)


def test_a_switch_that_changes_nothing_is_not_measured() -> None:
    plan = dataclasses.replace(MEASURE.plan, device="gpu:0", threads=1)
    with pytest.raises(UsageError, match=r"; name one of tensorflow-cpu, keras, six$"):
        chosen(dataclasses.replace(MEASURE, plan=plan), SIDES, ("threads",))
