"""A whole gate: numbers by the baselines, speed beside the ledger's accepted ratio, the budget, and reports judged again."""

import dataclasses
import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.judge.gate import Standards, gate_metrics, judge_gate, judge_run
from bench.judge.in_turn import settled
from bench.judge.margins import Margins, read_margins
from bench.judge.types import Comparison, Scope, Verdict
from bench.record.codec import from_plain, parse, to_text
from bench.record.gate import GateRun
from bench.record.ledger import AcceptedRegression, Entry, Ledger, Ratio
from bench.record.paired import ABBA, CANDIDATE, REFERENCE, Pair, Quad
from bench.record.types import INCOMPLETE, SCHEMA, Baseline, Failure, Record, Run
from bench.report.text import verdict_json
from bench.stats.outcome import Outcome
from experiments.noise import read_noise
from tests.bench.paired_samples import CREATED, gate_run, pair, side_of, side_record
from tests.bench.samples import (
    BEYOND,
    MACHINE,
    MARGINS,
    OTHER_MACHINE,
    SPEEDS,
    SUBJECT,
    TINY,
    baseline,
    record,
    records,
    replica,
    run,
    throughput,
)

ROOT = Path(__file__).resolve().parents[3]
CRASH = Failure("crashed", "the worker was killed by SIGKILL during steps")
DIVERGED = Failure("diverged", "training diverged: the loss is nan at step 7")
NUMBERS = ["numerics", "retraces", "perplexity"]
STEP_TIME, SINCE = "step time", "step time since 2.19.1"
GATING: Margins = dataclasses.replace(
    MARGINS, paired={"step_time": 0.05, "mean_step": 0.25, "evaluation_step": 0.10, "peak_memory": 0.10}
)
REFERENCE_SIDE, CANDIDATE_SIDE = side_of("2.20.0"), side_of("2.21.0")


def standards(
    *entries: Entry, margins: Margins = GATING, regressions: tuple[AcceptedRegression, ...] = (), **baselines: Baseline
) -> Standards:
    """The sample baseline, or those that are named, and a ledger."""
    found = {each.subject.name: each for each in (baselines.values() or [baseline()])}
    return Standards(found, margins, Ledger(SCHEMA, entries, regressions))


def launches(count: int = 4, **effects: float) -> list[Pair]:
    return [pair(launch, **effects) for launch in range(count)]  # type: ignore[arg-type]  # never `failure`


def numbers_alone(of: Run, by: Standards | None = None) -> Verdict:
    return judge_gate(gate_run(numbers=of), by or standards())


def by_metric(verdict: Verdict) -> dict[str, Comparison]:
    return {comparison.metric: comparison for comparison in verdict.comparisons}


def regressed(verdict: Verdict) -> list[str]:
    return [comparison.metric for comparison in verdict.comparisons if comparison.outcome is Outcome.REGRESSION]


def accepted(
    ratio: float, tensorflow: str = "2.19.1", *, error: float = 0.002, machine: str = "", metric: str = STEP_TIME
) -> Entry:
    """A TensorFlow that was accepted, `ratio` times the reference."""
    entered = Ratio(SUBJECT.name, metric, math.log(ratio), error, 6)
    identities = side_of(tensorflow).identity, REFERENCE_SIDE.identity
    return Entry(
        f"{CREATED}, {tensorflow}", tensorflow, *identities, machine or MACHINE.fingerprint(), "", "why", (entered,)
    )


# All of it


def test_nothing_changed_passes_in_every_metric() -> None:
    verdict = judge_gate(gate_run(launches()), standards())
    assert (verdict.outcome, verdict.exit_code, verdict.warnings, verdict.failures) == (Outcome.PASS, 0, (), ())
    assert verdict.scope is Scope.ALL
    passed = [comparison.metric for comparison in verdict.comparisons if comparison.outcome is Outcome.PASS]
    assert passed == [*NUMBERS, STEP_TIME, "mean step", "evaluation step", "peak memory", "memory growth"]
    assert set(by_metric(verdict)) - set(passed) == {
        "cpu time",
        "import",
        "build",
        "trace",
        "first step",
        "graph operations",
        "words/s",
    }


@pytest.mark.parametrize(
    ("effect", "size", "metric"),
    [
        ("step", 0.10, STEP_TIME),
        ("evaluation", 0.20, "evaluation step"),
        ("memory", 0.20, "peak memory"),
        ("growth", 1e6, "memory growth"),
    ],
)
def test_one_regression_of_speed_makes_the_verdict_and_is_named(effect: str, size: float, metric: str) -> None:
    verdict = judge_gate(gate_run(launches(4, **{effect: size})), standards())
    assert (verdict.outcome, verdict.exit_code, regressed(verdict)) == (Outcome.REGRESSION, 1, [metric])


@pytest.mark.parametrize(
    ("changed", "metric"),
    [
        (records([5.05, 5.05, 5.05, 5.05]), "perplexity"),
        ([record(numerics=[BEYOND]), *records()[1:]], "numerics"),
        ([dataclasses.replace(one, retraces=3) for one in records()], "retraces"),
    ],
)
def test_one_regression_of_numbers_makes_the_verdict_and_the_rest_is_reported(
    changed: tuple[Record, ...], metric: str
) -> None:
    verdict = judge_gate(gate_run(launches(), run(changed)), standards())
    assert (verdict.outcome, verdict.exit_code, regressed(verdict)) == (Outcome.REGRESSION, 1, [metric])
    assert {*NUMBERS, STEP_TIME} <= set(by_metric(verdict))


def test_launches_in_turn_do_not_judge_perplexity_but_the_replicas_do() -> None:
    """Theirs is off by 5%, as it would be of a reference that is: the gate's own launches are compared with the stored ones."""
    verdict = judge_gate(gate_run(launches(perplexity=0.05)), standards())
    assert [comparison.metric for comparison in verdict.comparisons].count("perplexity") == 1
    assert verdict.outcome is Outcome.PASS


# The ledger


@pytest.mark.parametrize(
    ("entries", "outcome"),
    [
        ((), Outcome.REGRESSION),  # beside the reference itself
        ((accepted(1.0),), Outcome.REGRESSION),
        ((accepted(1.08),), Outcome.PASS),
        ((accepted(1.0), accepted(1.08, "2.20.1")), Outcome.PASS),  # the last counts
        ((accepted(1.08, metric="mean step"),), Outcome.REGRESSION),
    ],
)
def test_a_candidate_8_percent_slower_is_held_against_what_was_accepted_last(
    entries: tuple[Entry, ...], outcome: Outcome
) -> None:
    found = by_metric(judge_gate(gate_run(launches(step=math.log(1.08))), standards(*entries)))[STEP_TIME]
    assert found.outcome is outcome
    assert ("beside the accepted ratio to the reference of +8.0%" in found.note) is (outcome is Outcome.PASS)


def test_the_ratio_is_rebased_where_the_reference_moved() -> None:
    """2.19.1 was accepted as 1.10 × 2.18.1, then 2.20.0, 1.10/1.08 × 2.18.1, became the reference: 2.19.1 is 1.08 × it."""
    old = side_of("2.18.1").identity
    was = dataclasses.replace(accepted(1.10), reference=old)
    move = dataclasses.replace(
        accepted(1.10 / 1.08, "2.20.0"), reference=old, environment=REFERENCE_SIDE.identity, becomes_reference=True
    )
    again = dataclasses.replace(accepted(1.08, "2.20.1"))
    candidate = gate_run(launches(step=math.log(1.08)))
    by = standards(was, move, margins=budget(0.03))
    verdict = by_metric(judge_gate(candidate, by))
    assert verdict[STEP_TIME].outcome is Outcome.REGRESSION  # the reference itself was accepted last: 8% are left
    assert verdict[SINCE].outcome is Outcome.PASS  # and none since 2.19.1
    assert verdict[SINCE].reference == "× 1.080"
    assert by_metric(judge_gate(candidate, standards(was, move, again)))[STEP_TIME].outcome is Outcome.PASS


def test_a_reference_that_the_ledger_does_not_know_leaves_it_out() -> None:
    """`--reference` named another: what was accepted beside the pinned one says nothing of it."""
    other = gate_run(launches(step=math.log(1.08)), reference=side_of("2.17.1"))
    by = standards(accepted(1.08), margins=budget(0.10))
    verdict = by_metric(judge_gate(other, by))
    assert (verdict[STEP_TIME].outcome, SINCE in verdict) == (Outcome.REGRESSION, False)
    assert "accepted" not in verdict[STEP_TIME].note
    entered = gate_run(launches(), reference=side_of("2.19.1"))  # it has an entry, and nothing was measured against it
    assert SINCE not in by_metric(judge_gate(entered, by))


# The budget since the ledger's first entry


def budget(step_time: float, between_hosts: float = 0.03) -> Margins:
    return dataclasses.replace(GATING, budget={"step_time": step_time}, between_hosts=between_hosts)


@pytest.mark.parametrize(
    ("slower", "outcome", "said"),
    [
        (1.08, Outcome.PASS, ": +10.0% is ruled out"),
        (1.10, Outcome.CANNOT_JUDGE, ": +10.0% can't be excluded"),
        (1.12, Outcome.REGRESSION, ", certainly more than +10.0%"),
    ],
)
def test_small_losses_must_not_add_up_beyond_the_budget(slower: float, outcome: Outcome, said: str) -> None:
    """The first entry stood at the reference; the last, 8% slower, was accepted, so that the step time alone passes."""
    by = standards(accepted(1.0), accepted(1.08, "2.20.1"), margins=budget(0.10))
    verdict = judge_gate(gate_run(launches(step=math.log(slower))), by)
    found = by_metric(verdict)
    assert (found[STEP_TIME].outcome, found[SINCE].outcome, verdict.outcome) == (Outcome.PASS, outcome, outcome)
    assert said in found[SINCE].note
    assert "other hosts" not in found[SINCE].note
    since, own = found[SINCE].interval, found[STEP_TIME].interval
    assert since is not None
    assert own is not None
    # log(candidate/reference) − log(first/reference), and the variances of both add up; the noise of four launches is 0.0005.
    assert since.estimate == pytest.approx(math.log(slower) + 0.0005)
    assert since.standard_error == pytest.approx(math.hypot(own.standard_error, 0.002))


def test_a_first_entry_that_was_slower_leaves_room() -> None:
    by = standards(accepted(1.05), accepted(1.08, "2.20.1"), margins=budget(0.10))
    found = by_metric(judge_gate(gate_run(launches(step=math.log(1.12))), by))[SINCE]
    assert (found.outcome, found.reference) == (Outcome.PASS, "× 1.050")
    assert found.interval is not None
    assert found.interval.estimate == pytest.approx(math.log(1.12 / 1.05) + 0.0005)


def test_across_hosts_the_bounds_are_wider() -> None:
    """A ratio that another host measured may differ here by what hosts differ: 8% would pass here, and can't be told there."""
    candidate = gate_run(launches(step=math.log(1.08)))

    def since(machine: str, between_hosts: float) -> Comparison:
        by = standards(accepted(1.0, machine=machine), accepted(1.08, "2.20.1"), margins=budget(0.10, between_hosts))
        return by_metric(judge_gate(candidate, by))[SINCE]

    here, there = since(MACHINE.fingerprint(), 0.03), since(OTHER_MACHINE.fingerprint(), 0.03)
    assert (here.outcome, there.outcome) == (Outcome.PASS, Outcome.CANNOT_JUDGE)
    assert there.note.endswith("by ratios of other hosts")
    assert here.interval is not None
    assert there.interval is not None
    assert there.interval.estimate == here.interval.estimate
    # Two draws of 0.03, at the normal distribution's 95% point: √2 · 0.03 · 1.645 = 0.0698, in quadrature with what it was.
    reach = [found.pass_high - found.estimate for found in (here.interval, there.interval)]
    assert reach[1] == pytest.approx(math.hypot(reach[0], 0.0698), rel=1e-3)
    assert since(OTHER_MACHINE.fingerprint(), 0.001).outcome is Outcome.PASS


def test_without_budget_entries_or_launches_nothing_is_said_of_the_past() -> None:
    for by in (
        standards(accepted(1.0)),
        standards(margins=budget(0.10)),
        standards(accepted(1.0, metric="mean step"), margins=budget(0.10)),
    ):
        assert not [name for name in by_metric(judge_gate(gate_run(launches()), by)) if "since" in name]
    few = by_metric(judge_gate(gate_run(launches(3)), standards(accepted(1.0), margins=budget(0.10))))
    assert SINCE not in few  # no look yet, no interval


# Accepted regressions

ACCEPTED = AcceptedRegression(
    SUBJECT.name, STEP_TIME, 0.12, "a fix is on its way", "https://example.org/1", "2026-03-31"
)


@pytest.mark.parametrize(
    ("created", "regression", "outcome"),
    [
        (CREATED, ACCEPTED, Outcome.PASS),
        ("2026-03-31T23:00:00+00:00", ACCEPTED, Outcome.PASS),
        ("2026-04-01T00:00:00+00:00", ACCEPTED, Outcome.REGRESSION),
        (
            "2020-01-01T00:00:00+00:00",
            dataclasses.replace(ACCEPTED, expires="2020-01-31"),
            Outcome.PASS,
        ),  # long past today, whenever that is
        (CREATED, dataclasses.replace(ACCEPTED, limit=0.08), Outcome.REGRESSION),
        (CREATED, dataclasses.replace(ACCEPTED, metric="evaluation step"), Outcome.REGRESSION),
        (CREATED, dataclasses.replace(ACCEPTED, subject=TINY.name), Outcome.REGRESSION),
    ],
)
def test_an_accepted_regression_passes_by_the_report_s_own_date(
    created: str, regression: AcceptedRegression, outcome: Outcome
) -> None:
    """10% slower."""
    gate = gate_run(launches(step=math.log(1.10)), created=created)
    verdict = judge_gate(gate, standards(regressions=(regression,)))
    assert verdict.outcome is outcome
    assert ("accepted until" in by_metric(verdict)[STEP_TIME].note) is (outcome is Outcome.PASS)


def test_numbers_can_be_accepted_without_a_limit() -> None:
    traced = gate_run(numbers=run([dataclasses.replace(one, retraces=3) for one in records()]))
    exact = dataclasses.replace(ACCEPTED, metric="retraces", limit=None)
    assert judge_gate(traced, standards(regressions=(exact,))).outcome is Outcome.PASS
    assert (
        judge_gate(traced, standards(regressions=(dataclasses.replace(exact, limit=0.5),))).outcome
        is Outcome.REGRESSION
    )


# Words a second


def test_words_a_second_inform_unless_the_gate_was_asked_to_judge_them() -> None:
    """The candidate's step takes 0.1 s: 3000 words a second, of which the baseline holds 3100 to 3200, in turn on this machine."""
    stored = baseline(stored=(throughput([3100, 3200], in_turn=True),))
    told = judge_gate(gate_run(launches()), standards(one=stored))
    found = by_metric(told)["words/s"]
    assert (told.outcome, found.outcome, found.gates) == (Outcome.PASS, Outcome.INFORMS, False)
    assert found.note == "below the stored range (2 launches, 2026-01-01)"
    gated = judge_gate(gate_run(launches(), gate_stored=True), standards(one=stored))
    assert (gated.outcome, regressed(gated)) == (Outcome.REGRESSION, ["words/s"])
    none = judge_gate(
        gate_run(launches(), gate_stored=True), standards()
    )  # stored speeds of launches alone aren't comparable
    assert (none.outcome, by_metric(none)["words/s"].outcome) == (Outcome.CANNOT_JUDGE, Outcome.CANNOT_JUDGE)


# How far a verdict goes


def test_numbers_alone_say_so() -> None:
    verdict = judge_gate(gate_run(), standards())
    assert (verdict.outcome, verdict.scope) == (Outcome.PASS, Scope.NUMBERS)
    assert list(by_metric(verdict)) == NUMBERS


def test_a_reference_that_could_not_be_built_leaves_speed_open() -> None:
    problem = "the reference environment can't be built: no network; leave speed out by --no-speed"
    verdict = judge_gate(gate_run(speed_problem=problem), standards())
    assert (verdict.outcome, verdict.exit_code, verdict.scope) == (Outcome.CANNOT_JUDGE, 3, Scope.NUMBERS)
    assert by_metric(verdict)["speed"].note == problem
    wrong = judge_gate(gate_run(numbers=run([record(numerics=[BEYOND])]), speed_problem=problem), standards())
    assert (wrong.outcome, wrong.exit_code) == (Outcome.REGRESSION, 1)


@pytest.mark.parametrize("pairs", [[], launches()])
def test_numbers_that_were_never_measured_are_no_pass(pairs: list[Pair]) -> None:
    """They come last: the gate was interrupted before."""
    verdict = judge_gate(gate_run(pairs, run([])), standards())
    assert (verdict.exit_code, verdict.failures) == (4, ("incomplete: the numbers were not measured",))
    slow = judge_gate(gate_run(launches(step=0.1), run([])), standards())
    assert slow.exit_code == 1


def test_too_few_launches_in_turn_are_no_pass() -> None:
    assert judge_gate(gate_run(launches(3)), standards()).exit_code == 3


# Launches that fail


def test_a_launch_in_turn_that_failed_once_is_a_warning_and_twice_a_regression() -> None:
    once = [*launches(), pair(4, failure=CRASH), pair(4)]
    verdict = judge_gate(gate_run(once), standards())
    assert (verdict.outcome, verdict.failures) == (Outcome.PASS, ())
    assert verdict.warnings == (f"launch 5 of the candidate failed once and not again: {CRASH.message}",)
    twice = judge_gate(gate_run([pair(0), pair(1, failure=CRASH), pair(1, failure=CRASH)]), standards())
    assert (twice.outcome, regressed(twice)) == (Outcome.REGRESSION, ["training"])
    assert (
        by_metric(twice)["training"].note
        == f"the candidate failed in launch 2, where the reference runs: {CRASH.message}"
    )


def test_a_training_that_crashed_once_is_a_warning_and_twice_a_failed_measurement() -> None:
    first, *others = records()
    once = numbers_alone(run([dataclasses.replace(first, failure=CRASH), first, *others]))
    assert (once.outcome, once.failures) == (Outcome.PASS, ())
    assert once.warnings == (f"{SUBJECT.name} launch 1 failed once and not again: {CRASH.message}",)
    twice = numbers_alone(run([*others, *[dataclasses.replace(first, failure=CRASH)] * 2]))
    assert (twice.exit_code, twice.failures) == (4, (f"{SUBJECT.name}, launch 1: {CRASH.message}",))
    assert list(by_metric(twice)) == NUMBERS  # what finished is reported


def test_a_training_that_diverged_is_a_regression() -> None:
    verdict = numbers_alone(run([record(failure=DIVERGED)]))
    assert (verdict.outcome, verdict.exit_code, verdict.failures) == (Outcome.REGRESSION, 1, ())
    assert by_metric(verdict)["training"].note == DIVERGED.message
    both = numbers_alone(run([record(launch=launch, failure=DIVERGED) for launch in range(2)]))
    assert regressed(both) == ["training"]  # said once, however many launches


def test_a_regression_outweighs_a_failed_measurement() -> None:
    verdict = numbers_alone(run([record(numerics=[BEYOND]), record(launch=1, failure=CRASH)]))
    assert (verdict.outcome, verdict.exit_code, len(verdict.failures)) == (Outcome.REGRESSION, 1, 1)


def test_an_interrupted_gate_passes_nothing() -> None:
    interrupted = f"{INCOMPLETE}the run was interrupted after 4 of 12 launches"
    verdict = numbers_alone(run(records(), warnings=(interrupted, "load: 3.00")))
    assert (verdict.exit_code, verdict.failures, verdict.warnings) == (4, (interrupted,), ("load: 3.00",))
    gate = gate_run(launches())
    cut = dataclasses.replace(gate, speed=(dataclasses.replace(gate.speed[0], warnings=(interrupted,)),))
    verdict = judge_gate(cut, standards())
    assert (verdict.exit_code, verdict.failures, verdict.warnings) == (4, (interrupted,), ())


def test_warnings_are_told_once() -> None:
    gate = gate_run(launches(), warnings=("load: 3.00", "load: 3.00"))
    speed = dataclasses.replace(gate.speed[0], warnings=("load: 3.00", "others had 10% of the CPU"))
    verdict = judge_gate(dataclasses.replace(gate, speed=(speed,)), standards())
    assert verdict.warnings == ("load: 3.00", "others had 10% of the CPU")


# Baselines


def test_without_a_baseline_numerics_are_judged_and_perplexity_cannot_be() -> None:
    verdict = judge_gate(gate_run(), Standards({}, MARGINS, Ledger(SCHEMA, ())))
    found = by_metric(verdict)
    assert (verdict.outcome, verdict.exit_code) == (Outcome.CANNOT_JUDGE, 3)
    assert found["numerics"].outcome is Outcome.PASS
    assert found["perplexity"].note == "there is no baseline: `tfgate record` makes one from a run that you trust"
    wrong = gate_run(numbers=run([record(numerics=[BEYOND])]))
    assert judge_gate(wrong, Standards({}, MARGINS, Ledger(SCHEMA, ()))).exit_code == 1


def test_a_baseline_of_another_fingerprint_is_refused_naming_both() -> None:
    other = baseline(subject=dataclasses.replace(SUBJECT, fingerprint="fedcba9876543210", steps=20))
    verdict = numbers_alone(run(records()), standards(other=other))
    assert verdict.exit_code == 3
    assert by_metric(verdict)["perplexity"].note == (
        "the baseline is of something else (fingerprint fedcba9876543210 in the baseline, 0123456789abcdef in the run; "
        "steps 20 in the baseline, 10 in the run): record a new one with --replace"
    )


def test_two_subjects_are_judged_each_by_its_own_baseline_and_stay_together() -> None:
    numbers = run([*records([5.05] * 4, subject=TINY), *records()])
    verdict = judge_gate(gate_run(launches(), numbers), standards(one=baseline(), two=baseline(subject=TINY)))
    wrong = [(each.subject, each.metric) for each in verdict.comparisons if each.outcome is Outcome.REGRESSION]
    assert wrong == [(TINY.name, "perplexity")]
    subjects = [each.subject for each in verdict.comparisons]
    assert subjects == [TINY.name] * 3 + [SUBJECT.name] * (len(subjects) - 3)


# A run of one environment


def test_a_run_is_judged_by_its_numbers_and_its_words_a_second_inform() -> None:
    slow = records(speeds=[3 * seconds for seconds in SPEEDS])
    verdict = judge_run(run(slow), standards())
    assert (verdict.outcome, verdict.scope) == (Outcome.PASS, Scope.NUMBERS)
    found = by_metric(verdict)
    assert list(found) == [*NUMBERS, "words/s"]
    assert (found["words/s"].outcome, found["words/s"].note[:5]) == (Outcome.INFORMS, "below")
    assert judge_run(run([record(numerics=[BEYOND])]), standards()).exit_code == 1
    assert judge_run(run(()), standards()).exit_code == 3


# Judged again


@pytest.mark.parametrize(
    "gate",
    [
        gate_run(launches()),
        gate_run(launches(12, step=0.049)),
        gate_run(launches(step=0.2), run([record(failure=DIVERGED), record(launch=1, failure=CRASH)])),
        gate_run(speed_problem="no network"),
        gate_run(launches(), gate_stored=True, warnings=("load: 3.00",)),
    ],
)
def test_a_report_read_back_gives_the_same_verdict_byte_for_byte(gate: GateRun) -> None:
    by = standards(accepted(1.02), margins=budget(0.10), regressions=(dataclasses.replace(ACCEPTED, limit=0.3),))
    again = from_plain(GateRun, parse(to_text(gate)))
    assert again == gate
    texts = [json.dumps(verdict_json(judge_gate(each, by)), allow_nan=False) for each in (gate, again)]
    assert texts[0] == texts[1]


# Whole gates with nothing changed. Numbers: running perplexity spreads by 0.34%. Speed: launches as
# experiments/data/launch_noise.json has them, ten training quads each, with heavy tails (Student's t); six evaluation quads,
# shorter and hence twice as noisy; memory as docs/baselines.md has it: the peak by 2.7%, its growth by 40 KiB a step.
PERPLEXITY, PEAK, GROWTH = 0.0034, 0.027, 40_960
VERSIONS = ("2.12.1", "2.15.1", "2.16.2", "2.18.1", "2.20.0", "2.21.0")
LEDGER = (accepted(1.0), accepted(1.01, "2.20.1"))
FREEDOM = 6.6  # of a Student's t whose excess kurtosis, 6/(df − 4), is the noise file's 2.3


def unchanged(generator: np.random.RandomState, perplexity: float = 0.0, step: float = math.log(1.01)) -> Verdict:
    """A gate of three subjects, notebook's speed in turn until it is settled. The ledger accepted 1% slower than the reference."""
    made: dict[str, Baseline] = {}
    of: list[Record] = []
    for config in ("tiny", "notebook", "small"):
        subject = dataclasses.replace(SUBJECT, config=config)
        replicas = [
            replica(5 + PERPLEXITY * generator.standard_normal(), version) for version in VERSIONS for _ in range(3)
        ]
        made[subject.name] = baseline(replicas, (), subject)
        values = 5 + perplexity + PERPLEXITY * generator.standard_normal(4)
        of += records(map(float, values), subject=subject)
    by = Standards(made, read_margins(ROOT / "baselines" / "margins.toml"), Ledger(SCHEMA, LEDGER))
    gate = gate_run([noisy(generator, 0, step)], run(of))
    while not settled(gate.speed[0], lambda pairs: gate_metrics(pairs, gate.speed[0], by)):  # noqa: B023  # called here
        gate = gate_run([*gate.speed[0].pairs, noisy(generator, len(gate.speed[0].pairs), step)], run(of))
    return judge_gate(gate, by)


def noisy(generator: np.random.RandomState, launch: int, step: float) -> Pair:
    """A launch whose candidate is `step` slower, and else as noise has it."""
    known = read_noise()

    def draw(*shape: int) -> NDArray[np.float64]:
        return np.asarray(generator.standard_t(FREEDOM, shape) / math.sqrt(FREEDOM / (FREEDOM - 2)))

    def quads(count: int, deviation: float, size: float = 0.0) -> tuple[Quad, ...]:
        ratios = size + known.launch_deviation * draw() + deviation * draw(count)
        return tuple(
            Quad(ABBA, (0.1, 0.1 * ratio, 0.1 * ratio, 0.1), (0.1, 0.1 * ratio, 0.1 * ratio, 0.1))
            for ratio in np.exp(ratios).tolist()
        )

    peak, growth = 1000 * math.exp(PEAK * float(draw())), GROWTH * float(draw())
    return Pair(
        launch,
        (REFERENCE, CANDIDATE)[launch % 2],
        side_record(launch, "2.20.0", 5.0, 1000, 0.0),
        side_record(launch, "2.21.0", 5.0, peak, growth),
        quads(known.quads, known.quad_deviation, step),
        quads(6, 2 * known.quad_deviation),
        30.0,
    )


def test_nothing_changed_is_called_a_regression_in_at_most_one_gate_in_a_hundred() -> None:
    # No alarm in 300 gates: the rate is below 1% with 95% confidence (0.99^300 = 0.049).
    generator = np.random.RandomState(4)
    verdicts = [unchanged(generator).outcome for _ in range(300)]
    assert verdicts.count(Outcome.REGRESSION) == 0
    assert verdicts.count(Outcome.PASS) > 270  # and nearly all are judged, not merely left open


@pytest.mark.parametrize(
    ("changed", "metric"), [({"perplexity": 0.04}, "perplexity"), ({"step": math.log(1.01 * 1.10)}, STEP_TIME)]
)
def test_the_same_simulation_alarms_when_something_changed(changed: Mapping[str, float], metric: str) -> None:
    generator = np.random.RandomState(5)
    verdicts = [unchanged(generator, **changed) for _ in range(20)]
    assert all(metric in regressed(verdict) for verdict in verdicts)
