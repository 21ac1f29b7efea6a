"""The two sides of a comparison: what the command line asked for, and what else sets them apart."""

import dataclasses
import datetime
import os
import sys

import pytest

from bench.cli import command_parser
from bench.commands.sides import OLD_DAYS, Sides, old_nightlies, side_warnings, sides_request
from bench.drive.requests import AsOf, RequestError
from bench.record.paired import CANDIDATE, REFERENCE, Package, Side


def sides(*words: str, gpu: bool = False) -> Sides:
    """Returns the sides that a command line of `lockstep` asks for."""
    return sides_request(command_parser("lockstep").parse_args(words), gpu=gpu)


def test_an_interpreter_is_taken_as_it_is_with_its_own_variables() -> None:
    """However it is named: processes start in other folders."""
    python = os.path.relpath(sys.executable)
    given = ["--from", sys.executable, "--to", python, "--to-env", "TF_ENABLE_ONEDNN_OPTS=0"]
    prepared = sides(*given).prepared()
    assert (prepared[REFERENCE].interpreter, prepared[CANDIDATE].interpreter) == (sys.executable, sys.executable)
    assert (prepared[REFERENCE].variables, prepared[CANDIDATE].variables) == ({}, {"TF_ENABLE_ONEDNN_OPTS": "0"})
    assert "pytest" in {package.name for package in prepared[REFERENCE].packages}


def test_both_sides_are_built_from_one_moment_s_index(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, AsOf]] = []

    def prepared(what: str, as_of: AsOf, **_: object) -> Side:
        asked.append((what, as_of))
        return Side(what, "/a", {}, as_of.moment)

    monkeypatch.setattr("bench.commands.sides.prepare", prepared)
    given = ("2.98.0", "tensorflow-cpu==2.99.0 keras==3.1.0")
    found = sides("--from", given[0], "--to", given[1]).prepared()
    (one, first), (other, second) = asked
    assert (one, other) == (found[REFERENCE].requested, found[CANDIDATE].requested) == given
    assert first is second


def test_packages_are_chosen_for_the_python_and_the_device_that_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a side is built, where it is resolved for another machine, and where releases are listed."""
    asked: list[tuple[str | None, bool]] = []

    def chosen(*_: object, python: str | None, gpu: bool, **more: object) -> None:
        asked.append((python, gpu))

    for name in ("prepare", "resolved", "releases_between"):
        monkeypatch.setattr(f"bench.commands.sides.{name}", chosen)
    found = sides("--from", "2.98.0", "--to", "2.99.0", "--python-version", "3.12", gpu=True)
    found.one(found.reference)
    found.resolved("2.98.0")
    found.between()
    assert asked == [("3.12", True)] * 3


def test_what_cannot_be_had_is_refused_with_the_request() -> None:
    with pytest.raises(RequestError, match="none"):
        sides("--from", sys.executable, "--to", "./none")


def side(**versions: str) -> Side:
    return Side("a", "/a", {}, packages=tuple(Package(name, version) for name, version in versions.items()))


def warned(reference: Side, candidate: Side) -> list[str]:
    return side_warnings({REFERENCE: reference, CANDIDATE: candidate})


def test_other_packages_than_tensorflow_are_warned_of_where_they_differ() -> None:
    reference = side(tensorflow="2.15.1", keras="2.15.0", numpy="1.26.4")
    candidate = side(tensorflow="2.16.2", keras="3.15.1", numpy="1.26.4")
    (warning,) = warned(reference, candidate)
    assert "keras" in warning
    assert "2.15.0 and 3.15.1" in warning


def test_a_nightly_s_keras_is_compared_with_the_release_s() -> None:
    reference = side(tensorflow="2.21.0", keras="3.15.1")
    nightly = Package("keras-nightly", "3.16.0.dev2026102704")
    candidate = dataclasses.replace(side(tensorflow="2.23.0"), packages=(*side(tensorflow="2.23.0").packages, nightly))
    assert warned(reference, candidate) == [
        "keras differs too, 3.15.1 and 3.16.0.dev2026102704, and may explain a difference"
    ]


def test_the_keras_that_a_switch_chooses_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one side or on both, set for the side or in the shell; not the one that is there, unused."""
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    switch = {"TF_USE_LEGACY_KERAS": "1"}
    first = side(tensorflow="2.15.1", keras="2.15.0")
    old, new = (side(tensorflow=f"2.{n}.1", keras=f"3.{n}.0", **{"tf-keras": f"2.{n}.0"}) for n in (17, 18))
    legacy = [dataclasses.replace(one, variables=switch) for one in (old, new)]
    assert warned(old, new) == ["keras differs too, 3.17.0 and 3.18.0, and may explain a difference"]
    assert warned(first, legacy[1]) == ["keras differs too, 2.15.0 and 2.18.0, and may explain a difference"]
    found = ["tf-keras differs too, 2.17.0 and 2.18.0, and may explain a difference"]
    assert warned(*legacy) == found
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "True")
    assert warned(old, new) == found
    without = [dataclasses.replace(one, variables={"TF_USE_LEGACY_KERAS": "0"}) for one in (old, new)]
    assert warned(*without)[0].startswith("keras differs too, 3.17.0 and 3.18.0")


def test_equal_sides_are_an_a_a_run() -> None:
    one = side(tensorflow="2.21.0", numpy="2.4.0")
    (warning,) = warned(one, one)
    assert "A/A" in warning
    assert warned(one, side(tensorflow="2.21.1", numpy="2.4.0")) == []
    assert warned(one, dataclasses.replace(one, variables={"TF_ENABLE_ONEDNN_OPTS": "0"})) == []
    assert warned(side(numpy="2.4.0"), side(numpy="2.4.0")) == []  # no TensorFlow that anybody knows of
    with_keras = (side(tensorflow="2.21.0", **{name: "3.16.0"}) for name in ("keras", "keras-nightly"))
    assert warned(*with_keras) == []


def test_what_keras_imports_on_its_own_is_warned_of_where_one_side_alone_has_it() -> None:
    """Memory that the candidate takes in addition may hide behind what the reference alone imports."""
    few, more = (
        side(tensorflow="2.20.0", pandas="2"),
        side(tensorflow="2.21.0", pandas="2", scipy="1", pillow="12", rich="14", **{"scikit-learn": "1"}),
    )
    for reference, candidate, holder in ((few, more, CANDIDATE), (more, few, REFERENCE)):
        (warning,) = warned(reference, candidate)
        assert warning.startswith(f"the {holder} alone has pillow, scikit-learn, scipy,")
    (warning,) = warned(side(tensorflow="2.20.0", pandas="2", scipy="1", **{"scikit-learn": "1"}), more)
    assert warning.startswith("the candidate alone has pillow, which")


def nightly(day: datetime.date, as_of: str = "") -> Side:
    package = Package("tf-nightly", f"2.22.0.dev{day:%Y%m%d}")
    return Side("tf-nightly", "/a", {}, as_of, packages=(package,))


def test_a_nightly_that_is_weeks_old_is_warned_of_on_either_side() -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    old, new = (nightly(today - datetime.timedelta(days)) for days in (OLD_DAYS + 1, OLD_DAYS - 1))
    for reference, candidate, role in ((new, old, CANDIDATE), (old, new, REFERENCE)):
        (warning,) = warned(reference, candidate)
        assert f"the {role} is a nightly of {today - datetime.timedelta(OLD_DAYS + 1)}, more than" in warning
    assert warned(side(tensorflow="2.20.0"), new) == []


def test_a_nightly_is_as_old_as_it_was_when_the_index_was_read() -> None:
    """By `--as-of`; a moment of Keras is no TensorFlow's."""
    built, later = datetime.date(2026, 10, 1), [f"2026-10-{day}T12:00:00Z" for day in (15, 16)]
    assert [len(old_nightlies({CANDIDATE: nightly(built, moment)})) for moment in later] == [0, 1]
    assert old_nightlies({CANDIDATE: side(**{"keras-nightly": "3.13.0.dev20200101"})}) == []


def test_a_build_of_one_s_own_is_no_nightly() -> None:
    """For which a newer one could be had."""
    assert old_nightlies({CANDIDATE: side(tensorflow="2.22.0.dev20200101")}) == []
