"""`tfgate upgrade`: compares two environments, both measured here and now: numbers, speed and memory."""

import argparse
import dataclasses
import glob
from collections.abc import Sequence
from pathlib import Path

from bench.commands.messages import say
from bench.commands.model import ModelRequest, add_model, add_workload, model_request
from bench.commands.options import Telling, add_budget, add_extent, add_output, add_shared, telling
from bench.commands.paired import Extent, extent_request
from bench.commands.resume import as_begun, resumed_folder
from bench.commands.sides import Sides, add_sides, side_warnings, sides_request
from bench.commands.stored import read_folder
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.commands.verdicts import judge_and_print
from bench.drive.paired import PAIRED_FILE
from bench.drive.plan import Plan
from bench.judge.metrics import NAMES
from bench.stats.sequential import MOST_GATING

EXAMPLES = """\
tfgate upgrade --from 2.20.0 --to 2.21.0
tfgate upgrade --from reference --to .venv/bin/python --config tiny --config notebook --speed-only"""
CONFIGS = ("notebook",)


@dataclasses.dataclass(frozen=True)
class Request:
    """The model and the sides that are compared, and what is measured of them."""

    model: ModelRequest
    plans: Sequence[Plan]
    sides: Sides
    extent: Extent
    output: Path
    patterns: Sequence[str]  # of the reports that it writes there
    telling: Telling


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_sides(parser)
    add_workload(parser)
    add_model(parser, CONFIGS)
    add_extent(parser)
    parser.add_argument(
        "--metric",
        action="append",
        choices=NAMES,
        default=[],
        metavar="NAME",
        help=f"judge this metric alone, such as 'step time'; may be repeated, for {MOST_GATING} metrics at most",
    )
    add_shared(parser, "margin")
    add_budget(parser)
    add_output(parser)
    add_shared(parser, "resume", "baselines", "json", "summary", "verbose", "quiet")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises CorpusError, UsageError, RequestError."""
    if options.numerics_only and options.metric:
        raise UsageError("--metric measures speed, memory and perplexity: leave it out, or --numerics-only")
    if len({*options.metric}) > MOST_GATING:
        raise UsageError(f"--metric names more than {MOST_GATING} metrics, whose false alarms add up: name fewer")
    model = model_request(options, CONFIGS)
    plans = model.plans()
    patterns = [glob.escape(str(model.folder(Path(), plan.name) / PAIRED_FILE)) for plan in plans]
    output = resumed_folder(options, "upgrade", *patterns)
    extent = extent_request(options, options.metric)
    sides = as_begun(options, sides_request(options, gpu=model.gpu), output, *patterns)
    return Request(model, plans, sides, extent, output, patterns, telling(options))


def run(asked: Request) -> int:
    """Returns the verdict's exit code, the worst of several.

    Raises RequestError, BuildError, FormatError, MarginsError, OSError.
    """
    standards = read_folder(asked.telling.baselines)
    with timing(timed=asked.extent.speed) as disturbed:
        sides = asked.sides.prepared()
        warnings = (*side_warnings(sides), *disturbed)
        runs = {}
        for plan in asked.plans:
            if len(asked.plans) > 1:
                say(f"measuring {plan.name}")
            folder = asked.model.folder(asked.output, plan.name)
            runs[str(folder)] = asked.extent.measure(plan, folder / PAIRED_FILE, sides, standards, warnings)
    say(f"kept in {', '.join(runs)}")
    return judge_and_print(asked.telling, runs, standards)
