"""`tfgate lockstep`: compares two environments step by step, each step from the same weights."""

import argparse
import dataclasses
from collections.abc import Mapping
from pathlib import Path

from bench.commands.messages import print_json
from bench.commands.model import ModelRequest, add_model, add_workload, model_request
from bench.commands.options import add_shared, at_least
from bench.commands.progress import PhaseProgress
from bench.commands.sides import Sides, add_sides, sides_request
from bench.commands.usage import UsageError
from bench.commands.verdicts import print_verdict
from bench.drive.lockstep import lockstep_or_failure, run_lockstep
from bench.drive.plan import Plan
from bench.judge.lockstep import lockstep_verdict
from bench.judge.notices import LaunchFailed, Told
from bench.judge.types import Question, Verdict
from bench.record.codec import to_plain
from bench.record.lockstep import STEPS, Lockstep
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import Failure
from bench.report.formats.json import verdict_json
from bench.report.headlines import UNNAMED, Names
from bench.report.judged import called, worst
from lm.workloads.registry import is_path, workload

EXAMPLES = """\
tfgate lockstep --from 2.20.0 --to 2.21.0
tfgate lockstep --from old/bin/python --to new/bin/python --config notebook --json"""
CONFIGS = ("tiny",)
WORKLOADS = ("train", "train-without-onednn")  # those of training steps, which have no cases


@dataclasses.dataclass(frozen=True)
class Request:
    """The model and the sides that are compared, and the number of steps."""

    model: ModelRequest
    sides: Sides
    steps: int
    json: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_sides(parser)
    add_workload(parser, among=WORKLOADS)
    add_model(parser, CONFIGS)
    parser.add_argument(
        "--steps",
        type=at_least(1),
        default=STEPS,
        metavar="N",
        help="training steps to compare (default: %(default)s)",
    )
    add_shared(parser, "baselines", "json", "quiet")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    model = model_request(options, CONFIGS)
    for name in model.workloads:
        if workload(name).cases:
            mend = f"`tfgate upgrade --numerics-only --workload {name}` compares both sides' answers"
            what = f"{Path(name).name} is a model of yours" if is_path(name) else f"workload {name} has none"
            raise UsageError(f"lockstep compares training steps of tfgate's own models, and {what}: {mend}")
    return Request(model, sides_request(options, gpu=model.gpu), options.steps, options.json)


def run(asked: Request) -> int:
    """Returns the verdict's exit code, the worst of several. Nothing is timed, so no lock is taken.

    A configuration that can't be compared is a failure of its own verdict: the others stand. Raises CorpusError,
    RequestError, BuildError.
    """
    plans = [dataclasses.replace(plan, steps=asked.steps) for plan in asked.model.plans()]
    prepared = asked.sides.prepared()
    found = [_compared(plan, prepared) for plan in plans]
    verdicts = [verdict for verdict, _ in found]
    if asked.json:
        print_json([{**verdict_json(verdict), "lockstep": to_plain(result)} for verdict, result in found])
    else:
        for number, (verdict, compared) in enumerate(found):
            print("\n" if number else "", end="")
            print_verdict(verdict, _called(compared, prepared))
    return worst(verdicts).exit_code


def _compared(plan: Plan, sides: Mapping[str, Side]) -> tuple[Verdict, Lockstep | None]:
    """Returns the verdict on one configuration, and the comparison; None where nothing could be compared."""
    with PhaseProgress() as bar:

        def compare() -> Lockstep:
            bar.phase("lockstep", plan.steps)
            return run_lockstep(plan, sides, bar.step)

        result, warnings = lockstep_or_failure(compare)
    if isinstance(result, Failure):
        return Verdict(Question.LOCKSTEP, (), (), (LaunchFailed(plan.name, None, "", result.message),)), None
    return dataclasses.replace(lockstep_verdict(result), warnings=tuple(map(Told, warnings))), result


def _called(result: Lockstep | None, sides: Mapping[str, Side]) -> Names:
    """Returns the sides as the headline calls them."""
    if result is None:
        return UNNAMED
    versions = [one.tensorflow if one else "" for one in (result.reference, result.candidate)]
    return called(versions, [sides[role].variables for role in (REFERENCE, CANDIDATE)])
