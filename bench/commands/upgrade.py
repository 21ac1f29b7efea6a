"""`tfgate upgrade`: is the candidate as right and as fast as the reference, both measured here and now?"""

import argparse
import contextlib
import dataclasses
import sys

from bench.commands.errors import UsageError
from bench.commands.options import baselines_folder, output_folder, plans
from bench.commands.progress import UpgradeProgress
from bench.commands.sides import prepared_sides, side_warnings
from bench.commands.verdicts import judge_and_print_paired
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock
from bench.drive.pair import BLOCKS, PairPlan
from bench.drive.upgrade import Scope, measure_upgrade
from bench.judge.margins import read_margins
from bench.judge.paired import settled
from bench.record.lockstep import STEPS as LOCKSTEP_STEPS

ORACLE_STEPS = 60


def main(options: argparse.Namespace) -> int:
    """The verdict's exit code. Margins that can't be used are said before anything is measured."""
    margins = read_margins(baselines_folder(options) / "margins.toml")
    scope = scope_of(options)
    disturbed = disturbances(examine()) if scope.pair_plan else ()  # before environments are built: that is load, too
    sides = prepared_sides(options)
    folder = output_folder(options, "upgrade")
    warnings = [*side_warnings(sides), *disturbed]
    lock = host_lock() if scope.pair_plan else contextlib.nullcontext()
    with lock, UpgradeProgress() as progress:
        run = measure_upgrade(scope, sides, folder, options.command_line, progress, lambda so_far: settled(so_far, margins), warnings)
    print(f"run kept in {folder}", file=sys.stderr)
    return judge_and_print_paired(options, run, margins)


def scope_of(options: argparse.Namespace) -> Scope:
    """What the options ask for. Raises UsageError, ConfigError, CorpusError."""
    if options.speed_only and options.numerics_only:
        raise UsageError("--speed-only and --numerics-only leave nothing to compare: give one of them")
    plan = plans(options, [options.config])[0]
    numerics = not options.speed_only
    return Scope(
        oracle_plan=dataclasses.replace(plan, steps=min(ORACLE_STEPS, plan.steps), speed=False) if numerics else None,
        lockstep_plan=dataclasses.replace(plan, steps=min(LOCKSTEP_STEPS, plan.steps), speed=False) if numerics else None,
        pair_plan=None if options.numerics_only else PairPlan.of(plan, BLOCKS[options.config]),
    )
