"""The parts that `tfgate blame` measures: those that are asked for, among those in which the sides differ."""

import dataclasses

import pytest

from bench.commands.blame_parts import chosen
from bench.commands.growing import Measure
from bench.commands.usage import UsageError
from bench.drive.mixed import Differing
from bench.drive.plan import Plan
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
    packages, switches, left_out = chosen(MEASURE, SIDES, ())
    assert packages == [Differing("keras", "2.0.0", "3.0.0")]
    assert switches == ["onednn", "threads"]
    assert left_out == [
        "namex, which the candidate alone has: measured with what requires it",
        "tensorflow-cpu 2.98.0 and 2.99.0: TensorFlow doesn't import it",
        "six 1.0 and 2.0: TensorFlow doesn't import it",
    ]


def test_a_part_that_does_not_differ_is_refused() -> None:
    with pytest.raises(UsageError, match="--part numpy: the sides don't differ in it; name one of tensorflow-cpu, k"):
        chosen(MEASURE, SIDES, ("numpy",))


def test_a_switch_that_changes_nothing_is_not_measured() -> None:
    plan = dataclasses.replace(MEASURE.plan, device="gpu:0", threads=1)
    with pytest.raises(UsageError, match=r"; name one of tensorflow-cpu, keras, six$"):
        chosen(dataclasses.replace(MEASURE, plan=plan), SIDES, ("threads",))
