"""`tfgate gate`: judges a TensorFlow: its numbers by the baselines, its speed in turn with the reference."""

import argparse
import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.commands.messages import say
from bench.commands.model import GATE_CONFIGS, ModelRequest, add_model, add_workload, model_request, room_for
from bench.commands.options import Telling, add_budget, add_launches, add_output, add_shared, telling
from bench.commands.paired import measured_until_decided
from bench.commands.plans import gating, pair_plans
from bench.commands.progress import RunProgress
from bench.commands.resume import as_begun, begun, other_cpus, require_same, require_same_launches, resumed_folder
from bench.commands.sides import Sides, add_sides, old_nightlies, side_warnings, sides_request
from bench.commands.stored import GATE_FILE, read_folder
from bench.commands.timing import timing
from bench.commands.usage import UsageError
from bench.commands.verdicts import judge_and_print
from bench.drive.environments import PINNED
from bench.drive.paired import PairedRequest
from bench.drive.patience import Patience
from bench.drive.plan import Plan
from bench.drive.run import RunRequest, measure_run
from bench.judge.gate import Standards, gate_samples
from bench.machine import cores_at_once, now
from bench.record.files import keeper
from bench.record.gate import GateRun
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side
from bench.record.repeats import failed_for_good, reference_failure
from bench.record.types import NO_REFERENCE, SCHEMA, Run
from lm.workloads.registry import is_path

EXAMPLES = """\
tfgate gate --to .venv/bin/python
tfgate gate --to 2.21.0 --config small --full
tfgate gate --quick --to .venv/bin/python"""
QUICK_CONFIGS = ("tiny",)
TIMED_CONFIG = "notebook"  # whose speed is measured unless --full asks for all
LAUNCHES = 3  # of each configuration, for its perplexity
REPORTS = (GATE_FILE,)


@dataclasses.dataclass(frozen=True)
class Request:
    """The gate's request: the candidate, its measurements and their extent."""

    model: ModelRequest
    sides: Sides
    launches: int
    speed: bool  # measure it, in turn with the reference
    full: bool  # the speed of every configuration
    gate_stored: bool
    budget_minutes: float
    output: Path
    resume: bool
    telling: Telling
    command_line: Sequence[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    add_sides(parser, PINNED, sys.executable)
    add_workload(parser)
    add_model(parser, GATE_CONFIGS)
    add_launches(parser, LAUNCHES, "fresh processes for each configuration")
    parser.add_argument(
        "--full", action="store_true", help="measure the speed of every configuration (default: of notebook)"
    )
    parser.add_argument(
        "--no-speed",
        action="store_true",
        help="check the numbers alone, but not of your own model; takes no lock, so it disturbs timed jobs beside it",
    )
    parser.add_argument("--quick", action="store_true", help="as --no-speed, of tiny alone, in under 90 seconds")
    parser.add_argument(
        "--gate-stored", action="store_true", help="fail if words/s are below the stored range; for a dedicated runner"
    )
    add_budget(parser)
    add_output(parser)
    add_shared(parser, "resume", "baselines", "json", "summary", "verbose", "quiet")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError, RequestError."""
    if options.quick and (options.config or options.full):
        raise UsageError(
            f"--quick is the numbers of {QUICK_CONFIGS[0]} alone: leave out --quick, or --config and --full"
        )
    without = "--quick" if options.quick else "--no-speed" if options.no_speed else ""
    if without and (options.full or options.gate_stored or options.from_ != PINNED or options.from_env):
        raise UsageError(f"{without} measures no speed: leave it out, or --full, --gate-stored, --from and --from-env")
    if without and (own := next(filter(is_path, options.workload or ()), "")):
        raise UsageError(
            f"{without} measures no reference, whose float64 says what is right of {Path(own).name}: leave it out, or "
            "compare numbers alone by `tfgate upgrade --numerics-only`"
        )
    model = model_request(options, QUICK_CONFIGS if options.quick else GATE_CONFIGS)
    output = resumed_folder(options, "gate", *REPORTS)
    return Request(
        model=model,
        sides=as_begun(options, sides_request(options, gpu=model.gpu), output, *REPORTS),
        launches=options.launches,
        speed=not (options.no_speed or options.quick),
        full=options.full,
        gate_stored=options.gate_stored,
        budget_minutes=options.budget,
        output=output,
        resume=options.resume,
        telling=telling(options),
        command_line=options.command_line,
    )


def run(asked: Request) -> int:
    """Returns the verdict's exit code. What can't be used is said before anything is measured.

    Raises CorpusError, RequestError, BuildError, FormatError, MarginsError, OSError.
    """
    standards = read_folder(asked.telling.baselines)
    planned = asked.model.plans()
    with timing(timed=asked.speed) as disturbed:
        # Not sooner: the job that was waited for may have been the same command, whose report is read.
        report = _Measuring(asked, planned, standards).report(disturbed)
    say(f"report kept in {asked.output}")
    return judge_and_print(asked.telling, {str(asked.output): report}, standards)


class _Measuring:
    """Measures a gate: its report is kept on disk once what is measured is there, and after each launch."""

    def __init__(self, asked: Request, planned: Sequence[Plan], standards: Standards) -> None:
        self._asked, self._planned, self._standards = asked, planned, standards
        # The reference's steps of one configuration tell nothing of another's.
        self._patience = {plan.name: Patience() for plan in planned}
        self._path = asked.output / GATE_FILE
        self._at_hand: dict[str, float] = {}  # the phase: the moment at which it would have begun without interruptions
        stored = begun(GateRun, self._path, asked.command_line, planned) if asked.resume else None
        candidate = asked.sides.one(asked.sides.candidate)
        self._keep_file = keeper(self._path, begun=stored is not None)
        if stored:
            require_same(self._path, stored.candidate, candidate)
            self._gate = dataclasses.replace(stored, candidate=candidate)  # which may lie elsewhere now
            return
        created, command = now(), tuple(asked.command_line)
        numbers = Run(SCHEMA, created, command, (), (), "the numbers were not measured")
        self._gate = GateRun(SCHEMA, created, command, candidate, numbers, (), gate_stored=asked.gate_stored)

    def report(self, disturbed: Sequence[str]) -> GateRun:
        """Returns the report of everything that is asked for."""
        candidate = self._gate.candidate
        reference = self._reference() if self._asked.speed else None
        if reference:
            sides = {REFERENCE: reference, CANDIDATE: candidate}
            self._warn(*side_warnings(sides), *disturbed)
            for number, plan in enumerate(_timed(self._planned, full=self._asked.full)):
                self._measure_speed(plan, number, sides)
            self._keep(speed_problem="")  # not sooner: what an earlier command measured, numbers alone, would pass
        else:
            self._warn(*old_nightlies({CANDIDATE: candidate}))
        if any(failed_for_good(run.pairs) and not reference_failure(run.pairs) for run in self._gate.speed):
            self._warn("the candidate failed in its launches in turn with the reference: no numbers were measured")
        else:
            self._measure_numbers(reference)
        return self._gate

    def _keep(self, **changes: object) -> None:
        """Replaces fields of the report, and the file, which has the time of the phase at hand so far."""
        taken = {name: round(time.monotonic() - began, 1) for name, began in self._at_hand.items()}
        changes["phase_seconds"] = {**self._gate.phase_seconds, **taken}
        self._gate = dataclasses.replace(self._gate, **changes)  # type: ignore[arg-type]  # the fields' own types
        self._keep_file(self._gate)

    def _warn(self, *lines: str) -> None:
        """Adds warnings that are not there yet."""
        self._keep(warnings=tuple(dict.fromkeys((*self._gate.warnings, *lines))))

    @contextlib.contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        """Notes how long the block took, and took before an interruption."""
        started = time.monotonic()
        self._at_hand = {name: started - self._gate.phase_seconds.get(name, 0.0)}
        yield
        say(f"{name}: {time.monotonic() - started:.0f} s")
        self._keep()
        self._at_hand = {}

    def _reference(self) -> Side | None:
        """Returns the reference; None where the pinned one can't be had, which the report says."""
        with self._phase("reference environment"):
            reference, why = self._asked.sides.reference_or_why()
            if reference:
                for run in self._gate.speed:
                    require_same(self._path, run.reference, reference)
            else:
                mend = "name another by --from"
                if not any(map(is_path, self._asked.model.workloads)):
                    mend += ", or leave speed out by --no-speed"
                self._keep(speed_problem=f"the reference environment can't be built ({why}): {mend}")
                say(f"warning: {self._gate.speed_problem}")
        return reference

    def _measure_speed(self, plan: Plan, number: int, sides: Mapping[str, Side]) -> None:
        """Measures a plan's launches in turn with the reference, until the judge has seen enough.

        `number` is the plan's among those whose speed is measured, from 0, as its run is among the report's.
        """
        stored = self._gate.speed[number : number + 1]

        def keep(run: PairedRun) -> None:
            self._keep(speed=(*self._gate.speed[:number], run, *self._gate.speed[number + 1 :]))

        standards = self._standards
        plans, unpinned = pair_plans(plan, gating(plan, standards.margins))
        for run in stored:
            require_same_launches(self._path, run, plans)
        request = PairedRequest(
            sides,
            self._asked.command_line,
            pair_plans=plans,
            warnings=(*unpinned, *(line for run in stored for line in other_cpus(run))),
            budget_minutes=self._asked.budget_minutes,
            begun=stored[0] if stored else None,
            created=self._gate.created,
        )
        with self._phase(f"speed of {plan.name}"):
            measured_until_decided(
                request, keep, lambda run: gate_samples(run, standards), standards.ledger, self._patience[plan.name]
            )

    def _measure_numbers(self, reference: Side | None) -> None:
        """Checks every plan against the oracle and trains it for its perplexity, untimed, side by side.

        Launches that an earlier command measured without a reference are measured again where there is one.
        """
        begun = self._gate.numbers
        if reference:
            records = [one for one in begun.records if NO_REFERENCE not in {each.why for each in one.unchecked}]
            begun = dataclasses.replace(begun, records=tuple(records))
        untimed = [
            dataclasses.replace(plan, speed=False, definer=reference if plan.own else None) for plan in self._planned
        ]
        with self._phase("numbers"), RunProgress(untimed, self._asked.launches) as progress:
            request = RunRequest(
                untimed,
                self._asked.launches,
                self._gate.candidate,
                self._asked.command_line,
                side_by_side=cores_at_once(),
                room=room_for(untimed),
                begun=begun if begun.records else None,
            )
            measure_run(request, lambda run: self._keep(numbers=run), progress, self._patience)


def _timed(planned: Sequence[Plan], *, full: bool) -> list[Plan]:
    """Returns the plans whose speed is measured: all, or of each workload `notebook`'s, or else its first."""
    if full:
        return list(planned)
    workloads = dict.fromkeys(plan.workload for plan in planned)
    groups = [[plan for plan in planned if plan.workload == name] for name in workloads]
    return [next((plan for plan in group if plan.config == TIMED_CONFIG), group[0]) for group in groups]
