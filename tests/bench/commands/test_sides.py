"""The two sides of a comparison: what the command line asked for, and what else sets them apart."""

import argparse
import os
import sys
from pathlib import Path

import pytest

from bench.commands.sides import candidate_side, prepared_sides, side_warnings
from bench.drive.requests import RequestError
from bench.record.paired import CANDIDATE, REFERENCE, Package, Side
from tests.builders.fake_interpreter import write_interpreter


def options(**more: object) -> argparse.Namespace:
    given: dict[str, object] = {
        "from_": sys.executable,
        "to": sys.executable,
        "from_env": [],
        "to_env": [],
        "as_of": "now",
        "device": "cpu:0",
        "python": None,
    }
    return argparse.Namespace(**{**given, **more})


def test_an_interpreter_is_taken_as_it_is_with_its_own_variables() -> None:
    sides = prepared_sides(options(to_env=["TF_ENABLE_ONEDNN_OPTS=0"]))
    assert (sides[REFERENCE].interpreter, sides[CANDIDATE].interpreter) == (sys.executable, sys.executable)
    assert (sides[REFERENCE].variables, sides[CANDIDATE].variables) == ({}, {"TF_ENABLE_ONEDNN_OPTS": "0"})
    assert "pytest" in {package.name for package in sides[REFERENCE].packages}


def test_what_cannot_be_had_is_refused() -> None:
    with pytest.raises(RequestError, match="there is no interpreter"):
        prepared_sides(options(to="./none"))
    with pytest.raises(RequestError, match="--as-of 'soon' is no date"):
        prepared_sides(options(as_of="soon"))


def test_the_candidate_is_a_path_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the working folder, or found on PATH: processes start in other folders."""
    python = write_interpreter(tmp_path / "python", "", {"tensorflow": "2.21.0"})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name in ("./python", "python"):
        found = candidate_side(argparse.Namespace(python=name, env=["A=1"]))
        assert (found.requested, found.interpreter, found.variables) == (python, python, {"A": "1"})
        assert found.packages == (Package("tensorflow", "2.21.0"),)


def side(**versions: str) -> Side:
    return Side("a", "/a", {}, packages=tuple(Package(name, version) for name, version in versions.items()))


def warned(reference: Side, candidate: Side) -> list[str]:
    return side_warnings({REFERENCE: reference, CANDIDATE: candidate})


def test_other_packages_than_tensorflow_are_warned_of_where_they_differ() -> None:
    reference = side(tensorflow="2.15.1", keras="2.15.0", numpy="1.26.4")
    candidate = side(tensorflow="2.16.2", keras="3.15.1", numpy="1.26.4")
    assert warned(reference, candidate) == [
        "the sides have keras 2.15.0 and 3.15.1: a difference between them may be its"
    ]


def test_equal_sides_are_an_a_a_run() -> None:
    one = side(tensorflow="2.21.0", numpy="2.4.0")
    (warning,) = warned(one, one)
    assert warning == "the candidate has the reference's own packages: this A/A run shows what this machine can resolve"
    assert warned(one, side(tensorflow="2.21.1", numpy="2.4.0")) == []
    assert warned(side(numpy="2.4.0"), side(numpy="2.4.0")) == []  # no TensorFlow that anybody knows of


def test_what_keras_imports_on_its_own_is_warned_of_where_the_candidate_alone_has_it() -> None:
    reference, candidate = (
        side(tensorflow="2.20.0", pandas="2"),
        side(tensorflow="2.21.0", pandas="2", scipy="1", pillow="12", rich="14"),
    )
    assert warned(reference, candidate) == [
        "the candidate has pillow, scipy, which Keras imports where it finds them: memory and import may be theirs"
    ]
