"""Launches of the micro-benchmarks as pytest-benchmark writes them, and an interpreter that leaves such files."""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.record.micro import MicroRun
from bench.record.paired import Package, Side
from bench.record.types import SCHEMA
from tests.builders.programs import write_program
from tests.builders.records import MACHINE

STEP = "test_step[notebook-cells-cpu:0-graph]"
EAGER = "test_step[notebook-cells-cpu:0-eager]"

REFERENCE = Side("reference", "old/bin/python", {}, packages=(Package("tensorflow-cpu", "2.21.0"),))
CANDIDATE = Side("new/bin/python", "new/bin/python", {}, packages=(Package("tensorflow-cpu", "2.22.0"),))
MICRO_RUN = MicroRun(SCHEMA, "2026-01-05T00:00:00+00:00", ("tfgate", "micro"), MACHINE, REFERENCE, CANDIDATE, None, ())


def case_json(name: str, median: float, **info: Any) -> dict[str, Any]:
    """One benchmark of a launch; `info` replaces what extra_info says."""
    target, mode = name.partition("[")[0].removeprefix("test_"), name.rstrip("]").rpartition("-")[2]
    extra = {
        "target": target, "config": "notebook", "implementation": "cells", "device": "cpu:0", "mode": mode,
        "tensorflow": "2.21.0", "fingerprint": "fedcba9876543210", "threads": 2, "onednn": True, "variables": {},
        "first": "notebook cells on cpu:0",
    }  # fmt: skip
    stats = {"median": median, "data": [median] * 3}
    return {
        "name": name,
        "fullname": f"bench/micro/test_{target}.py::{name}",
        "params": {},
        "extra_info": {**extra, **info},
        "stats": stats,
    }


def launch_json(medians: Mapping[str, float], **info: Any) -> dict[str, Any]:
    """A launch of the cases in `medians`, in seconds."""
    cases = [case_json(name, median, **info) for name, median in medians.items()]
    return {"machine_info": {}, "datetime": "2026-01-05T00:00:00.123456", "benchmarks": cases}


def write_launch(path: Path, medians: Mapping[str, float], **more: Any) -> Path:
    """Writes a launch, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(launch_json(medians, **more)), encoding="utf-8")
    return path


TEXT = """#!{python} -S
import sys
if sys.argv[1] == "-c":  # asked what is installed in it
    print({installed!r})
    sys.exit()
if "--collect-only" in sys.argv:
    {collecting}
    sys.exit()
import json
home = {home!r}
with open(home + "/calls", "a+") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
    calls.seek(0)
    number = len(calls.readlines()) - 1
with open(home + "/launches.json") as file:
    launches = json.load(file)
{planted}
target = next(argument for argument in sys.argv if argument.startswith("--benchmark-json=")).partition("=")[2]
with open(target, "w") as file:
    json.dump(launches[number % len(launches)], file)
"""
PACKAGES = {"tensorflow-cpu": "2.21.0", "numpy": "2.4.0", "pytest": "9.2.0", "pytest-benchmark": "5.3.1"}


def micro_interpreter(
    folder: Path,
    *launches: Mapping[str, float],
    planted: str = "",
    collecting: str = "",
    packages: Mapping[str, str] = PACKAGES,
    **more: Any,
) -> Path:
    """An interpreter whose n-th pytest leaves the n-th of these launches.

    `planted` is a statement that runs before, `collecting` one that runs where the cases are only collected. What it
    was called with to time lies in `calls` in the same folder, a JSON list a line.
    """
    home = Path(tempfile.mkdtemp(dir=folder))
    (home / "launches.json").write_text(
        json.dumps([launch_json(medians, **more) for medians in launches]), encoding="utf-8"
    )
    installed = json.dumps(["3.11.7", "built here", list(packages.items())])
    text = TEXT.format(
        python=sys.executable, home=str(home), planted=planted, collecting=collecting or "pass", installed=installed
    )
    return Path(write_program(home / "python", text))


def calls(interpreter: Path) -> list[list[str]]:
    """Returns the arguments of an interpreter's calls, call by call."""
    return [json.loads(line) for line in (interpreter.parent / "calls").read_text().splitlines()]
