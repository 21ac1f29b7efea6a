"""`tfgate gate`: is this TensorFlow as correct as the baselines, and as fast as the pinned reference measured in turn with it?"""

import argparse
import contextlib
import dataclasses
import datetime
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.commands.errors import UsageError
from bench.commands.options import GATE_CONFIGS, GATE_FILE, launch_count, output_folder, paired, plans, variables
from bench.commands.progress import RunProgress, UpgradeProgress
from bench.commands.sides import candidate_side, reference_side, side_warnings
from bench.commands.verdicts import judge_and_print, read_standards
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock
from bench.drive.patience import Patience
from bench.drive.plan import Plan
from bench.drive.requests import BuildError, RequestError, read_request
from bench.drive.run import measure_run
from bench.drive.upgrade import Scope, measure_upgrade
from bench.judge.gate import Standards, gate_metrics
from bench.judge.in_turn import settled
from bench.record.files import keeper
from bench.record.gate import GateRun
from bench.record.machine import usable_cores
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.repeats import failed_for_good
from bench.record.types import INCOMPLETE, SCHEMA, Run

QUICK_CONFIGS = ("tiny",)
TIMED_CONFIG = "notebook"  # whose speed is measured unless --full asks for all
LAUNCHES = 3  # of each configuration, for its perplexity


class _Report:
    """The gate's report so far, kept on disk after each launch."""

    def __init__(self, options: argparse.Namespace, candidate: Side, path: Path) -> None:
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        numbers = Run(SCHEMA, created, options.command_line, (), (f"{INCOMPLETE}the numbers were not measured",))
        self.gate = GateRun(
            SCHEMA, created, options.command_line, candidate, numbers, (), gate_stored=options.gate_stored
        )
        self._keep = keeper(path)

    def keep(self, **changes: object) -> None:
        """Replaces fields of the report, and the file."""
        self.gate = dataclasses.replace(self.gate, **changes)  # type: ignore[arg-type]  # the fields' own types
        self._keep(self.gate)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Notes how long the block took."""
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started
        print(f"{name}: {seconds:.0f} s", file=sys.stderr)
        self.keep(phase_seconds={**self.gate.phase_seconds, name: round(seconds, 1)})


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. What can't be used is said before anything is measured. Raises UsageError, RequestError."""
    names = _configs(options)
    standards = read_standards(options)
    planned, count = plans(options, names), launch_count(options, LAUNCHES)
    candidate, given = candidate_side(options), variables(options, "reference_env")
    speed = not (options.no_speed or options.quick)
    timed = _timed(planned, full=options.full) if speed else []
    if options.reference:
        read_request(options.reference)
    folder = output_folder(options, "gate")
    report = _Report(options, candidate, folder / GATE_FILE)
    report.keep()
    sides = {CANDIDATE: candidate}
    if timed:
        with report.phase("reference environment"):
            sides |= _reference(options, given, report)
    patience = Patience()
    with host_lock() if REFERENCE in sides else contextlib.nullcontext():
        if REFERENCE in sides:
            report.keep(warnings=(*side_warnings(sides), *disturbances(examine())))
            for plan in timed:
                _measure_speed(options, report, plan, sides, standards, patience)
        if any(failed_for_good(run.pairs) and run.pairs[-1].candidate.failure for run in report.gate.speed):
            report.keep(
                warnings=(
                    *report.gate.warnings,
                    "the candidate failed in turn, and failed again: no numbers were measured",
                )
            )
        else:
            _measure_numbers(options, report, planned, count, patience)
    print(f"report kept in {folder}", file=sys.stderr)
    return judge_and_print(options, report.gate, standards)


def _configs(options: argparse.Namespace) -> Sequence[str]:
    if options.quick and (options.config or options.full):
        raise UsageError(
            f"--quick is the numbers of {QUICK_CONFIGS[0]} alone: leave out --quick, or --config and --full"
        )
    if options.no_speed and (options.full or options.gate_stored or options.reference or options.reference_env):
        raise UsageError(
            "--no-speed measures no speed: leave it out, or --full, --gate-stored, --reference and --reference-env"
        )
    return QUICK_CONFIGS if options.quick else options.config or GATE_CONFIGS


def _timed(planned: Sequence[Plan], *, full: bool) -> list[Plan]:
    """The plans whose speed is measured: all, or `notebook`'s, or else the first."""
    if full:
        return list(planned)
    return [next((plan for plan in planned if plan.config == TIMED_CONFIG), planned[0])]


def _reference(options: argparse.Namespace, given: dict[str, str], report: _Report) -> dict[str, Side]:
    """The reference's side; none where it can't be had, which the report says."""
    try:
        return {REFERENCE: reference_side(options, given, gpu=options.device.startswith("gpu"))}
    except (BuildError, RequestError) as error:
        if options.reference:
            raise  # it was named: a usage error, or a failed build, of what the user asked for
        mend = (
            ""
            if "--reference" in str(error)
            else "; make the package index reachable, name an environment by --reference"
        )
        report.keep(
            speed_problem=f"the reference environment can't be built: {error}{mend}, or leave speed out by --no-speed"
        )
        print(f"warning: {report.gate.speed_problem}", file=sys.stderr)
        return {}


def _measure_speed(
    options: argparse.Namespace,
    report: _Report,
    plan: Plan,
    sides: dict[str, Side],
    standards: Standards,
    patience: Patience,
) -> None:
    """Measures a plan's launches in turn with the reference, until the judge has seen enough."""
    before = report.gate.speed

    def keep(run: PairedRun) -> None:
        report.keep(speed=(*before, run))

    def decided(run: PairedRun) -> bool:
        return settled(run, lambda pairs: gate_metrics(pairs, run, standards))

    scope = Scope(None, None, paired(plan))
    with report.phase(f"speed of {plan.config}"), UpgradeProgress() as progress:
        measure_upgrade(scope, sides, options.command_line, keep, progress, decided, patience=patience)


def _measure_numbers(
    options: argparse.Namespace, report: _Report, planned: Sequence[Plan], count: int, patience: Patience
) -> None:
    """Checks every plan against the oracle and trains it for its perplexity: nothing is timed, so a launch runs on each core."""
    untimed = [dataclasses.replace(plan, speed=False) for plan in planned]
    candidate = report.gate.candidate

    def keep(run: Run) -> None:
        report.keep(numbers=run)

    with report.phase("numbers"), RunProgress(untimed, count) as progress:
        measure_run(
            untimed,
            count,
            candidate.interpreter,
            candidate.variables,
            options.command_line,
            keep,
            progress,
            side_by_side=usable_cores(),
            patience=patience,
        )
