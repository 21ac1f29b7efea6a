"""One fault, or none, in a real launch, and which of the gate's checks caught it where and when."""

import dataclasses
import time
from pathlib import Path

from bench.drive.launch import Launch, measure_launch
from bench.drive.lockstep import run_lockstep
from bench.drive.plan import Plan
from bench.judge.gate import Standards, judge_run
from bench.judge.metrics import PERPLEXITY
from bench.record.lockstep import Lockstep, tensor_name
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import DIVERGED, REPEAT, SCHEMA, STRESS, Record, Run
from bench.report.sentences import why
from bench.stats.outcome import Outcome
from lm.config import LAUNCH_PLANS
from tests.faults.hook.injected.registry import fault_by_name
from tests.faults.native.library import built

HOOK = Path(__file__).resolve().parent / "hook"
STEPS = LAUNCH_PLANS["tiny"].steps
PLAN = Plan("tiny", STEPS, speed=False)
LOCKSTEP_PLAN = dataclasses.replace(PLAN, steps=300, threads=1)  # as `upgrade` compares
# One of each kind that slipped through until a check was made for it: commands must fail for them, too.
SUBTLE = (
    "recurrent-update-lost-every-997th-step",
    "gradient-wrong-every-1000th-step",
    "weight-nudged-every-500th-step",
    "sigmoid-saturates-at-8",
    "gradients-flushed-below-1e-12",
    "kernel-gradients-in-random-order",
    "update-late-unless-read",
    "product-rarely-in-bfloat16",
    "activations-coarse-numpy-coarser",
)
ORACLE, EVALUATION, TRAINING, LOCKSTEP = "oracle", "evaluation", "training", "lockstep"


class BrokenFaultError(RuntimeError):
    """A fault whose launch broke down instead of being wrong: it shows nothing."""


@dataclasses.dataclass(frozen=True)
class Catch:
    """One check's first alarm."""

    check: str  # oracle, evaluation, training (it diverged), perplexity or lockstep
    where: str  # "step 5: update of embedding"
    seconds: float  # from the start of the process to the reply that held the alarm


@dataclasses.dataclass(frozen=True)
class Trial:
    """A launch with a fault."""

    record: Record
    progress: tuple[tuple[int, float], ...]  # (steps done, seconds since the start) after each block
    seconds: float

    def seconds_at(self, step: int) -> float:
        """Returns when the reply that holds a step came; the end of the launch where none did."""
        return next((seconds for done, seconds in self.progress if done > step), self.seconds)


def fault_variables(fault: str, python: str = "") -> dict[str, str]:
    """Returns the environment variables that inject a fault in a worker of that interpreter.

    It matters for faults below Python alone. Raises ValueError for an unknown fault, NoCompilerError.
    """
    known = fault_by_name(fault)
    library = {known.library[1]: str(built(known.library[0], python))} if known.library else {}
    return {"PYTHONPATH": str(HOOK), "TFGATE_FAULT": known.name, **library}


def both_sides(fault: str, python: str) -> dict[str, Side]:
    """Returns that interpreter as both sides of a comparison, with the fault in the candidate."""
    return {REFERENCE: Side(python, python, {}), CANDIDATE: Side(python, python, fault_variables(fault, python))}


def sides_of(fault: str, python: str) -> list[str]:
    """Returns the options of `upgrade` for that interpreter on both sides, with the fault in the candidate."""
    variables = fault_variables(fault, python)
    more = [option for name, value in variables.items() for option in ("--to-env", f"{name}={value}")]
    return ["--from", python, "--from-env", f"PYTHONPATH={HOOK}", "--to", python, *more]


def run_fault(fault: str, python: str, plan: Plan = PLAN) -> Trial:
    """Returns the launch that a gate compares with the oracle, with the fault and the threads that it needs.

    Raises BrokenFaultError, and ValueError for an unknown fault.
    """
    plan = dataclasses.replace(plan, threads=fault_by_name(fault).threads or plan.threads)
    started = time.monotonic()
    progress: list[tuple[int, float]] = []
    record = measure_launch(
        plan,
        Launch(number=0, numerics=True),
        Side(python, python, fault_variables(fault, python)),
        lambda steps: progress.append((steps, time.monotonic() - started)),
    )
    if record.failure and record.failure.kind != DIVERGED:
        raise BrokenFaultError(
            f"{fault}: the launch in {python} failed: {record.failure.message}; mend the fault's patch"
        )
    return Trial(record, tuple(progress), time.monotonic() - started)


def catches(trial: Trial, standards: Standards) -> list[Catch]:
    """Returns what `tfgate gate` has against the launch, the earliest alarm first; the judge itself decides."""
    record = trial.record
    found = []
    # Before the stress steps, which end with the launch as well.
    if record.evaluation and record.evaluation.weights_changed:
        found.append(Catch(EVALUATION, "weights changed", trial.seconds))
    over = [error for error in record.numerics if not error.error <= error.limit]
    if over:
        first = min(over, key=lambda error: (error.source == REPEAT, error.step))
        where = tensor_name(first.label, first.tensor)
        if first.source in (REPEAT, STRESS):
            found.append(Catch(ORACLE, where, trial.seconds))
        else:
            found.append(Catch(ORACLE, f"step {first.step}: {where}", trial.seconds_at(first.step)))
    if record.failure:
        found.append(Catch(TRAINING, record.failure.message, trial.seconds_at(len(record.losses) - 1)))
    for comparison in judge_run(Run(SCHEMA, record.started, (), (record,), ()), standards).comparisons:
        if comparison.metric.name == PERPLEXITY and comparison.outcome is Outcome.REGRESSION:
            found.append(Catch(PERPLEXITY, why(comparison), trial.seconds))
    return sorted(found, key=lambda catch: catch.seconds)


def lockstep_catch(fault: str, python: str, plan: Plan = LOCKSTEP_PLAN) -> Catch | None:
    """Returns what `tfgate lockstep` has against the fault, compared with the same environment without it."""
    started = time.monotonic()
    result: Lockstep = run_lockstep(plan, both_sides(fault, python))
    if result.failure:
        raise BrokenFaultError(
            f"{fault}: the candidate in {python} failed: {result.failure.message}; mend the fault's patch"
        )
    if not result.departure:
        return None
    first = result.departure.first
    return Catch(LOCKSTEP, f"step {first.step}: {first.name}", time.monotonic() - started)
