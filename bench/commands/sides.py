"""The two sides of a comparison, from the command line's words."""

import argparse
import os
import shutil
import sys
from collections.abc import Mapping, Sequence

from bench.commands.options import variables
from bench.commands.stored import baselines_folder
from bench.drive.environments import REFERENCE as PINNED
from bench.drive.environments import prepare, prepare_reference
from bench.drive.lockfile import TENSORFLOW
from bench.drive.requests import AsOf, Interpreter, RequestError, read_as_of, read_request
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.report.lines import one_line

IMPORTED_BY_KERAS = ("matplotlib", "pandas", "pillow", "scipy")  # on its own: 32 MiB for all but pandas


def prepared_sides(options: argparse.Namespace) -> dict[str, Side]:
    """Both sides, built where they aren't there yet, from the index as of one moment.

    Raises UsageError, RequestError for what can't be had and BuildError for what can't be built.
    """
    as_of, gpu = read_as_of(options.as_of), options.device.startswith("gpu")
    asked = {
        REFERENCE: (options.from_, variables(options, "from_env")),
        CANDIDATE: (options.to, variables(options, "to_env")),
    }
    return {
        name: _prepared(options, requested, as_of, given, gpu, options.python)
        for name, (requested, given) in asked.items()
    }


def candidate_side(options: argparse.Namespace) -> Side:
    """The environment of --python, as it is, with the variables of --env. Raises UsageError, RequestError for what is no Python."""
    python = shutil.which(options.python) or options.python
    return prepare(os.path.abspath(python), read_as_of("now"), variables=variables(options))


def reference_side(
    options: argparse.Namespace, given: dict[str, str], *, gpu: bool, needed: Sequence[str] = ()
) -> Side:
    """The pinned reference, or what --reference names, with the variables `given`.

    What is built for --reference has the packages `needed` besides. Raises UsageError, RequestError, BuildError.
    """
    requested = options.reference or PINNED
    if requested != PINNED and not isinstance(request := read_request(requested, gpu), Interpreter):
        requested = " ".join((*request.lines, *needed)) if needed else requested
    return _prepared(options, requested, read_as_of("now"), given, gpu)


def _prepared(
    options: argparse.Namespace,
    requested: str,
    as_of: AsOf,
    given: dict[str, str],
    gpu: bool,
    python: str | None = None,
) -> Side:
    if requested != PINNED:
        return prepare(requested, as_of, python=python, gpu=gpu, variables=given, say=_say)
    if gpu:
        raise RequestError("the pinned reference has no GPU: name another by --reference")
    return prepare_reference(baselines_folder(options) / PINNED, variables=given, say=_say)


def side_warnings(sides: Mapping[str, Side]) -> list[str]:
    """What else than TensorFlow sets the sides apart without having been asked for: other packages' versions."""
    reference, candidate = (
        {package.name: package.version for package in sides[name].packages} for name in (REFERENCE, CANDIDATE)
    )
    ours = [
        name
        for name in ("keras", "numpy")
        if name in reference and name in candidate and reference[name] != candidate[name]
    ]
    found = [
        f"the sides have {name} {reference[name]} and {candidate[name]}: a difference between them may be its"
        for name in ours
    ]
    extra = [name for name in IMPORTED_BY_KERAS if name in candidate and name not in reference]
    if extra:
        found.append(
            f"the candidate has {', '.join(extra)}, which Keras imports where it finds them: memory and import may be theirs"
        )
    shared = reference.keys() & candidate.keys()
    if all(reference[name] == candidate[name] for name in shared) and shared & set(TENSORFLOW):
        found.append("the candidate has the reference's own packages: this A/A run shows what this machine can resolve")
    return found


def _say(line: str) -> None:
    print(one_line(line), file=sys.stderr, flush=True)
