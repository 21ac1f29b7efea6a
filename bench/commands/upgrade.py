"""`tfgate upgrade`: is the candidate as correct and as fast as the reference, both measured here and now?"""

import argparse
import contextlib
import dataclasses
import sys

from bench.commands.errors import UsageError
from bench.commands.options import output_folder, paired, plans
from bench.commands.progress import UpgradeProgress
from bench.commands.sides import prepared_sides, side_warnings
from bench.commands.verdicts import judge_and_print, read_standards
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock
from bench.drive.upgrade import PAIRED_FILE, Scope, measure_upgrade
from bench.judge.in_turn import settled
from bench.judge.paired_metrics import GATING, metrics
from bench.record.files import keeper
from bench.record.lockstep import STEPS as LOCKSTEP_STEPS
from bench.record.paired import PairedRun

ORACLE_STEPS = 60


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. Margins that can't be used are said before anything is measured."""
    standards = read_standards(options)
    scope = scope_of(options)
    unknown = next((name for name in options.metric if name not in GATING), None)
    if unknown is not None:
        raise UsageError(f"no metric that can gate is called {unknown!r}; there are {', '.join(GATING)}")
    disturbed = disturbances(examine()) if scope.pair_plan else ()  # before environments are built: that is load, too
    sides = prepared_sides(options)
    folder = output_folder(options, "upgrade")
    warnings = [*side_warnings(sides), *disturbed]
    lock = host_lock() if scope.pair_plan else contextlib.nullcontext()
    keep = keeper(folder / PAIRED_FILE)
    only = tuple(options.metric)

    def decided(run: PairedRun) -> bool:
        return settled(run, lambda pairs: metrics(pairs, standards.margins, only=only))

    with lock, UpgradeProgress() as progress:
        run = measure_upgrade(
            scope,
            sides,
            options.command_line,
            lambda run: keep(dataclasses.replace(run, only=only)),
            progress,
            decided,
            warnings,
        )
    print(f"run kept in {folder}", file=sys.stderr)
    return judge_and_print(options, dataclasses.replace(run, only=only), standards)


def scope_of(options: argparse.Namespace) -> Scope:
    """What the options ask for. Raises UsageError, ConfigError, CorpusError."""
    if options.speed_only and options.numerics_only:
        raise UsageError("--speed-only and --numerics-only leave nothing to compare: give one of them")
    plan = plans(options, [options.config])[0]
    numerics = not (options.speed_only or options.metric)
    return Scope(
        oracle_plan=dataclasses.replace(plan, steps=min(ORACLE_STEPS, plan.steps), speed=False) if numerics else None,
        lockstep_plan=dataclasses.replace(plan, steps=min(LOCKSTEP_STEPS, plan.steps), speed=False)
        if numerics
        else None,
        pair_plan=None if options.numerics_only else paired(plan),
    )
