"""`tfgate micro`: times the candidate's hot paths in turn with the reference's, in fresh processes, and judges them."""

import argparse
import dataclasses
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.messages import say
from bench.commands.model import IMPLEMENTATION, add_config, add_workload, chosen_workloads, device
from bench.commands.options import Telling, add_launches, add_output, add_shared, output_folder, telling
from bench.commands.sides import Sides, add_sides, side_warnings, sides_request
from bench.commands.stored import read_folder
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.commands.verdicts import judge_and_print, tell
from bench.drive.environments import PINNED
from bench.drive.micro import MicroRequest, Suite, measure_micro, require_suite
from bench.drive.process import WorkerError
from bench.judge.micro import settled
from bench.judge.notices import Told
from bench.judge.types import Question, Verdict
from bench.record.micro import MICRO_FILE, Micro
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import NO_TENSORFLOW
from bench.stats.sequential import LOOKS, USUAL_LAUNCHES
from lm.config import IMPLEMENTATIONS, MODES
from lm.workloads.registry import workload

EXAMPLES = """\
tfgate micro --to .venv/bin/python
tfgate micro --from 2.20.0 --to 2.21.0 --target clip --target step
tfgate micro --to 2.21.0 --workload masked --config tiny"""
CONFIGS = ("notebook",)
REPORTS = (MICRO_FILE,)
TARGETS = ("forward", "gradient", "clip", "update", "step", "evaluation", "input", "dropout", "fit", "predict")
# Timed where nothing else is asked for: what the project is for. Twelve launches of each side take at most six minutes
# (docs/micro.md).
DEFAULT_TARGETS, DEFAULT_MODES = TARGETS[:3], ("graph",)
UNIT = "unit"  # the target of --workload
NEEDED = ("pytest", "pytest-benchmark")  # in what is built


@dataclasses.dataclass(frozen=True)
class Request:
    """The cases and sides that are timed, and the number of launches."""

    sides: Sides
    suite: Suite
    launches: int  # of each side, at most
    output: Path
    telling: Telling
    command_line: Sequence[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_sides(parser, PINNED, sys.executable)
    add_config(parser, CONFIGS)
    add_workload(parser)
    _add_cases(parser)
    looks = ", ".join(map(str, LOOKS))
    add_launches(parser, USUAL_LAUNCHES, f"fresh processes for each environment, at most; judged after {looks}")
    add_output(parser)
    add_shared(parser, "baselines", "json", "quiet")


def _add_cases(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose cases, each of which may be repeated, and --require."""
    parser.add_argument(
        "--implementation",
        action="append",
        choices=IMPLEMENTATIONS,
        metavar="NAME",
        help=f"implementation of the model: {', '.join(IMPLEMENTATIONS)}; may be repeated (default: {IMPLEMENTATION})",
    )
    parser.add_argument(
        "--device",
        action="append",
        type=device,
        default=[],
        metavar="NAME",
        help="cpu:0 or gpu:0; may be repeated (default: cpu:0)",
    )
    parser.add_argument(
        "--mode",
        action="append",
        choices=MODES,
        help=f"how TensorFlow runs the target; may be repeated (default: {', '.join(DEFAULT_MODES)})",
    )
    parser.add_argument(
        "--target",
        action="append",
        choices=TARGETS,
        metavar="NAME",
        help=f"{', '.join(TARGETS)}; may be repeated (default: {', '.join(DEFAULT_TARGETS)})",
    )
    parser.add_argument(
        "--require",
        choices=("gpu",),
        help="fail, instead of skipping, where a GPU is missing; takes gpu:0 if no --device is a GPU",
    )


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    suite = _units(options) if options.workload else _parts(options)
    return Request(
        sides=sides_request(options, gpu=suite.gpu),
        suite=suite,
        launches=options.launches,
        output=output_folder(options, "micro"),
        telling=telling(options),
        command_line=options.command_line,
    )


def _parts(options: argparse.Namespace) -> Suite:
    """Returns the cases of --target: parts of a training step."""
    modes, implementations = options.mode or DEFAULT_MODES, options.implementation or (IMPLEMENTATION,)
    return _suite(options, options.target or DEFAULT_TARGETS, {}, implementation=implementations, mode=modes)


def _units(options: argparse.Namespace) -> Suite:
    """Returns the cases of --workload: of each one, its unit, in each configuration that it has."""
    for word in ("target", "mode", "implementation"):
        if getattr(options, word):
            raise UsageError(f"--workload times units, and --{word} is for parts of a training step: leave one out")
    chosen = chosen_workloads(options, CONFIGS)
    given = {name: dict(workload(name).variables) for name in chosen}
    apart = [name for name in chosen if given[name]]
    if apart and len(chosen) > 1:
        why = f"{', '.join(apart)} has environment variables of its own, and one process times all"
        if set(apart) & set(options.workload):
            raise UsageError(f"{why}: give it a command of its own")
        say(f"left out: {why}")
        chosen = tuple(name for name in chosen if name not in apart)
    return _suite(options, (UNIT,), given[chosen[0]], workload=chosen)


def _suite(
    options: argparse.Namespace, targets: Sequence[str], variables: Mapping[str, str], **named: Sequence[str]
) -> Suite:
    """Returns the cases of these targets, chosen by the options that all share, and by those `named`, with values."""
    named = {"config": options.config or CONFIGS, "device": options.device, **named}
    chosen = [f"--{name}={value}" for name, values in named.items() for value in values]
    required = ["--require-gpu"] if options.require == "gpu" else []  # alone takes a GPU (bench.micro.selection)
    gpu = bool(required) or any(name.startswith("gpu") for name in options.device)
    return Suite(targets, [*chosen, *required], gpu, variables)


def _require_candidate(candidate: Side, suite: Suite) -> None:
    """Raises WorkerError where the candidate lacks what times it.

    A TensorFlow that can't be imported is there: the candidate's first launch fails, too, and that is judged.
    """
    try:
        require_suite(candidate, suite)
    except WorkerError as error:
        if error.failure.kind == NO_TENSORFLOW:
            raise


def run(asked: Request) -> int:
    """Returns the verdict's exit code; 3, with the reason, where the pinned reference can't be had.

    Raises RequestError, BuildError, WorkerError, FormatError, MarginsError, OSError.
    """
    standards = read_folder(asked.telling.baselines)
    margin = math.log1p(standards.margins.micro)
    with timing() as disturbed:
        candidate = asked.sides.one(asked.sides.candidate, NEEDED)
        _require_candidate(candidate, asked.suite)
        reference, why = asked.sides.reference_or_why(NEEDED)
        if reference is None:
            told = Told(f"the reference isn't available ({why}): name another by --from")
            return tell(Verdict(Question.MICRO, (), (told,)), as_json=asked.telling.json)
        require_suite(reference, asked.suite)
        sides = {REFERENCE: reference, CANDIDATE: candidate}
        warnings = (*side_warnings(sides), *disturbed)
        report = measure_micro(
            MicroRequest(sides, asked.suite, asked.launches, asked.output, asked.command_line, warnings),
            lambda so_far, old, new: settled(Micro(so_far, [*old], [*new]), margin, standards.ledger),
            say,
        )
    say(f"kept in {asked.output}")
    return judge_and_print(asked.telling, {str(asked.output): report}, standards)
