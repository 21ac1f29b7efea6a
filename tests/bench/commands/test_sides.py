"""The two sides of a comparison: what the command line asked for, and what else sets them apart."""

import argparse
import sys

import pytest

from bench.commands.sides import prepared_sides, side_warnings
from bench.drive.requests import RequestError
from bench.record.paired import CANDIDATE, REFERENCE, Package, Side


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


def side(**versions: str) -> Side:
    return Side("a", "/a", {}, packages=tuple(Package(name, version) for name, version in versions.items()))


def test_other_packages_than_tensorflow_are_warned_of_where_they_differ() -> None:
    sides = {
        REFERENCE: side(tensorflow="2.15.1", keras="2.15.0", numpy="1.26.4"),
        CANDIDATE: side(tensorflow="2.16.2", keras="3.15.1", numpy="1.26.4"),
    }
    assert side_warnings(sides) == ["the sides have keras 2.15.0 and 3.15.1: a difference between them may be its"]
    assert side_warnings({REFERENCE: sides[REFERENCE], CANDIDATE: sides[REFERENCE]}) == []
