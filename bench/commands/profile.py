"""`tfgate profile`: shows where a step's time goes, in one environment or in two."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.commands.messages import print_json, say
from bench.commands.model import IMPLEMENTATION, ModelRequest, add_model, add_workload, model_request
from bench.commands.options import add_output, add_shared, at_least, output_folder
from bench.commands.sides import Sides, add_sides, sides_request
from bench.commands.stored import judging, read_profile
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.drive.plan import Plan
from bench.drive.profile import FILES, HLO_FILE, NODES_FILE, ONEDNN_FILE, PROFILE_FILE, run_profile
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
from lm.workloads.registry import workload

EXAMPLES = """\
tfgate profile --to .venv/bin/python --workload predict-call --config tiny
tfgate profile --from 2.20.0 --to 2.21.0 --config tiny --target clip
tfgate profile --compare reports/old-profile reports/new-profile"""
CONFIGS = ("notebook",)
REPORTS = (f"**/{PROFILE_FILE}",)
CHROME_FILE, FLAME_FILE, TEXT_FILE = "trace.json", "flame.svg", "profile.txt"
DIFFS = {name: f"{Path(name).stem}.diff" for name in (NODES_FILE, HLO_FILE)}
WRITTEN = (PAGE_FILE, TEXT_FILE, CHROME_FILE, FLAME_FILE, *DIFFS.values(), *FILES)
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
    steps: int
    command_line: Sequence[str]
    output: Path
    json: bool


@dataclasses.dataclass(frozen=True)
class Comparing:
    """A comparison of two stored profiles."""

    profiles: Sequence[Path]  # the reference's and the candidate's
    output: Path | None  # None: nothing is kept
    json: bool


Request = Measuring | Comparing


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer from one profile, or from the difference of two."""

    text: str
    plain: object  # for JSON
    fingerprints: Sequence[Fingerprint] = ()  # of two


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_sides(parser, candidate=sys.executable, alone=True)
    add_workload(parser)
    add_model(parser, CONFIGS, implementations="; given twice, both are compared, in the environment of --to")
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
    add_output(parser)
    add_shared(parser, "baselines", "json", "quiet")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    if options.compare:
        return Comparing(options.compare, Path(options.output) if options.output else None, options.json)
    implementations = options.implementation or [IMPLEMENTATION]
    if len(implementations) > (1 if options.from_ else 2):
        raise UsageError("a comparison has two sides: give --from and one --implementation, or two and no --from")
    if options.from_env and not options.from_:
        raise UsageError("--from-env is for the environment of --from, which is missing")
    models = [model_request(options, CONFIGS, implementation) for implementation in implementations]
    for name in models[0].workloads:
        if workload(name).cases and (options.target != WHOLE or len(implementations) > 1):
            raise UsageError(f"workload {name} is profiled as a whole: leave out --target and --implementation")
    return Measuring(
        models=models,
        sides=sides_request(options, gpu=models[0].gpu),
        both=options.from_ is not None,
        target=options.target,
        steps=options.steps,
        command_line=options.command_line,
        output=output_folder(options, "profile"),
        json=options.json,
    )


def run(asked: Request) -> int:
    """Returns 0: a profile explains, and judges nothing.

    Raises UsageError, CorpusError, RequestError, BuildError, WorkerError, FormatError, OSError.
    """
    if isinstance(asked, Measuring):
        answers, places = _measured(asked), [asked.output]
    else:
        places = [*asked.profiles]
        answers = [_told(asked.output, [_stored(path) for path in places], as_json=asked.json)]
    if asked.json:
        with judging(*map(str, places)):
            print_json([answer.plain for answer in answers])
    if asked.output:
        say(f"kept in {asked.output}")
    return 0


def _measured(asked: Measuring) -> list[Answer]:
    """Returns the answer of each configuration, which is told as it is made: a later one may fail.

    Two profiles lie in folders `reference` and `candidate`. Raises UsageError where another file is in the way.
    """
    planned = [[dataclasses.replace(plan, steps=asked.steps) for plan in model.plans()] for model in asked.models]
    folders = [asked.models[0].folder(asked.output, plan.name) for plan in planned[0]]
    places = [folder / side for folder in folders for side in ("", REFERENCE, CANDIDATE)]
    if there := next((path for place in places for name in WRITTEN if (path := place / name).exists()), None):
        raise UsageError(f"{there} exists already: choose another --output")
    answers: list[Answer] = []
    with timing() as disturbed:
        for line in disturbed:
            say(f"warning: {line}")
        sides = list(asked.sides.prepared().values()) if asked.both else [asked.sides.one(asked.sides.candidate)]
        for folder, plans in zip(folders, zip(*planned, strict=True), strict=True):
            one_each = [(side, plan) for side in sides for plan in plans]
            places = [folder] if len(one_each) == 1 else [folder / REFERENCE, folder / CANDIDATE]
            profiles = [_one(asked, *one, place) for one, place in zip(one_each, places, strict=True)]
            answers.append(_told(folder, profiles, as_json=asked.json, first=not answers))
    return answers


def _told(folder: Path | None, profiles: Sequence[Stored], *, as_json: bool, first: bool = True) -> Answer:
    """Returns the answer from one profile or two, which it prints, below the one before, and keeps in a folder.

    Raises FormatError, OSError.
    """
    with judging(*(str(path) for path, _ in profiles)):
        answer = _answer(profiles)
        if not as_json:
            print(answer.text if first else f"\n{answer.text}")
    if folder and len(profiles) > 1:
        _keep(folder, profiles, answer)
    return answer


def _one(asked: Measuring, side: Side, plan: Plan, place: Path) -> Stored:
    profile = run_profile(plan, asked.target, side, place, command=tuple(asked.command_line))
    write_text(place / CHROME_FILE, json.dumps(chrome_trace(profile)))
    write_text(place / FLAME_FILE, flame_svg(timeline(profile.trace), profile.name))
    stored = place, profile
    _keep(place, [stored], _answer([stored]))
    return stored


def _stored(path: Path) -> Stored:
    """Reads a profile from its folder or file. Raises UsageError for a folder of several, FormatError, OSError."""
    if path.is_dir():
        there = sorted(str(one.parent) for one in path.rglob(PROFILE_FILE))
        if there and not (path / PROFILE_FILE).exists():
            raise UsageError(f"{path} holds no profile itself: name {' or '.join(there)}")
        path /= PROFILE_FILE
    return path.parent, read_profile(path)


def _answer(profiles: Sequence[Stored]) -> Answer:
    """Returns what one profile tells, or how the second differs from the first."""
    one, *others = (profile for _, profile in profiles)
    if not others:
        return Answer(profile_text(one), profile_json(one))
    (other,) = others
    compared, fingerprints = compare(one, other), [_fingerprint(stored) for stored in profiles]
    text = f"{comparison_text(one, other, compared)}\n\n{fingerprint_text(*fingerprints)}"
    plain = comparison_json(one, other, compared) | {"fingerprint": fingerprint_json(*fingerprints)}
    return Answer(text, plain, fingerprints)


def _fingerprint(stored: Stored) -> Fingerprint:
    folder, profile = stored
    texts = (
        path.read_text(encoding="utf-8") if (path := folder / name).is_file() else ""
        for name in (NODES_FILE, HLO_FILE, ONEDNN_FILE)
    )
    return fingerprint(profile, *texts)


def _keep(folder: Path, profiles: Sequence[Stored], answer: Answer) -> None:
    """Writes the page and the text; of two, also a unified diff of each file that both folders have."""
    for name, diff in DIFFS.items() if len(profiles) == 2 else ():
        kept = folder / diff
        kept.unlink(missing_ok=True)  # an earlier comparison's
        old, new = (path / name for path, _ in profiles)
        if old.is_file() and new.is_file():
            before, after = (path.read_text(encoding="utf-8") for path in (old, new))
            write_text(kept, program_diff(before, after, (str(old), str(new))))
    page = profile_page([profile for _, profile in profiles], answer.fingerprints)
    write_text(folder / PAGE_FILE, page, replace=True)
    write_text(folder / TEXT_FILE, f"{answer.text}\n", replace=True)
