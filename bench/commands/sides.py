"""The two sides of a comparison, from words to environments: --from, which is trusted, and --to, which is judged."""

import argparse
import dataclasses
import datetime
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.messages import say
from bench.commands.options import add_variables, keeping_message
from bench.commands.stored import baselines_folder
from bench.commands.usage import UsageError
from bench.drive.environments import PINNED, Resolved, prepare, prepare_reference, releases_between, resolved
from bench.drive.lockfile import TENSORFLOW, keras_of, nightly_date, tensorflow_of
from bench.drive.mixed import differing
from bench.drive.requests import AsOf, BuildError, RequestError, Requirements, is_path, read_as_of, read_request
from bench.record.paired import CANDIDATE, REFERENCE, Package, Side
from bench.record.releases import NIGHTLIES

# On its own: 32 MiB for all but pandas; of scikit-learn none was measured.
IMPORTED_BY_KERAS = ("matplotlib", "pandas", "pillow", "scikit-learn", "scipy")
OLD_DAYS = 14  # of a nightly; there is one for most nights

BUILT = "a version, requirements in quotes, a wheel, tf-nightly, or `reference`, the pinned one"
WHAT = "a version, requirements in quotes, a wheel, tf-nightly, an interpreter's path, or `reference`, the pinned one"


@dataclasses.dataclass(frozen=True)
class SideRequest:
    """An environment: what was asked for, and the variables that its processes get."""

    what: str
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Sides:
    """The reference and the candidate of a comparison."""

    reference: SideRequest
    candidate: SideRequest
    as_of: AsOf  # one moment for both, so that they see the same index
    python_version: str | None
    locks: Path  # of the pinned reference
    gpu: bool
    sent: Mapping[str, Resolved | None] = dataclasses.field(default_factory=dict)  # by another machine, by `what`

    def prepared(self) -> dict[str, Side]:
        """Returns the sides by role, built where they aren't there yet.

        Raises RequestError for what can't be had and BuildError for what can't be built.
        """
        return {REFERENCE: self.one(self.reference), CANDIDATE: self.one(self.candidate)}

    def reference_or_why(self, needed: Sequence[str] = ()) -> tuple[Side | None, str]:
        """Returns the reference, built with the packages `needed`; or, of the pinned one alone, why it can't be had:
        that the machine is offline, say, is no fault of the command.

        Raises RequestError, BuildError for a reference that the command names.
        """
        try:
            return self.one(self.reference, needed), ""
        except (BuildError, RequestError) as error:
            if self.reference.what != PINNED:
                raise
            return None, str(error)

    def one(self, side: SideRequest, needed: Sequence[str] = ()) -> Side:
        """Returns one side, built where it isn't there yet, and then with the packages `needed`.

        Raises RequestError, BuildError.
        """
        if side.what == PINNED:
            if self.gpu:
                raise RequestError("the pinned reference has no GPU support: name another reference by --from")
            return prepare_reference(self.locks, variables=side.variables, say=say)
        request, what = read_request(side.what, self.gpu), side.what
        if needed and isinstance(request, Requirements):
            what = " ".join((*request.lines, *needed))
        return prepare(
            what,
            self.as_of,
            python=self.python_version,
            gpu=self.gpu,
            variables=side.variables,
            say=say,
            sent=self.sent.get(what),
        )

    def resolved(self, what: str) -> Resolved | None:
        """Returns the lock of a side for `sent` of another machine; None of an interpreter and of the pinned reference.

        Raises RequestError.
        """
        if what == PINNED:
            return None
        return resolved(what, self.as_of, python=self.python_version, gpu=self.gpu, say=say)

    def between(self) -> list[str]:
        """Returns the releases between the reference and the candidate. Raises UnlistedError, RequestError."""
        first, last = self.reference.what, self.candidate.what
        return releases_between(first, last, self.as_of, python=self.python_version, gpu=self.gpu)


def add_sides(
    parser: argparse.ArgumentParser,
    reference: str | None = None,
    candidate: str | None = None,
    *,
    alone: bool = False,
    what: str = WHAT,
) -> None:
    """Adds what Sides holds, but for --baselines. `what` says how a side may be named.

    A side without a default is required; the reference isn't if the candidate may be `alone`.
    """
    for side, role, default in (("from", "reference", reference), ("to", "candidate", candidate)):
        shown = "this interpreter" if default == sys.executable else default
        parser.add_argument(
            f"--{side}",
            dest=f"{side}_",
            default=default,
            required=default is None and not (alone and side == "from"),
            metavar="WHAT",
            help=f"the {role}{f': {what}' if side == 'from' else ', named in the same way'}"
            + (f" (default: {shown})" if default else ""),
        )
    add_variables(parser, "--from-env", "of the reference")
    add_variables(parser, "--to-env", "of the candidate")
    add_index(parser)


def add_index(parser: argparse.ArgumentParser) -> None:
    """Adds what says how environments are built."""
    parser.add_argument(
        "--as-of",
        type=keeping_message(read_as_of),
        default="now",
        metavar="WHEN",
        help="use the package index as of now, a date, or release: the day each TensorFlow came out (default: now)",
    )
    parser.add_argument(
        "--python-version", metavar="VERSION", help="Python of environments that are built (default: 3.11)"
    )


def add_releases(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds --release, which names the releases between the first and the last."""
    what = f"a release between the two, oldest first; may be repeated (default: {default})"
    parser.add_argument("--release", action="append", default=[], metavar="WHAT", help=what)


def releases_request(options: argparse.Namespace, first: str, last: str, others: Sequence[str], *, gpu: bool) -> Sides:
    """Makes the request of add_index' options for the first and the last of several releases.

    Raises RequestError for what names nothing, one of the others included, and UsageError.
    """
    return _request(options, SideRequest(first), SideRequest(last), *others, gpu=gpu)


def sides_request(options: argparse.Namespace, *, gpu: bool) -> Sides:
    """Makes the request of add_sides' options; without --from both sides are one environment.

    Raises RequestError for what names nothing, UsageError.
    """
    reference = SideRequest(options.from_ or options.to_, dict(options.from_env))
    return _request(options, reference, SideRequest(options.to_, dict(options.to_env)), gpu=gpu)


def _request(
    options: argparse.Namespace, reference: SideRequest, candidate: SideRequest, *others: str, gpu: bool
) -> Sides:
    for what in (reference.what, candidate.what, *others):
        if what != PINNED:
            read_request(what, gpu)
        if getattr(options, "cluster", "") and is_path(what) and not os.path.isabs(what):
            raise UsageError(f"{what}: each host would look for it in a folder of its own: give its whole path")
    locks = baselines_folder(options.baselines) / PINNED
    return Sides(reference, candidate, options.as_of, options.python_version, locks, gpu)


def keras_in_use(side: Side) -> Package | None:
    """Returns the package of the Keras that a side runs: tf-keras where its switch is on. None if there is none."""
    switch = {**os.environ, **side.variables}.get("TF_USE_LEGACY_KERAS")
    is_on = switch in ("true", "True", "1")  # as TensorFlow reads it
    legacy = next((package for package in side.packages if package.name == "tf-keras"), None)
    return legacy if legacy and is_on else keras_of(side.packages)


def old_nightlies(sides: Mapping[str, Side]) -> list[str]:
    """Returns a warning for each side whose TensorFlow is a nightly that was old when the index was read."""
    found = []
    for role, side in sides.items():
        package = tensorflow_of(side.packages)
        built = nightly_date(package.version) if package and package.name in NIGHTLIES else None
        read = datetime.datetime.fromisoformat(side.as_of) if side.as_of else datetime.datetime.now(datetime.UTC)
        if built and (read.date() - built).days > OLD_DAYS:
            found.append(
                f"the {role} is a nightly of {built}, more than {OLD_DAYS} days old: for a newer one update its "
                "environment, or ask by --python-version for a Python that has one"
            )
    return found


def side_warnings(sides: Mapping[str, Side]) -> list[str]:
    """Returns a warning for each old nightly, and for each difference of the sides besides TensorFlow: Keras, NumPy,
    what Keras imports.
    """
    reference, candidate = (
        {package.name: package.version for package in sides[name].packages} for name in (REFERENCE, CANDIDATE)
    )
    old, new = (keras_in_use(sides[name]) for name in (REFERENCE, CANDIDATE))  # a nightly's is keras-nightly
    keras = "tf-keras" if old and new and old.name == new.name == "tf-keras" else "keras"
    versions = {
        keras: (old and old.version, new and new.version),
        "numpy": (reference.get("numpy"), candidate.get("numpy")),
    }
    found = old_nightlies(sides)
    found += [
        f"{name} differs too, {one} and {other}, and may explain a difference"
        for name, (one, other) in versions.items()
        if one and other and one != other
    ]
    for holder, mine, other in ((CANDIDATE, candidate, reference), (REFERENCE, reference, candidate)):
        if extra := [name for name in IMPORTED_BY_KERAS if name in mine and name not in other]:
            found.append(
                f"the {holder} alone has {', '.join(extra)}, which Keras imports where it finds them: that may explain "
                "a difference in memory and import time, or hide one; have the same on both sides to rule that out"
            )
    alike = sides[REFERENCE].variables == sides[CANDIDATE].variables
    alike = alike and not differing(sides[REFERENCE], sides[CANDIDATE])
    if alike and reference.keys() & candidate.keys() & set(TENSORFLOW):
        found.append(
            "both sides have the same versions of all packages that they share: unless other packages or unknown "
            "builds differ, this is an A/A run, and shows what this machine can resolve"
        )
    return found
