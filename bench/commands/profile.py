"""`tfgate profile`: shows where a step's time goes, in one environment or in two."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commands.messages import print_json, say
from bench.commands.model import IMPLEMENTATION, ModelRequest, add_all_but_implementation, add_workload, model_request
from bench.commands.options import add_output, add_shared, at_least, output_folder
from bench.commands.sides import Sides, add_sides, sides_request
from bench.commands.stored import judging, read_profile
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.drive.plan import Plan
from bench.drive.profile import HLO_FILE, NODES_FILE, ONEDNN_FILE, PROFILE_FILE, run_profile
from bench.profile.compare import compare
from bench.profile.fingerprint import Fingerprint, fingerprint
from bench.profile.timeline import timeline
from bench.record.files import write_text
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.profile import TARGETS, Profile
from bench.report.chrome import chrome_trace
from bench.report.fingerprint import fingerprint_json, fingerprint_text
from bench.report.flame import flame_svg
from bench.report.profile import comparison_json, comparison_text, profile_json, profile_text, program_diff
from bench.report.profile_page import FILE as PAGE_FILE
from bench.report.profile_page import profile_page
from lm.config import IMPLEMENTATIONS
from lm.workloads.registry import workload

EXAMPLES = """\
tfgate profile --to .venv/bin/python --workload predict-call --config tiny
tfgate profile --from 2.20.0 --to 2.21.0 --config tiny --target clip
tfgate profile --compare reports/old-profile reports/new-profile"""
CONFIGS = ("notebook",)
REPORTS = (f"**/{PROFILE_FILE}",)
CHROME_FILE, FLAME_FILE, TEXT_FILE = "trace.json", "flame.svg", "profile.txt"
WHOLE = "step"  # the target that is a unit of any workload
LEAST_STEPS = 4  # a quarter of them is dropped at either end
Stored = tuple[Path, Profile]


@dataclasses.dataclass(frozen=True)
class Measuring:
    """A measurement of one profile, or of two (models or sides) that are compared."""

    models: Sequence[ModelRequest]  # alike but for their implementation
    sides: Sides
    both: bool  # sides; False: the candidate alone
    target: str
    detailed: bool  # record what TensorFlow calls inexpensive, too
    steps: int
    command_line: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Request:
    """A measurement of profiles, or two stored ones that are compared."""

    profiled: Measuring | tuple[Path, Path]
    output: Path | None  # None: nothing is kept
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_sides(parser, candidate=sys.executable, alone=True)
    add_workload(parser)
    add_all_but_implementation(parser, CONFIGS)
    parser.add_argument(
        "--implementation",
        action="append",
        choices=IMPLEMENTATIONS,
        metavar="NAME",
        help=f"implementation of the model: {', '.join(IMPLEMENTATIONS)} (default: {IMPLEMENTATION}); given twice, "
        "both are compared, in the environment of --to",
    )
    parser.add_argument(
        "--target", choices=TARGETS, default=WHOLE, metavar="NAME", help=f"{', '.join(TARGETS)} (default: %(default)s)"
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("REFERENCE", "CANDIDATE"),
        help="compare two stored profiles, and profile nothing",
    )
    parser.add_argument(
        "--steps",
        type=at_least(LEAST_STEPS),
        default=20,
        metavar="N",
        help="steps to record, and to time without recording (default: %(default)s)",
    )
    parser.add_argument(
        "--detail",
        action="store_true",
        help="also record operations that TensorFlow calls inexpensive, which slows the step",
    )
    add_output(parser)
    add_shared(parser, "baselines", "json", "quiet")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    if options.compare:
        reference, candidate = options.compare
        return Request((reference, candidate), Path(options.output) if options.output else None, options.json)
    implementations = options.implementation or [IMPLEMENTATION]
    if len(implementations) > (1 if options.from_ else 2):
        raise UsageError("a comparison has two sides: give --from and one --implementation, or two and no --from")
    if options.from_env and not options.from_:
        raise UsageError("--from-env is for the environment of --from, which is missing")
    models = [model_request(options, CONFIGS, implementation) for implementation in implementations]
    for name in models[0].workloads:
        if workload(name).cases and (options.target != WHOLE or len(implementations) > 1):
            raise UsageError(f"workload {name} is profiled as a whole: leave out --target and --implementation")
    measuring = Measuring(
        models,
        sides_request(options, gpu=models[0].gpu),
        options.from_ is not None,
        options.target,
        options.detail,
        options.steps,
        options.command_line,
    )
    return Request(measuring, output_folder(options, "profile"), options.json)


def run(asked: Request) -> int:
    """Returns 0: a profile explains, and judges nothing.

    Raises CorpusError, RequestError, BuildError, WorkerError, FormatError, OSError.
    """
    if isinstance(asked.profiled, Measuring):
        assert asked.output is not None
        found = _profiled(asked.profiled, asked.output)
    else:
        found = [(asked.output, [_stored(path) for path in asked.profiled])]
    with judging(*(str(path) for _, profiles in found for path, _ in profiles)):
        texts = [_text(profiles) for _, profiles in found]
        if asked.json:
            print_json([_json(profiles) for _, profiles in found])
        else:
            print("\n\n".join(texts))
    for (folder, profiles), text in zip(found, texts, strict=True):
        if folder and len(profiles) == 2:
            _write_diffs(folder, *(path for path, _ in profiles))
        if folder:
            fingerprints = [_fingerprint(one) for one in profiles] if len(profiles) == 2 else []
            write_text(folder / PAGE_FILE, profile_page([one for _, one in profiles], fingerprints), replace=True)
            write_text(folder / TEXT_FILE, f"{text}\n", replace=True)
    if asked.output:
        say(f"kept in {asked.output}")
    return 0


def _profiled(asked: Measuring, output: Path) -> list[tuple[Path | None, list[Stored]]]:
    """Returns (folder, its profiles) of each configuration; two lie in folders `reference` and `candidate`."""
    planned = [[dataclasses.replace(plan, steps=asked.steps) for plan in model.plans()] for model in asked.models]
    found: list[tuple[Path | None, list[Stored]]] = []
    with timing() as disturbed:
        for line in disturbed:
            say(f"warning: {line}")
        sides = list(asked.sides.prepared().values()) if asked.both else [asked.sides.one(asked.sides.candidate)]
        for plans in zip(*planned, strict=True):
            folder = asked.models[0].folder(output, plans[0].name)
            one_each = [(side, plan) for side in sides for plan in plans]
            places = [folder] if len(one_each) == 1 else [folder / REFERENCE, folder / CANDIDATE]
            profiles = [_one(asked, *one, place) for one, place in zip(one_each, places, strict=True)]
            found.append((folder, profiles))
    return found


def _one(asked: Measuring, side: Side, plan: Plan, place: Path) -> Stored:
    command = tuple(asked.command_line)
    profile = run_profile(plan, asked.target, side, place, detailed=asked.detailed, command=command)
    write_text(place / CHROME_FILE, json.dumps(chrome_trace(profile)))
    write_text(place / FLAME_FILE, flame_svg(timeline(profile.trace), profile.name))
    return place, profile


def _stored(path: Path) -> Stored:
    """Reads a profile from its folder or file. Raises UsageError for a folder of several, FormatError, OSError."""
    if path.is_dir():
        there = sorted(str(one.parent) for one in path.rglob(PROFILE_FILE))
        if there and not (path / PROFILE_FILE).exists():
            raise UsageError(f"{path} holds no profile itself: name {' or '.join(there)}")
        path /= PROFILE_FILE
    return path.parent, read_profile(path)


def _json(profiles: Sequence[Stored]) -> object:
    if len(profiles) == 1:
        return profile_json(profiles[0][1])
    (_, one), (_, other) = profiles
    fingerprints = {"fingerprint": fingerprint_json(*map(_fingerprint, profiles))}
    return comparison_json(one, other, compare(one, other)) | fingerprints


def _text(profiles: Sequence[Stored]) -> str:
    if len(profiles) == 1:
        return profile_text(profiles[0][1])
    (_, one), (_, other) = profiles
    return f"{comparison_text(one, other, compare(one, other))}\n\n{fingerprint_text(*map(_fingerprint, profiles))}"


def _fingerprint(stored: Stored) -> Fingerprint:
    folder, profile = stored
    texts = (
        path.read_text(encoding="utf-8") if (path := folder / name).is_file() else ""
        for name in (NODES_FILE, HLO_FILE, ONEDNN_FILE)
    )
    return fingerprint(profile, *texts)


def _write_diffs(folder: Path, reference: Path, candidate: Path) -> None:
    """Writes a unified diff of each file that both folders have."""
    for name in (NODES_FILE, HLO_FILE):
        old, new = reference / name, candidate / name
        if old.is_file() and new.is_file():
            before, after = (path.read_text(encoding="utf-8") for path in (old, new))
            write_text(folder / f"{Path(name).stem}.diff", program_diff(before, after, (str(old), str(new))))
