"""A run as pytest-benchmark's JSON, which its `compare` command and CI services read.

A round is a launch, summarised as the judge does it: steps of one process are not independent, so pooling them would
promise a precision that isn't there. So few rounds have no outliers worth the name, and none are counted.
"""

import json
import math
import statistics
from collections.abc import Sequence
from typing import Any

from bench.record.micro import Micro
from bench.record.paired import ALL_CORES
from bench.record.types import Machine
from bench.report.judged import AnyReport, Judged, SideLaunch, UnfitError, launches
from bench.stats.trimmed import robust_seconds

FILE = "benchmark.json"
VERSION = "5.1.0"  # of pytest-benchmark, whose format this is
GROUP = "step time"


def render(judged: Sequence[Judged]) -> str:
    """Returns the document of one run. Raises UnfitError for several: the format holds one run's benchmarks."""
    if len(judged) != 1:
        raise UnfitError(f"{len(judged)} runs are given, and pytest-benchmark's JSON holds one: write a file for each")
    return json.dumps(document(judged[0].run), allow_nan=False, indent=1) + "\n"


def document(run: AnyReport) -> dict[str, Any]:
    """Returns the run as plain data of the format. Raises UnfitError for a run without steady steps, and for micro."""
    if isinstance(run, Micro):
        raise UnfitError("the folder of micro holds pytest-benchmark's files, such as reference-00.json: read those")
    groups: dict[tuple[str, str, bool, str], list[tuple[SideLaunch, float]]] = {}
    for launch in launches(run):
        seconds = None if launch.record.failure else robust_seconds(launch.block_seconds)
        if seconds:
            key = (launch.record.subject.name, launch.side, launch.in_turn, launch.cores)
            groups.setdefault(key, []).append((launch, seconds))
    if not groups:
        raise UnfitError(f"the run of {run.created} has no timed steps: there is nothing to export")
    first = next(iter(groups.values()))[0][0].record
    return {
        "machine_info": _machine_info(first.machine, first.environment.python if first.environment else ""),
        "commit_info": {
            "id": "unversioned",
            "time": run.created,
            "author_time": run.created,
            "dirty": False,
            "project": "tfgate",
            "branch": "(unknown)",
        },
        "benchmarks": list(map(_benchmark, groups.values())),
        "datetime": run.created,
        "version": VERSION,
    }


def _benchmark(launches: Sequence[tuple[SideLaunch, float]]) -> dict[str, Any]:
    """Returns the benchmark of launches of one kind, each with the seconds of its typical step."""
    (first, _), seconds = launches[0], [value for _, value in launches]
    subject = first.record.subject
    param = first.side if first.cores == ALL_CORES else f"{first.side}, {first.cores}"
    name = f"{subject.name}[{param}]" if first.in_turn else subject.name
    return {
        "group": GROUP,
        "name": name,
        "fullname": f"tfgate::{name}",
        "params": {"side": first.side, "cores": first.cores} if first.in_turn else None,
        "param": param if first.in_turn else None,
        "extra_info": {
            "tensorflow": first.record.tensorflow,
            "fingerprint": subject.fingerprint,
            "words_per_second": subject.tokens_per_step * len(seconds) / math.fsum(seconds),
        },
        "options": {
            "disable_gc": False,
            "timer": "perf_counter",
            "min_rounds": len(seconds),
            "max_time": 0.0,
            "min_time": 0.0,
            "warmup": True,
        },
        "stats": _stats(seconds),
    }


def _stats(seconds: Sequence[float]) -> dict[str, Any]:
    """Returns pytest-benchmark's statistics of a benchmark, one round for each value."""
    ordered = sorted(seconds)
    mean, median = statistics.fmean(ordered), statistics.median(ordered)
    lower, _, upper = (
        statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else (median, median, median)
    )
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": statistics.stdev(ordered) if len(ordered) > 1 else 0.0,
        "rounds": len(ordered),
        "median": median,
        "iqr": upper - lower,
        "q1": lower,
        "q3": upper,
        "iqr_outliers": 0,
        "stddev_outliers": 0,
        "outliers": "0;0",
        "ld15iqr": ordered[0],
        "hd15iqr": ordered[-1],
        "ops": 1 / mean,
        "total": math.fsum(ordered),
        "data": list(seconds),
        "iterations": 1,
    }


def _machine_info(machine: Machine, python: str) -> dict[str, Any]:
    """Returns what pytest-benchmark tells of a machine, as far as a run knows it."""
    architecture, _, extensions = machine.isa.partition(" ")
    cpu = {
        "brand_raw": machine.cpu_model,
        "count": machine.cores,
        "arch_string_raw": architecture,
        "flags": extensions.split(),
    }
    return {
        "node": machine.fingerprint(),
        "processor": architecture,
        "machine": architecture,
        "system": "Linux",
        "python_implementation": "CPython",
        "python_version": python,
        "cpu": cpu,
    }
