"""`tfgate micro`: times the candidate's hot paths in turn with the reference's, in fresh processes, and judges them."""

import argparse
import json
import math
import sys
from collections.abc import Mapping

from bench.commands.errors import UsageError
from bench.commands.options import (
    baselines_folder,
    launch_count,
    output_folder,
    read_ledger,
    require_device_name,
    variables,
)
from bench.commands.sides import candidate_side, reference_side, side_warnings
from bench.commands.verdicts import print_verdict
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock
from bench.drive.micro import MicroRequest, Suite, measure_micro, require_suite
from bench.drive.requests import BuildError, RequestError
from bench.judge.ledger import accepted_ratio
from bench.judge.margins import read_margins
from bench.judge.micro import Launches, decided, judge_micro
from bench.judge.types import Verdict
from bench.record.ledger import Ledger
from bench.record.micro_run import MicroRun
from bench.record.paired import CANDIDATE, REFERENCE
from bench.report.lines import one_line
from bench.report.text import verdict_json
from bench.stats.outcome import Outcome
from bench.stats.sequential import LOOKS
from lm.config import config_by_name, require_implementation

MODES = ("eager", "graph")
TARGETS = ("forward", "gradient", "clip", "update", "step", "evaluation", "input", "dropout", "fit", "predict")
# Timed where nothing else is asked for: what the project is for. Twelve launches of each side take at most six minutes
# (docs/micro.md).
DEFAULT_TARGETS, DEFAULT_MODES, DEFAULT_IMPLEMENTATIONS = TARGETS[:3], ("graph",), ("cells",)
NEEDED = ("pytest", "pytest-benchmark")  # besides what is asked for as the reference


def main(options: argparse.Namespace) -> int:
    """Returns the verdict's exit code; 3, with the reason, where the reference can't be had."""
    suite, count, baselines = _suite(options), launch_count(options, LOOKS[-1]), baselines_folder(options)
    margin, ledger = math.log1p(read_margins(baselines / "margins.toml").micro), read_ledger(baselines)
    disturbed = disturbances(examine())  # before an environment is built: that is load, too
    candidate = candidate_side(options)
    require_suite(candidate, suite)
    try:
        reference = reference_side(options, variables(options), gpu=suite.takes_gpu, needed=NEEDED)
    except (RequestError, BuildError) as error:
        return _without_reference(options, error)
    require_suite(reference, suite)
    sides = {REFERENCE: reference, CANDIDATE: candidate}
    folder = output_folder(options, "micro")
    with host_lock():
        warnings = (*side_warnings(sides), *disturbed)
        run, *launches = measure_micro(
            MicroRequest(sides, suite, count, folder, options.command_line, warnings),
            lambda so_far, old, new: decided(so_far, old, new, margin, ledger),
            _say,
        )
    print(f"run kept in {folder}", file=sys.stderr)
    return judge_and_print_micro(options, run, *launches)


def judge_and_print_micro(options: argparse.Namespace, run: MicroRun, reference: Launches, candidate: Launches) -> int:
    """Judges a report by the baselines' margin and ledger, prints the verdict, and returns its exit code.

    Raises UsageError, MarginsError, FormatError, UnlikeError, OSError.
    """
    baselines = baselines_folder(options)
    margin, ledger = read_margins(baselines / "margins.toml").micro, read_ledger(baselines)
    verdict = judge_micro(run, reference, candidate, math.log1p(margin), ledger)
    _print(options, verdict, _sentences(run, verdict, margin, ledger))
    return verdict.exit_code


def _sentences(run: MicroRun, verdict: Verdict, margin: float, ledger: Ledger) -> dict[Outcome, str]:
    """The headline of each outcome: what the verdict rules out, and no more."""
    gating = [one for one in verdict.comparisons if one.gates and one.interval]
    shifted = any(accepted_ratio(ledger, run.reference.identity, one.subject, one.metric) for one in gating)
    apart = any(one.outcome is Outcome.PASS and one.interval.low > math.log1p(margin) for one in gating if one.interval)
    slower = f"{100 * margin:g}% slower or more{' than was accepted last' if shifted else ''}"
    judged = [one for one in verdict.comparisons if one.outcome is not Outcome.INFORMS]
    undecided = (
        "the launches prove neither a pass nor a regression" if judged else "nothing was judged: the warnings say why"
    )
    return {
        Outcome.PASS: f"no gated hot path is {slower}{', but for what the ledger accepts' if apart else ''}",
        Outcome.REGRESSION: "the candidate fails where the reference runs"
        if run.failure
        else f"a hot path is {slower}",
        Outcome.CANNOT_JUDGE: undecided,
    }


def _without_reference(options: argparse.Namespace, error: Exception) -> int:
    """Nothing is measured: the exit code of a verdict that says why, and what to do."""
    mend = "" if "--reference" in str(error) else "; name another by --reference, an interpreter for one"
    verdict = Verdict(Outcome.CANNOT_JUDGE, (), (f"the reference can't be had: {error}{mend}",))
    _print(options, verdict, {Outcome.CANNOT_JUDGE: "nothing was measured, for want of a reference"})
    return verdict.exit_code


def _print(options: argparse.Namespace, verdict: Verdict, sentences: Mapping[Outcome, str]) -> None:
    if options.json:
        print(json.dumps(verdict_json(verdict), allow_nan=False))
    else:
        print_verdict(verdict, sentences)


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
    return Suite(
        options.config,
        options.implementation or DEFAULT_IMPLEMENTATIONS,
        options.device,
        options.mode or DEFAULT_MODES,
        options.target or DEFAULT_TARGETS,
        options.require_gpu,
    )


def _say(line: str) -> None:
    print(one_line(line), file=sys.stderr, flush=True)
