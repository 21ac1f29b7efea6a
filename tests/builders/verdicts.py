"""Verdicts made directly of comparisons, and gates, upgrades and runs with the judge's, for the tests of reports."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

from bench.judge.gate import Standards, judge_gate, judge_run
from bench.judge.metrics import LOCKSTEP, PERPLEXITY, REPLICATES, STEP_TIME
from bench.judge.notices import Told
from bench.judge.paired import judge_paired
from bench.judge.reasons import Decided, LockstepAgrees, Reason
from bench.judge.types import Comparison, Direction, Estimator, Metric, Question, Scope, Unit, Verdict
from bench.record.gate import GateRun
from bench.record.ledger import Entry, Ledger
from bench.record.lockstep import Departure, Difference, Lockstep, TensorDifferences
from bench.record.paired import ABBA, BAAB, CANDIDATE, REFERENCE, Package, Pair, PairedRun, Quad, Side
from bench.record.types import SCHEMA, Baseline, Failure, Record, Run
from bench.report.judged import Judged
from bench.stats.intervals import decide_once, interval
from bench.stats.outcome import Outcome
from bench.stats.power import precision_of_interval
from tests.builders import paired
from tests.builders.paired import CREATED
from tests.builders.records import (
    GATE_MARGINS,
    SUBJECT,
    THROUGHPUT,
    TINY,
    baseline,
    environment,
    record,
    records,
    run,
    throughput,
)

OLD, NEW = "2.20.0", "2.21.0"
DIGEST = "sha256:" + "ab" * 32
LOAD = "background load of 3.00 processes"
# Clears a terminal, sets its title, fakes a line, turns text round; HTML, Markdown and paths that would do something if
# they could.
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\r\nPASS: all is well\u202e</title></style><script>window.owned = 1</script>"
    "<img src=x onerror=owned()>'\"&amp;{{ 7 * 7 }}../../etc/passwd | # 1. [link](http://owned.example) "
    "![i](http://owned.example/i.png) `code` **bold** @everyone #1 www.owned.example ]]>"
)

STEP = Metric(STEP_TIME, Unit.SECONDS_PER_STEP, Direction.LOWER, Estimator.TRIMMED_QUADS)


def metric(name: str, margin: float | None = 0.05, *, gates: bool = True) -> Metric:
    """A time a step with a margin, a fraction; perplexity under its own name."""
    of = REPLICATES if name == PERPLEXITY else dataclasses.replace(STEP, name=name)
    return dataclasses.replace(of, margin=None if margin is None else math.log1p(margin), gates=gates)


def comparison(
    name: str,
    estimate: float,
    standard_error: float,
    margin: float = 0.05,
    *,
    subject: str = SUBJECT.name,
    gates: bool = True,
    reason: Reason | None = None,
) -> Comparison:
    """Judged as launches are, with 3 degrees of freedom; the reference's step takes 100 ms, its perplexity is e⁵."""
    judged, found, limit = metric(name, margin, gates=gates), interval(estimate, standard_error, 3), math.log1p(margin)
    equal = judged.direction is Direction.EQUAL
    reference = math.exp(5.0) if equal else 0.1
    outcome = decide_once(found, limit, two_sided=equal)
    return Comparison(
        subject,
        judged,
        outcome if gates else Outcome.NOT_GATED,
        reason or Decided(4),
        reference * math.exp(estimate),
        reference,
        found,
        precision_of_interval(found, limit, 2 * standard_error, 4),
        not equal and found.high < -limit,
    )


EXACT = Comparison(SUBJECT.name, LOCKSTEP, Outcome.PASS, LockstepAgrees(3, 2, "gradient of embedding", 2), 3e-7, 4e-6)


def verdict(
    comparisons: Sequence[Comparison],
    question: Question = Question.UPGRADE,
    scope: Scope = Scope.ALL,
    *,
    warnings: Iterable[Reason] = (),
    failures: Iterable[Reason] = (),
) -> Verdict:
    return Verdict(question, tuple(comparisons), tuple(warnings), tuple(failures), scope)


def upgrade_verdict(slowdown: float = 1.0, standard_error: float = 0.005, warnings: Sequence[str] = ()) -> Verdict:
    """Exact lockstep, perplexity far within 1%, and the step time that is asked for against 5%."""
    found = (
        EXACT,
        comparison(PERPLEXITY, 0.0004, 0.001, 0.01),
        comparison(STEP_TIME, math.log(slowdown), standard_error, 0.05),
    )
    return verdict(found, warnings=map(Told, warnings))


def upgrade(slowdown: float = 1.0, standard_error: float = 0.005, warnings: Sequence[str] = ()) -> Judged:
    return Judged(paired_run(slowdown, warnings=warnings), upgrade_verdict(slowdown, standard_error, warnings))


def quad(number: int, slowdown: float) -> Quad:
    """A reference's block takes 100 ms a step."""
    order = BAAB if number % 2 else ABBA
    seconds = tuple(0.1 * (slowdown if role == "B" else 1.0) for role in order)
    return Quad(order, seconds, seconds)


def side(version: str) -> Side:
    packages = (
        Package("absl-py", "2.5.1", (DIGEST,)),
        Package("six", "1.17.0" if version == NEW else "1.16.0", (DIGEST,)),
    )
    return Side(version, f"/envs/{version}/bin/python", {}, "2026-01-01T00:00:00Z", packages)


def pair(launch: int, slowdown: float) -> Pair:
    old, new = (
        dataclasses.replace(record(step_seconds=seconds, launch=launch + 1, tensorflow=version), launch=launch)
        for version, seconds in ((OLD, 0.1), (NEW, 0.1 * slowdown))
    )
    quads = tuple(quad(number, slowdown * (1 + 0.001 * launch)) for number in range(4))
    return Pair(launch, CANDIDATE if launch % 2 else REFERENCE, old, new, quads, (), 30.0, 0.01)


def lockstep(departs: bool = False) -> Lockstep:
    """Three steps, of which the last departs if asked to."""
    first = Difference(2, "gradient", "embedding", 1e-2, 4e-6)
    return Lockstep(
        subject=dataclasses.replace(SUBJECT, steps=3),
        reference=environment(OLD),
        candidate=environment(NEW),
        candidate_fingerprint=SUBJECT.fingerprint,
        losses=(50.0, 49.0, 48.0),
        differences=(
            TensorDifferences("loss", "", (0.0, 1e-8, 2e-8)),
            TensorDifferences("gradient", "embedding", (1e-7, 2e-7, 1e-2 if departs else 3e-7)),
        ),
        nearest=first if departs else Difference(2, "gradient", "embedding", 3e-7, 4e-6),
        departure=Departure(first, 0, 1e-7, 1e-2) if departs else None,
        oracle_steps=0,
        reference_seconds=0.3,
        candidate_seconds=0.3,
        wall_seconds=1.5,
    )


def paired_run(slowdown: float = 1.0, launches: int = 10, warnings: Sequence[str] = ()) -> PairedRun:
    pairs = tuple(pair(launch, slowdown) for launch in range(launches))
    oracle: tuple[Record, ...] = (record(tensorflow=OLD), record(tensorflow=NEW))
    command = ("tfgate", "upgrade", "--from", OLD, "--to", NEW)
    return PairedRun(SCHEMA, CREATED, command, side(OLD), side(NEW), pairs, oracle, lockstep(), tuple(warnings))


# What gates are judged by: the reference, which runs OLD, is the ledger's first entry.
REFERENCE_IDENTITY = side(OLD).identity
FIRST_ENTRY = Entry(
    "2025-12-01T00:00:00+00:00", OLD, REFERENCE_IDENTITY, REFERENCE_IDENTITY, "", "", "the first reference", ()
)
IN_TURN = throughput([2985, 3012], 3, in_turn=True)  # the samples' steps take 100 ms for 300 words
BASELINES = {each.subject.name: each for each in (baseline(subject=TINY), baseline(stored=(*THROUGHPUT, IN_TURN)))}
STANDARDS = Standards(BASELINES, GATE_MARGINS, Ledger(SCHEMA, (FIRST_ENTRY,)))


def numbers_run() -> Run:
    """The untimed launches of a gate: tiny's and notebook's."""
    return run([dataclasses.replace(each, step_seconds=()) for each in (*records(subject=TINY), *records())])


def gate_run(slowdown: float = 1.0, *, speed: bool = True, launches: int = 10) -> GateRun:
    """Numbers of tiny and notebook, and, if wanted, notebook's speed in turn with the reference."""
    step = math.log(slowdown)
    pairs = [paired.pair(launch, step=step, evaluation=step) for launch in range(launches)]
    candidate = Side("/venv/bin/python", "/venv/bin/python", {}, packages=side(NEW).packages)
    reference = dataclasses.replace(side(OLD), requested=REFERENCE)
    speed_run = paired.paired_run(pairs, reference=reference, candidate=candidate)
    command = ("tfgate", "gate", "--to", candidate.requested, *([] if speed else ["--no-speed"]))
    seconds = {"numbers": 12.0}
    return GateRun(
        SCHEMA, CREATED, command, candidate, numbers_run(), (speed_run,) if speed else (), phase_seconds=seconds
    )


def judged_gate(measured: GateRun, standards: Standards = STANDARDS) -> Judged:
    verdict = judge_gate(measured, standards)
    return Judged(measured, verdict, standards.baselines, standards.margins.window_start)


def gate(slowdown: float = 1.0, *, speed: bool = True) -> Judged:
    return judged_gate(gate_run(slowdown, speed=speed))


def judged_run(of: Run, *baselines: Baseline) -> Judged:
    """A run of one environment by these baselines."""
    standards = Standards({each.subject.name: each for each in baselines}, GATE_MARGINS, Ledger(SCHEMA, ()))
    return Judged(of, judge_run(of, standards), standards.baselines, standards.margins.window_start)


def stored() -> Judged:
    """A run of one environment with its baseline."""
    return judged_run(run(records()), baseline())


def failed() -> Judged:
    """The same, whose last launch crashed."""
    crashed = record(launch=3, failure=Failure("crashed", "killed by SIGKILL", "no more memory"))
    return judged_run(run([*records()[:3], crashed], warnings=[LOAD]), baseline())


def hostile_run() -> Judged:
    """Every text of a run, a verdict and a baseline is hostile."""
    subject = dataclasses.replace(SUBJECT, config=HOSTILE, corpus=HOSTILE)
    crashed = record(subject=subject, tensorflow=HOSTILE, failure=Failure("crashed", HOSTILE))
    spoilt = [dataclasses.replace(each, subject=subject, started=HOSTILE) for each in records(tensorflow=HOSTILE)]
    measured = dataclasses.replace(run([*spoilt, crashed], HOSTILE, [HOSTILE]), command=("tfgate", HOSTILE))
    wild = dataclasses.replace(comparison(HOSTILE, 0.2, 0.005), subject=subject.name)
    unmeasured = Comparison(subject.name, metric(HOSTILE), Outcome.REGRESSION, Told(HOSTILE))
    found = verdict((EXACT, wild, unmeasured), warnings=[Told(HOSTILE)], failures=[Told(HOSTILE)])
    of = dataclasses.replace(baseline(reason=HOSTILE), subject=subject, created=HOSTILE)
    return Judged(measured, found, {subject.name: of})


def hostile_paired_run() -> PairedRun:
    """Every text of a paired run is hostile: requests, findings, and the names in a lockstep comparison."""
    package = Package(HOSTILE, HOSTILE, (HOSTILE,))
    wild = Side(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, HOSTILE, (package,))
    launched = record(tensorflow=HOSTILE, failure=Failure("crashed", HOSTILE))
    compared = dataclasses.replace(
        lockstep(),
        reference=environment(HOSTILE),
        candidate=environment(HOSTILE),
        differences=(TensorDifferences("gradient", HOSTILE, (1e-7, 1e-2)),),
        departure=Departure(Difference(2, "gradient", HOSTILE, 1e-2, 4e-6), 0, 1e-7, 1e-2),
    )
    mild = paired_run()
    pairs = tuple(dataclasses.replace(pair(launch, 1.2), candidate=launched) for launch in range(4))
    return dataclasses.replace(
        mild,
        created=HOSTILE,
        command=(HOSTILE,),
        candidate=wild,
        pairs=(*mild.pairs, *pairs),
        lockstep=compared,
        warnings=(HOSTILE,),
    )


def hostile_upgrade() -> Judged:
    return Judged(hostile_paired_run(), judge_paired(hostile_paired_run(), GATE_MARGINS))


def hostile_gate() -> Judged:
    """The same of a gate: its numbers, its speed, and why there is none of something else."""
    wild = dataclasses.replace(
        gate_run(),
        created=HOSTILE,
        command=(HOSTILE,),
        candidate=hostile_paired_run().candidate,
        speed=(hostile_paired_run(),),
        speed_problem=HOSTILE,
        warnings=(HOSTILE,),
        phase_seconds={HOSTILE: 1.0},
    )
    return judged_gate(wild)


HOSTILE_REPORTS = (hostile_run, hostile_upgrade, hostile_gate)
