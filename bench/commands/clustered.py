"""`--cluster`: what a survey, blame or bisect has the hosts of a Dask cluster measure, and how a host does it.

A host runs `compare`, `grow` or `bisect_search.search` in a process of its own, with the functions that measure
without a cluster.
"""

import argparse
import contextlib
import dataclasses
import functools
import importlib.util
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bench.commands.errors import guarded
from bench.commands.growing import Growing, Measure
from bench.commands.messages import say
from bench.commands.model import ModelRequest
from bench.commands.options import SideRequest
from bench.commands.paired import Parts
from bench.commands.progress import BisectProgress
from bench.commands.sides import Sides, side_warnings
from bench.commands.usage import UsageError
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock
from bench.drive.mixed import mixed
from bench.drive.requests import BuildError, RequestError
from bench.drive.upgrade import PAIRED_FILE
from bench.judge.blame import failure_of
from bench.judge.gate import Standards
from bench.record.files import write_text
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.report.lines import one_line

if TYPE_CHECKING:
    from bench.drive.cluster import Call, Done  # Dask may be missing

# Measures calls, by the places of their runs, until none is wanted: bench.drive.cluster.results.
Hosts = Callable[[Callable[[], Mapping[Path, "Call"]]], Iterator[tuple[Path, "Done"]]]

ADDRESS = re.compile(r"([a-z]+://)?\S+:\d+")
LACKING_FILE = "lacking"  # names a release that the host can't have, and says why


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """Adds --cluster."""
    parser.add_argument(
        "--cluster",
        type=address,
        metavar="ADDRESS",
        help="measure on the hosts of a Dask scheduler, such as tcp://head:8786 (default: on this host)",
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
def cluster_hosts(address: str, *, timed: bool) -> Iterator[Hosts | None]:
    """Opens a cluster for the block; None without an address. Raises ClusterError.

    `timed`: its calls take the hosts' timing slots, and not only threads.
    """
    if not address:
        yield None
        return
    from bench.drive.cluster import connected, results

    with connected(address, say, timed=timed) as client:
        yield functools.partial(results, client, timed=timed)


def keep_run(path: Path, done: "Done") -> str:
    """Keeps a run that a host has measured in its place, and returns why there is none; "" where there is."""
    if not done.problem:
        write_text(path, done.files[PAIRED_FILE].decode(), replace=True)
    return done.problem


@dataclasses.dataclass(frozen=True)
class Building:
    """The model and the sides' environments, as any host can have them."""

    model: ModelRequest
    sides: Sides
    locks: Mapping[str, str]  # texts of the pinned reference's lock files, by name

    @staticmethod
    def of(model: ModelRequest, sides: Sides) -> "Building":
        """Takes along what lies in files here alone."""
        corpus = os.path.abspath(model.corpus_path) if model.corpus_path else None
        locks = {path.name: path.read_text(encoding="utf-8") for path in sides.locks.glob("*.txt")}
        return Building(dataclasses.replace(model, corpus_path=corpus), sides, locks)

    def here(self, folder: Path) -> Sides:
        """Returns the sides for this host; the locks go into a folder."""
        for name, text in self.locks.items():
            write_text(folder / name, text)
        return dataclasses.replace(self.sides, locks=folder)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A comparison of a survey."""

    building: Building
    plan: str  # one of the model's
    reference: str
    candidate: str
    parts: Parts
    standards: Standards


def compare(folder: Path, asked: Comparison) -> int:
    """Measures a comparison on this host: leaves its run in a folder, or names the release that can't be had here."""
    return guarded(lambda: _compare(folder, asked))


def _compare(folder: Path, asked: Comparison) -> int:
    speed = asked.parts.speed
    made: dict[str, Side] = {}
    with host_lock(wait=True) if speed else contextlib.nullcontext():
        disturbed = disturbances(examine()) if speed else ()  # before environments are built: that is load
        plan = next(plan for plan in asked.building.model.plans() if plan.name == asked.plan)
        sides = asked.building.here(folder.parent / "locks")
        for role, release in ((CANDIDATE, asked.candidate), (REFERENCE, asked.reference)):
            try:
                made[role] = sides.one(SideRequest(release))
            except (RequestError, BuildError) as error:
                write_text(folder / LACKING_FILE, f"{release}\n{one_line(str(error))}")
                return 0
        warnings = (*side_warnings(made), *disturbed)
        asked.parts.measured(plan, folder / PAIRED_FILE, made, asked.standards, warnings)
    return 0


@dataclasses.dataclass(frozen=True)
class PartLaunches:
    """The launches of a part, in the search for the package that brought a change."""

    building: Building
    measure: Measure
    package: str  # that the candidate has alone; "" where it is the candidate's environment
    sides: Mapping[str, Side]  # by role: what a host must come to, and with which variables
    launches: int
    seconds: float  # after which none is begun


def grow(folder: Path, asked: PartLaunches) -> int:
    """Measures a part on this host, and leaves its run in a folder."""
    return guarded(lambda: _grow(folder, asked))


def _grow(folder: Path, asked: PartLaunches) -> int:
    alone = contextlib.nullcontext() if asked.measure.numbers else host_lock(wait=True)
    with alone, BisectProgress() as progress:
        measure = asked.measure.examined()
        asked.building.model.plans()  # has the corpus made before anything is timed
        sides = asked.building.here(folder.parent / "locks")
        made = sides.prepared()
        if asked.package:
            pair, python = (made[REFERENCE], made[CANDIDATE]), sides.python_version
            made[CANDIDATE], _ = mixed(*pair, asked.package, python=python, gpu=sides.gpu, say=say)
        for role, side in asked.sides.items():
            if made[role].identity != side.identity:
                told = f"{side.requested} has other packages on this host than where the command was given"
                raise RequestError(f"{told}: give all hosts one package index, and a date by --as-of")
            made[role] = dataclasses.replace(made[role], variables=side.variables)
        report, pace = Growing("", folder / PAIRED_FILE), measure.pace()
        while pace.count < asked.launches and pace.seconds < asked.seconds:
            with pace.timed():
                report.run = measure.grow(report, made, progress)
            if failure_of(report.run):
                break
    return 0
