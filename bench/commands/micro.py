"""`tfgate micro`: times the hot paths in fresh processes, and judges one environment against another or against earlier sessions."""

import argparse
import contextlib
import dataclasses
import datetime
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commands.errors import UsageError
from bench.commands.options import baselines_folder, baselines_to_change, launch_count, output_folder, require_device_name, variables
from bench.commands.verdicts import print_verdict
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock
from bench.drive.micro import Side, Suite, measure_suite
from bench.drive.process import WorkerError
from bench.judge.margins import read_margins
from bench.judge.micro import Launches, decided, judge_pairs, judge_sessions
from bench.judge.types import Outcome
from bench.record.micro import MicroLaunch, read_launch, write_reduced
from bench.record.types import NO_TENSORFLOW, Failure
from bench.report.lines import one_line
from bench.report.text import verdict_json
from lm.config import config_by_name, require_implementation

MODES = ("eager", "graph")
TARGETS = ("forward", "gradient", "clip", "update", "step", "evaluation", "input", "dropout", "fit", "predict")
REFERENCE, CANDIDATE, LAUNCH = "reference", "candidate", "launch"
STORED = "micro"  # the folder of the baselines that holds sessions
SENTENCES = {
    Outcome.PASS: "no hot path that gates is slower than its margin allows",
    Outcome.REGRESSION: "a hot path is slower than its margin allows",
    Outcome.CANNOT_JUDGE: "the launches prove neither a pass nor a regression",
}
FAILED_SENTENCES = {**SENTENCES, Outcome.REGRESSION: "the candidate fails where the reference runs"}


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code; 0 where there is nothing to judge by and nobody asked for a verdict."""
    sides, suite, count = _sides(options), _suite(options), launch_count(options)
    baselines = baselines_to_change(options) if options.record else baselines_folder(options)
    margin = math.log1p(read_margins(baselines / "margins.toml").micro)
    sessions = _sessions(options.against, baselines) if len(sides) == 1 else []
    folder = output_folder(options, "micro")
    warnings = disturbances(examine())
    with host_lock():
        measured, failure = _measure(sides, suite, count, folder, margin)
    if len(sides) == 2:
        verdict = judge_pairs(measured[REFERENCE], measured[CANDIDATE], margin, failure)
    else:
        verdict = judge_sessions(sessions, measured[LAUNCH], margin)
    verdict = dataclasses.replace(verdict, warnings=(*warnings, *verdict.warnings))
    if options.json:
        print(json.dumps(verdict_json(verdict), allow_nan=False))
    else:
        print_verdict(verdict, FAILED_SENTENCES if failure else SENTENCES)
    print(f"launches kept in {folder}", file=sys.stderr)
    if options.record:
        _record(measured[LAUNCH], baselines)
    asked = len(sides) == 2 or options.against or not all(comparison.unjudged for comparison in verdict.comparisons)
    return verdict.exit_code if asked else 0


def _sides(options: argparse.Namespace) -> list[Side]:
    """One environment, or the reference and the candidate. Raises UsageError for more, or for options that make no sense together."""
    pythons = options.python or [sys.executable]
    if len(pythons) > 2:
        raise UsageError(f"--python was given {len(pythons)} times: name one environment, or the reference and then the candidate")
    if len(pythons) == 2 and (options.against or options.record):
        raise UsageError("--against and --record are for one environment: two are judged against each other")
    roles = (REFERENCE, CANDIDATE) if len(pythons) == 2 else (LAUNCH,)
    return [Side(role, python, variables(options)) for role, python in zip(roles, pythons, strict=True)]


def _suite(options: argparse.Namespace) -> Suite:
    """What is timed. Raises ConfigError or UsageError for a name that isn't known, before any process is started."""
    for config in options.config:
        config_by_name(config)
    for implementation in options.implementation:
        require_implementation(implementation)
    for device in options.device:
        require_device_name(device)
    for kind, names, known in (("mode", options.mode, MODES), ("target", options.target, TARGETS)):
        unknown = next((name for name in names if name not in known), None)
        if unknown is not None:
            raise UsageError(f"no {kind} is called {unknown!r}; there are {', '.join(known)}")
    return Suite(options.config, options.implementation, options.device, options.mode, options.target, options.require_gpu)


def _measure(
    sides: Sequence[Side], suite: Suite, count: int, folder: Path, margin: float
) -> tuple[dict[str, list[MicroLaunch]], Failure | None]:
    """(the launches by role, how the candidate failed where the reference ran). Raises WorkerError for any other failure.

    Two environments stop at the planned look that settles every gating metric, or when both have had the launch that failed.
    """
    measured: dict[str, list[MicroLaunch]] = {side.role: [] for side in sides}
    failure = None
    with contextlib.closing(measure_suite(sides, suite, count, folder)) as launches:
        for role, launch in launches:
            if isinstance(launch, MicroLaunch):
                measured[role].append(launch)
                said = f"launch {len(measured[role])} of {count}: {len(launch.cases)} cases"
            elif role == CANDIDATE and launch.kind != NO_TENSORFLOW:
                failure, said = launch, f"launch {len(measured[role]) + 1} of {count}: {launch.message}"
            else:
                raise WorkerError(launch)
            print(one_line(f"{role} {said}"), file=sys.stderr, flush=True)
            if len(sides) == 2 and _settled(measured[REFERENCE], measured[CANDIDATE], margin, failure):
                break
    return measured, failure


def _settled(reference: Launches, candidate: Launches, margin: float, failure: Failure | None) -> bool:
    """Whether both sides have run equally often, a launch that failed counted, and more launches would change nothing."""
    if failure:
        return len(reference) > len(candidate)
    return len(reference) == len(candidate) and decided(reference, candidate, margin)


def _sessions(against: Sequence[str], baselines: Path) -> list[Launches]:
    """Earlier sessions, a folder of launches each: those that --against names, else the baselines'. Raises UsageError, FormatError."""
    folders = [Path(name) for name in against] or sorted(path for path in (baselines / STORED).glob("*") if path.is_dir())
    found: list[Launches] = []
    for folder in folders:
        files = sorted(folder.glob(f"{LAUNCH}-*.json"))
        if not files:
            raise UsageError(f"{folder} holds no launches of one environment ({LAUNCH}-00.json and on)")
        found.append([read_launch(path) for path in files])
    return found


def _record(launches: Launches, baselines: Path) -> None:
    """Adds the launches to the baselines, as one session."""
    session = baselines / STORED / datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    for launch in launches:
        write_reduced(launch.path, session / launch.path.name)
    print(f"written to {session}: review and commit it", file=sys.stderr)
