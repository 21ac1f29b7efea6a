"""Makes what bisect and blame have in common: a search for a time, on this host or on one of a cluster's."""

import argparse
import dataclasses
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from bench.commands.clustered import Building, Results, add_cluster, cluster_request
from bench.commands.errors import guarded
from bench.commands.growing import METRICS, Growing
from bench.commands.messages import say
from bench.commands.model import ModelRequest, add_model, add_workload, require_memory
from bench.commands.options import add_budget, add_output, add_shared
from bench.commands.resume import as_begun, resumed_folder
from bench.commands.sides import Sides
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.drive.environments import PINNED, PYTHON_OF_LOCKS
from bench.drive.paired import PAIRED_FILE
from bench.drive.requests import ClusterError, RequestError
from bench.judge.bisect import NUMBERS
from bench.judge.blame import failures_of
from bench.record.command_lines import ALONE, words_without
from bench.record.failed import FailedError
from bench.record.files import write_text
from bench.record.types import THE_MACHINE_S
from bench.report.values import minutes
from bench.stats.outcome import USAGE_CODE

CONFIGS, BUDGET_MINUTES = ("tiny",), 60.0
# The reports in a folder of --output, as folder_name names theirs: 02-2.13.1, 100-2.21.0.
GROWN = (f"[0-9][0-9]-*/{PAIRED_FILE}", f"[0-9][0-9][0-9]-*/{PAIRED_FILE}")
FOUND_FILE = "found"  # where a host leaves what its search has found, pickled
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class SearchRequest:
    """The measurements that are asked for, their time, and the folder that keeps them."""

    model: ModelRequest  # of one workload in one configuration
    sides: Sides
    metric: str
    budget_minutes: float
    output: Path
    resume: bool
    json: bool
    command_line: Sequence[str]
    cluster: str  # the address of a scheduler; "": on this host

    @property
    def timed(self) -> bool:
        """Tells whether launches are timed; otherwise numbers are compared."""
        return self.metric != NUMBERS


def add_metric(parser: argparse.ArgumentParser) -> None:
    """Adds --metric."""
    parser.add_argument(
        "--metric", choices=METRICS, required=True, metavar="NAME", help=f"what changed: {', '.join(METRICS)}"
    )


def add_search(parser: argparse.ArgumentParser) -> None:
    """Adds the other options that searches share."""
    add_budget(parser, BUDGET_MINUTES, "minutes after which no further launch starts")
    add_workload(parser, several=False)
    add_model(parser, CONFIGS, several=False)
    add_output(parser)
    add_shared(parser, "resume")
    add_cluster(parser)
    add_shared(parser, "baselines", "json", "quiet")


def search_request(options: argparse.Namespace, command: str, model: ModelRequest, sides: Sides) -> SearchRequest:
    """Makes the request of add_metric's and add_search's options. Raises UsageError, FormatError, OSError."""
    if len(model.configs) * len(model.workloads) > 1:
        raise UsageError(f"{command} takes one workload in one configuration: name one of each")
    _require_one_python(sides, getattr(options, "release", ()))
    output = resumed_folder(options, command, *GROWN)
    return SearchRequest(
        model=model,
        sides=as_begun(options, sides, output, *GROWN),
        metric=options.metric,
        budget_minutes=options.budget,
        output=output,
        resume=options.resume,
        json=options.json,
        command_line=options.command_line,
        cluster=cluster_request(options),
    )


def _require_one_python(sides: Sides, others: Sequence[str]) -> None:
    """Raises UsageError for the pinned reference among environments of another Python: what that changes would be taken
    for a release's or a package's.
    """
    python = sides.python_version or PYTHON_OF_LOCKS
    named = (sides.reference.what, sides.candidate.what, *others)
    if PINNED in named and python.split(".")[:2] != PYTHON_OF_LOCKS.split("."):
        raise UsageError(
            f"`{PINNED}` is always of Python {PYTHON_OF_LOCKS}: leave out --python-version {python}, or name a version "
            "in its place"
        )


def measured_anew(report: Growing) -> str:
    """Returns how a report that failed is measured anew."""
    return f"delete {report.path}, and go on by --resume"


def require_machine(report: Growing) -> None:
    """Raises FailedError where the machine failed a measurement, which then says nothing of what was measured."""
    failures = failures_of(report.run) if report.run else []
    if failure := next((one for one in failures if one.kind in THE_MACHINE_S), None):
        raise FailedError(f"{report.name}: {failure.message}; {measured_anew(report)}")


def words_going_on(asked: SearchRequest, without: Sequence[str], moment: str) -> list[str]:
    """Returns a search's options for a command that goes on from its answer, without some that have a value.

    `moment` is that of the index as its sides read it; "" for an index without upload times.
    """
    as_of = ("--as-of", moment) if moment and asked.sides.as_of.present else ()
    return [*words_without(asked.command_line[2:], (*without, *as_of[:1]), ALONE), *as_of]


def stored_reports(output: Path) -> dict[str, str]:
    """Returns the texts of the reports in a search's folder, by their paths in it."""
    paths = (path for pattern in GROWN for path in output.glob(pattern))
    return {str(path.relative_to(output)): path.read_text(encoding="utf-8") for path in paths}


def on_a_host(hosts: Results, asked: SearchRequest, search: Callable[..., T], *more: object) -> T:
    """Has one host make a whole search, `search(asked, disturbed, *more)`, and returns what that does.

    Keeps its reports. Raises RequestError, ClusterError where it fails.
    """
    say(f"a host of {asked.cluster} searches: at most {minutes(asked.budget_minutes)} of measurements")
    building = Building.of(asked.model, asked.sides, asked.model.files(), stored_reports(asked.output))
    call = _on_this_host, (building, asked, search, *more)
    _, done = next(iter(hosts(lambda: {asked.output: call})))
    for name, data in done.files.items():  # of a search that failed, too: --resume goes on from them
        if Path(name).name == PAIRED_FILE:
            write_text(asked.output / name, data.decode(), replace=True)
    if done.problem:
        raise (RequestError if done.code == USAGE_CODE else ClusterError)(done.problem)
    found: T = pickle.loads(done.files[FOUND_FILE])
    return found


def _on_this_host(
    folder: Path, building: Building, asked: SearchRequest, search: Callable[..., object], *more: object
) -> int:
    """Searches on this host of a cluster: leaves the reports in a folder, and what was found."""

    def searched() -> int:
        with timing(timed=asked.timed) as disturbed:
            require_memory(building.model.workloads)
            sides = building.here(folder)
            here = dataclasses.replace(asked, model=building.model, sides=sides, output=folder, cluster="")
            (folder / FOUND_FILE).write_bytes(pickle.dumps(search(here, disturbed, *more)))
        return 0

    return guarded(searched)
