"""`tfgate profile`: where the time of a step goes, in one environment or in two, side by side."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.commands.errors import UsageError
from bench.commands.options import output_folder, plans, read_profile, variables
from bench.drive.lock import host_lock
from bench.drive.plan import Plan
from bench.drive.profile import HLO_FILE, NODES_FILE, PROFILE_FILE, run_profile
from bench.profile.compare import compare
from bench.profile.timeline import timeline
from bench.record.files import write_text
from bench.record.paired import Side
from bench.record.profile import TARGETS, Profile
from bench.report.chrome import chrome_trace
from bench.report.flame import flame_svg
from bench.report.profile import comparison_json, comparison_text, profile_json, profile_text, program_diff

CHROME_FILE, FLAME_FILE = "trace.json", "flame.svg"
LEAST_STEPS = 4  # a quarter of them is dropped at either end
Stored = tuple[Path, Profile]


def main(options: argparse.Namespace) -> int:
    """0: a profile explains, and judges nothing."""
    if options.compare:
        found = [_stored(name) for name in options.compare]
        folder = Path(options.output) if options.output else None
    else:
        folder = output_folder(options, f"profile-{options.target}-{options.config}")
        found = _profiled(options, folder)
    if len(found) == 1:
        ((_, profile),) = found
        print(json.dumps(profile_json(profile), allow_nan=False) if options.json else profile_text(profile))
    else:
        _print_comparison(found[0], found[1], folder, as_json=options.json)
    if folder:
        print(f"kept in {folder}", file=sys.stderr)
    return 0


def _profiled(options: argparse.Namespace, folder: Path) -> list[Stored]:
    """One profile, or two in folders `reference` and `candidate`."""
    sides = _sides(options)
    names = [folder] if len(sides) == 1 else [folder / "reference", folder / "candidate"]
    found = []
    with host_lock():
        for place, (python, plan) in zip(names, sides, strict=True):
            side = Side(python, python, variables(options))
            profile = run_profile(
                plan, options.target, side, place, detailed=options.detail, command=options.command_line
            )
            write_text(place / CHROME_FILE, json.dumps(chrome_trace(profile)))
            write_text(place / FLAME_FILE, flame_svg(timeline(profile.trace), profile.name))
            found.append((place, profile))
    return found


def _sides(options: argparse.Namespace) -> list[tuple[str, Plan]]:
    """Interpreter and plan of each side: one, or two that differ in one of them. Raises UsageError before any process is started."""
    if not options.config:
        raise UsageError(
            "there is nothing to profile: name a configuration by --config, or two stored profiles by --compare"
        )
    if options.target not in TARGETS:
        raise UsageError(f"no target is called {options.target!r}; there are {', '.join(TARGETS)}")
    if options.steps < LEAST_STEPS:
        raise UsageError(f"--steps is {options.steps}; it must be at least {LEAST_STEPS}")
    pythons = options.python or [sys.executable]
    implementations = options.implementation or ["cells"]
    if len(pythons) * len(implementations) > 2:
        many = f"{len(pythons)} interpreters and {len(implementations)} implementations are named"
        raise UsageError(f"{many}; a comparison has two sides: repeat --python or --implementation once, not both")
    return [(python, _plan(options, implementation)) for python in pythons for implementation in implementations]


def _plan(options: argparse.Namespace, implementation: str) -> Plan:
    chosen = argparse.Namespace(**{**vars(options), "implementation": implementation})
    return dataclasses.replace(plans(chosen, [options.config])[0], steps=options.steps)


def _stored(name: str) -> Stored:
    """A profile from its folder or file. Raises FormatError, OSError."""
    path = Path(name)
    path = path / PROFILE_FILE if path.is_dir() else path
    return path.parent, read_profile(path)


def _print_comparison(reference: Stored, candidate: Stored, folder: Path | None, *, as_json: bool) -> None:
    """Prints the comparison; the programs' differences go to the output folder, if there is one."""
    (reference_folder, one), (candidate_folder, other) = reference, candidate
    found = compare(one, other)
    print(
        json.dumps(comparison_json(one, other, found), allow_nan=False)
        if as_json
        else comparison_text(one, other, found)
    )
    if folder:
        for name, text in _diffs(reference_folder, candidate_folder).items():
            write_text(folder / name, text)


def _diffs(reference: Path, candidate: Path) -> Mapping[str, str]:
    """Unified diffs of what both folders have, by file name."""
    made = {}
    for name in (NODES_FILE, HLO_FILE):
        old, new = reference / name, candidate / name
        if old.is_file() and new.is_file():
            before, after = (path.read_text(encoding="utf-8") for path in (old, new))
            made[f"{Path(name).stem}.diff"] = program_diff(before, after, (str(old), str(new)))
    return made
