"""The two sides of a comparison, from the command line's words."""

import argparse
import sys
from collections.abc import Mapping

from bench.commands.options import variables
from bench.drive.environments import prepare
from bench.drive.requests import read_as_of
from bench.record.paired import CANDIDATE, REFERENCE, Side


def prepared_sides(options: argparse.Namespace) -> dict[str, Side]:
    """Both sides, built where they aren't there yet, from the index as of one moment.

    Raises UsageError, RequestError for what can't be had and BuildError for what can't be built.
    """
    as_of = read_as_of(options.as_of)
    asked = {REFERENCE: (options.from_, variables(options, "from_env")), CANDIDATE: (options.to, variables(options, "to_env"))}
    gpu = options.device.startswith("gpu")
    return {
        name: prepare(requested, as_of, python=options.python, gpu=gpu, variables=given, say=_say)
        for name, (requested, given) in asked.items()
    }


def side_warnings(sides: Mapping[str, Side]) -> list[str]:
    """What else than TensorFlow sets the sides apart without having been asked for: other packages' versions."""
    reference, candidate = ({package.name: package.version for package in sides[name].packages} for name in (REFERENCE, CANDIDATE))
    ours = [name for name in ("keras", "numpy") if name in reference and name in candidate and reference[name] != candidate[name]]
    return [f"the sides have {name} {reference[name]} and {candidate[name]}: a difference between them may be its" for name in ours]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
