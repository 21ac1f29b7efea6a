"""A gate, a paired run, a lockstep comparison and verdicts made of numbers, for the tests of reports."""

import dataclasses
import math
from collections.abc import Sequence

from bench.judge.gate import Standards, judge_gate, judge_run
from bench.judge.types import Comparison, Verdict, overall, percent
from bench.record.gate import GateRun
from bench.record.ledger import Entry, Ledger
from bench.record.lockstep import Departure, Difference, Lockstep
from bench.record.paired import ABBA, BAAB, CANDIDATE, REFERENCE, Package, Pair, PairedRun, Quad, Side
from bench.record.types import SCHEMA, Baseline, Failure, Record, Run
from bench.report.judged import Judged
from bench.stats.intervals import detectable, interval
from bench.stats.outcome import Outcome
from tests.bench import paired_samples
from tests.bench.samples import (
    MARGINS,
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
# Clears a terminal, sets its title, fakes a line, turns text round; HTML, Markdown and paths that would do something if they could.
HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\r\nPASS: all is well\u202e</title></style><script>window.owned = 1</script><img src=x onerror=owned()>"
    "'\"&amp;{{ 7 * 7 }}../../etc/passwd | # 1. [link](http://owned.example) ![i](http://owned.example/i.png) `code` **bold** "
    "@everyone #1 www.owned.example ]]>"
)


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
        dataclasses.replace(record(launch=launch + 1, tensorflow=version), launch=launch) for version in (OLD, NEW)
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
        differences={"loss": (0.0, 1e-8, 2e-8), "gradient of embedding": (1e-7, 2e-7, 1e-2 if departs else 3e-7)},
        nearest=first if departs else Difference(2, "gradient", "embedding", 3e-7, 4e-6),
        departure=Departure(first, 0, 1e-7, 1e-2) if departs else None,
        oracle_steps=0,
        reference_seconds=0.3,
        candidate_seconds=0.3,
        wall_seconds=1.5,
    )


def paired_run(slowdown: float = 1.0, launches: int = 4, warnings: Sequence[str] = ()) -> PairedRun:
    pairs = tuple(pair(launch, slowdown) for launch in range(launches))
    oracle: tuple[Record, ...] = (record(tensorflow=OLD), record(tensorflow=NEW))
    command = ("tfgate", "upgrade", "--from", OLD, "--to", NEW)
    return PairedRun(
        SCHEMA, "2026-01-02T03:04:05+00:00", command, side(OLD), side(NEW), pairs, oracle, lockstep(), tuple(warnings)
    )


def comparison(
    metric: str, estimate: float, standard_error: float, margin: float, values: tuple[str, str] = ("–", "–")
) -> Comparison:
    """Judged as a paired comparison is, with 3 degrees of freedom: above the margin, below it, or neither."""
    found, limit = interval(estimate, standard_error, 3), math.log1p(margin)
    outcome = (
        Outcome.REGRESSION if found.low > limit else Outcome.PASS if found.pass_high < limit else Outcome.CANNOT_JUDGE
    )
    note = f"{percent(estimate)} where {percent(limit)} is allowed"
    return Comparison(
        SUBJECT.name, metric, outcome, *values, note, found, limit, detectable(found, limit), found.high < -limit
    )


def hostile_paired_run() -> PairedRun:
    """Every text of a paired run is hostile: what was asked for, what was found, and what a lockstep comparison names."""
    package = Package(HOSTILE, HOSTILE, (HOSTILE,))
    wild = Side(HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, HOSTILE, (package,))
    launched = record(tensorflow=HOSTILE, failure=Failure("crashed", HOSTILE))
    first = Difference(2, "gradient", HOSTILE, 1e-2, 4e-6)
    compared = dataclasses.replace(
        lockstep(),
        reference=environment(HOSTILE),
        candidate=environment(HOSTILE),
        differences={f"gradient of {HOSTILE}": (1e-7, 1e-2)},
        departure=Departure(first, 0, 1e-7, 1e-2),
    )
    pairs = tuple(dataclasses.replace(pair(launch, 1.2), candidate=launched) for launch in range(4))
    mild = paired_run()
    return dataclasses.replace(
        mild, created=HOSTILE, command=(HOSTILE,), reference=mild.reference, candidate=wild, pairs=(*mild.pairs, *pairs), lockstep=compared,
        warnings=(HOSTILE,),
    )  # fmt: skip


EXACT = Comparison(SUBJECT.name, "lockstep", Outcome.PASS, "3.0e-07", "≤ 4.0e-06", "3 steps × 2 tensors agree")


def verdict(slowdown: float = 1.0, standard_error: float = 0.005, warnings: Sequence[str] = ()) -> Verdict:
    """Exact lockstep, perplexity far within 1%, and the step time that is asked for against 5%."""
    found = (
        EXACT,
        comparison("perplexity", 0.0004, 0.001, 0.01, ("148.49", "148.43")),
        comparison("step time", math.log(slowdown), standard_error, 0.05, (f"{100 * slowdown:.2f} ms", "100.00 ms")),
    )
    return Verdict(overall(found), found, tuple(warnings))


def upgrade(slowdown: float = 1.0, standard_error: float = 0.005, warnings: Sequence[str] = ()) -> Judged:
    return Judged(paired_run(slowdown, warnings=warnings), verdict(slowdown, standard_error, warnings))


# What gates are judged by: the reference, which runs OLD, is the ledger's first entry.
GATE_MARGINS = dataclasses.replace(
    MARGINS,
    paired={"step_time": 0.05, "mean_step": 0.25, "evaluation_step": 0.10, "peak_memory": 0.10},
    budget={"step_time": 0.10},
)
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


def gate_run(slowdown: float = 1.0, *, speed: bool = True, launches: int = 4) -> GateRun:
    """Numbers of tiny and notebook, and, if wanted, notebook's speed in turn with the reference."""
    pairs = [
        paired_samples.pair(launch, step=math.log(slowdown), evaluation=math.log(slowdown))
        for launch in range(launches)
    ]
    candidate = Side("/venv/bin/python", "/venv/bin/python", {}, packages=side(NEW).packages)
    reference = dataclasses.replace(side(OLD), requested=REFERENCE)
    paired = dataclasses.replace(paired_samples.paired_run(pairs), reference=reference, candidate=candidate)
    command = ("tfgate", "gate", "--python", candidate.requested, *([] if speed else ["--no-speed"]))
    created = "2026-01-02T03:04:05+00:00"
    return GateRun(
        SCHEMA, created, command, candidate, numbers_run(), (paired,) if speed else (), phase_seconds={"numbers": 12.0}
    )


def gate(slowdown: float = 1.0, *, speed: bool = True, standards: Standards = STANDARDS) -> Judged:
    measured = gate_run(slowdown, speed=speed)
    return Judged(measured, judge_gate(measured, standards), standards.baselines, standards.margins.window_start)


def judged_run(of: Run, *baselines: Baseline) -> Judged:
    """A run of one environment by these baselines."""
    standards = Standards({each.subject.name: each for each in baselines}, GATE_MARGINS, Ledger(SCHEMA, ()))
    return Judged(of, judge_run(of, standards), standards.baselines, standards.margins.window_start)


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
    return Judged(wild, judge_gate(wild, STANDARDS), BASELINES, GATE_MARGINS.window_start)
