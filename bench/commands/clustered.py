"""`--cluster`: what a survey, blame or bisect has the hosts of a Dask cluster measure, and how a host does it.

Comparisons of a survey are divided among hosts. A blame or a bisection goes to one host, from beginning to end: a
bisection chooses each launch by those before it, and the effects of parts are subtracted from each other. A host runs
`compare`, or a search (`bench.commands.searches`), in a process of its own, with the functions that measure without a
cluster.
"""

import argparse
import contextlib
import dataclasses
import hashlib
import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench
import lm
from bench.commands.errors import guarded
from bench.commands.messages import say
from bench.commands.model import ModelRequest, require_memory
from bench.commands.paired import Extent
from bench.commands.sides import SideRequest, Sides, side_warnings
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.drive.paired import PAIRED_FILE
from bench.drive.requests import BuildError, RequestError
from bench.judge.gate import Standards
from bench.machine import cores_at_once
from bench.record.failed import FailedError
from bench.record.files import write_text
from bench.record.paired import CANDIDATE, REFERENCE, Side

if TYPE_CHECKING:
    from bench.drive.cluster import Call, Done  # Dask may be missing

# Measures calls, each with a key, until none is wanted: bench.drive.cluster.Hosts.results.
Results = Callable[[Callable[[], Mapping[Any, "Call"]]], Iterator[tuple[Any, "Done"]]]

ADDRESS = re.compile(r"([a-z]+://)?\S+:\d+")
LACKING_FILE = "lacking"  # names a release that the host can't have; its error says why


def add_cluster(parser: argparse.ArgumentParser, default: str = "on this host") -> None:
    """Adds --cluster."""
    parser.add_argument(
        "--cluster",
        type=address,
        metavar="ADDRESS",
        help=f"measure on the hosts of a Dask scheduler, such as tcp://head:8786 (default: {default})",
    )


def address(text: str) -> str:
    """Reads a scheduler's address."""
    if not ADDRESS.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an address such as tcp://head:8786")
    return text


def cluster_request(options: argparse.Namespace) -> str:
    """Returns the scheduler's address; "" without one. Raises UsageError where Dask is missing."""
    if options.cluster and importlib.util.find_spec("distributed") is None:
        raise UsageError("--cluster needs Dask: install tfgate[cluster]")
    return options.cluster or ""


@contextlib.contextmanager
def cluster_hosts(address: str, *, timed: bool) -> Iterator[Results | None]:
    """Opens a cluster for the block; None without an address. Raises ClusterError.

    `timed`: its calls take the hosts' timing slots, and not only threads.
    """
    if not address:
        yield None
        return
    from bench.drive.cluster import connected

    with connected(address, say, timed=timed) as hosts:
        yield hosts.results


@contextlib.contextmanager
def local_hosts(most: int, room: float) -> Iterator[Results | None]:
    """Opens a cluster on this machine for the block, for calls that time nothing; None where it would gain nothing.

    For every two cores a call is measured at a time: of the `most` that there are, as many as have room in memory.
    """
    at_a_time = int(min(cores_at_once() // 2, most, room))
    if at_a_time < 2 or importlib.util.find_spec("distributed") is None:
        yield None
        return
    from bench.drive.cluster import local_scheduler

    say(f"{at_a_time} comparisons at a time")
    with local_scheduler(at_a_time) as address, cluster_hosts(address, timed=False) as hosts:
        yield hosts


def own_code() -> str:
    """Returns a digest of tfgate's code as it lies on this host, in .py files."""
    digest = hashlib.sha256()
    for package in (bench, lm):
        folder = Path(package.__path__[0])
        for path in sorted(folder.rglob("*.py")):
            digest.update(f"{path.relative_to(folder.parent)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class Building:
    """The model and the sides' environments, as any host can have them, and what was measured before."""

    model: ModelRequest
    sides: Sides
    files: Mapping[str, str]  # fingerprints of users' own files as the command has them, by workload
    locks: Mapping[str, str]  # texts of the pinned reference's lock files, by name
    reports: Mapping[str, str]  # texts of the reports that a search goes on from, by their paths in its folder
    code: str  # a digest of tfgate's own

    @staticmethod
    def of(
        model: ModelRequest, sides: Sides, files: Mapping[str, str], reports: Mapping[str, str] | None = None
    ) -> "Building":
        """Takes along what lies in files here alone."""
        corpus = os.path.abspath(model.corpus_path) if model.corpus_path else None
        locks = {path.name: path.read_text(encoding="utf-8") for path in sides.locks.glob("*.txt")}
        return Building(dataclasses.replace(model, corpus_path=corpus), sides, files, locks, reports or {}, own_code())

    def here(self, folder: Path) -> Sides:
        """Returns the sides for this host; the reports go into a call's folder, and the locks beside it.

        Raises FailedError where this host has another file of a user's own, or another tfgate.
        """
        if self.code != own_code():
            raise FailedError(
                "another tfgate is here than where the command runs: install the same commit on each host, "
                "without other .py files in bench and lm"
            )
        there = self.model.files()
        for workload, fingerprint in self.files.items():
            if there[workload] != fingerprint:
                raise FailedError(f"{workload} is another file here than where the command runs: copy it to each host")
        for name, text in self.reports.items():
            write_text(folder / name, text)
        locks = folder.parent / "locks"
        for name, text in self.locks.items():
            write_text(locks / name, text)
        return dataclasses.replace(self.sides, locks=locks)


@dataclasses.dataclass(frozen=True)
class SurveyJob:
    """A comparison of a survey, as a host is asked for it."""

    building: Building
    plan: str  # one of the model's
    reference: str
    candidate: str
    extent: Extent
    standards: Standards


def compare(folder: Path, asked: SurveyJob) -> int:
    """Measures a comparison on this host: leaves its run in a folder, or names the release that can't be had here."""
    return guarded(lambda: _compare(folder, asked))


def _compare(folder: Path, asked: SurveyJob) -> int:
    made: dict[str, Side] = {}
    with timing(timed=asked.extent.speed) as disturbed:
        plan = next(plan for plan in asked.building.model.plans() if plan.name == asked.plan)
        if asked.extent.speed:  # else others share this host, and its memory
            require_memory([plan.workload])
        sides = asked.building.here(folder)
        for role, release in ((CANDIDATE, asked.candidate), (REFERENCE, asked.reference)):
            try:
                made[role] = sides.one(SideRequest(release))
            except (RequestError, BuildError):
                write_text(folder / LACKING_FILE, release)
                raise
        warnings = (*side_warnings(made), *disturbed)
        asked.extent.measure(plan, folder / PAIRED_FILE, made, asked.standards, warnings)
    return 0
