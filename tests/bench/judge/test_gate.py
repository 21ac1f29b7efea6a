"""A whole run: every metric is reported, the worst outcome wins, and nothing changed gives no alarm."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.judge.gate import judge_run, overall
from bench.judge.types import Comparison, Outcome, Verdict
from bench.record.types import INCOMPLETE, Baseline, Failure, Record, Session
from tests.bench.samples import (
    BEYOND,
    MARGINS,
    OTHER_MACHINE,
    SESSIONS,
    SPEEDS,
    SUBJECT,
    TINY,
    baseline,
    record,
    records,
    replica,
    run,
    session,
)

CRASH = Failure("crashed", "the worker was killed by SIGKILL during steps")
DIVERGED = Failure("diverged", "training diverged: the loss is nan at step 7")
METRICS = ["numerics", "retraces", "perplexity", "step time", "peak memory"]


def judged(of: tuple[Record, ...] | list[Record], *, strict: bool = False, warnings: tuple[str, ...] = (), **kept: Baseline) -> Verdict:
    """Against the sample baseline, or those that are named."""
    baselines = {each.subject.name: each for each in (kept.values() or [baseline()])}
    return judge_run(run(of, warnings=warnings), baselines, MARGINS, strict=strict)


def by_metric(verdict: Verdict) -> dict[str, Comparison]:
    return {comparison.metric: comparison for comparison in verdict.comparisons}


def test_an_unchanged_run_passes_in_every_metric() -> None:
    verdict = judged(records())
    assert (verdict.outcome, verdict.exit_code, verdict.warnings, verdict.failures) == (Outcome.PASS, 0, (), ())
    assert [comparison.metric for comparison in verdict.comparisons] == METRICS
    assert {comparison.outcome for comparison in verdict.comparisons} == {Outcome.PASS}


@pytest.mark.parametrize(
    ("changed", "metric"),
    [
        (records([5.05, 5.05, 5.05, 5.05]), "perplexity"),
        (records(speeds=[2 * seconds for seconds in SPEEDS]), "step time"),
        ([record(numerics=[BEYOND]), *records()[1:]], "numerics"),
        ([dataclasses.replace(one, retraces=3) for one in records()], "retraces"),
        ([record(launch=number, peak_rss_mebibytes=4096) for number in range(4)], "peak memory"),
    ],
)
def test_one_regression_makes_the_verdict_and_the_rest_is_reported(changed: tuple[Record, ...], metric: str) -> None:
    verdict = judged(changed)
    assert (verdict.outcome, verdict.exit_code) == (Outcome.REGRESSION, 1)
    assert list(by_metric(verdict)) == METRICS
    assert {name for name, each in by_metric(verdict).items() if each.outcome is Outcome.REGRESSION} == {metric}


def comparison(outcome: Outcome) -> Comparison:
    return Comparison("it", "metric", outcome, "1", "1", "")


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ("PASS PASS", "PASS"),
        ("PASS INFORMS", "PASS"),
        ("PASS CANNOT_JUDGE", "CANNOT_JUDGE"),
        ("PASS CANNOT_JUDGE REGRESSION", "REGRESSION"),
        ("INFORMS", "CANNOT_JUDGE"),
        ("", "CANNOT_JUDGE"),
    ],
)
def test_the_worst_outcome_wins(outcomes: str, verdict: str) -> None:
    assert overall([comparison(Outcome[name]) for name in outcomes.split()]) is Outcome[verdict]


def test_a_run_that_diverged_is_a_regression() -> None:
    verdict = judged([record(failure=DIVERGED)])
    assert (verdict.outcome, verdict.exit_code, verdict.failures) == (Outcome.REGRESSION, 1, ())
    assert by_metric(verdict)["training"].note == DIVERGED.message


def test_a_crash_is_a_failed_measurement_and_what_finished_is_reported() -> None:
    verdict = judged([*records()[:3], record(launch=3, failure=CRASH)])
    assert verdict.exit_code == 4
    assert verdict.failures == (f"{SUBJECT.name}, launch 4: {CRASH.message}",)
    assert list(by_metric(verdict)) == METRICS


def test_a_regression_outweighs_a_failed_measurement() -> None:
    verdict = judged([record(numerics=[BEYOND]), record(launch=1, failure=CRASH)])
    assert (verdict.outcome, verdict.exit_code) == (Outcome.REGRESSION, 1)
    assert len(verdict.failures) == 1


def test_an_interrupted_run_passes_nothing() -> None:
    verdict = judged(records(), warnings=(f"{INCOMPLETE}the run was interrupted after 4 of 12 launches", "load: 3.00"))
    assert verdict.exit_code == 4
    assert verdict.failures == ("incomplete: the run was interrupted after 4 of 12 launches",)
    assert verdict.warnings == ("load: 3.00",)


def test_without_a_baseline_numerics_are_judged_and_the_rest_cannot_be() -> None:
    verdict = judge_run(run(records()), {}, MARGINS)
    found = by_metric(verdict)
    assert (verdict.outcome, verdict.exit_code) == (Outcome.CANNOT_JUDGE, 3)
    assert found["numerics"].outcome is Outcome.PASS
    assert found["perplexity"].note == "there is no baseline: `tfgate record` makes one from a run that you trust"
    assert (found["step time"].outcome, found["step time"].candidate) == (Outcome.INFORMS, "101.50 ms")


def test_without_a_baseline_a_wrong_step_is_still_a_regression() -> None:
    assert judge_run(run([record(numerics=[BEYOND])]), {}, MARGINS).exit_code == 1


def test_a_baseline_of_another_fingerprint_is_refused_naming_both() -> None:
    other = baseline(subject=dataclasses.replace(SUBJECT, fingerprint="fedcba9876543210", steps=20))
    verdict = judged(records(), other=other)
    assert verdict.exit_code == 3
    assert by_metric(verdict)["perplexity"].note == (
        "the baseline is of something else (fingerprint fedcba9876543210 in the baseline, 0123456789abcdef in the run; "
        "steps 20 in the baseline, 10 in the run): record a new one with --replace"
    )


def test_a_machine_without_sessions_passes_and_says_last_that_speed_was_not_judged() -> None:
    verdict = judged(records(machine=OTHER_MACHINE))
    assert (verdict.outcome, verdict.exit_code) == (Outcome.PASS, 0)
    assert verdict.warnings == (
        f"step time of {SUBJECT.name}, peak memory of {SUBJECT.name} not judged: the baseline has no session on this machine; "
        "`tfgate record --add RUN` adds one",
    )


def test_strict_wants_speed_judged() -> None:
    verdict = judged(records(machine=OTHER_MACHINE), strict=True)
    assert (verdict.outcome, verdict.exit_code) == (Outcome.CANNOT_JUDGE, 3)
    assert by_metric(verdict)["step time"].outcome is Outcome.CANNOT_JUDGE
    assert judged(records(), strict=True).exit_code == 0


def test_strict_leaves_alone_what_never_gates() -> None:
    few = baseline(sessions=SESSIONS, subject=TINY)
    launches = [dataclasses.replace(one, memory=record(launch=1).memory) for one in records(subject=TINY)[:3]]
    verdict = judged(launches, strict=True, few=few)
    assert by_metric(verdict)["step time"].unjudged  # three launches
    assert verdict.exit_code == 0


def test_an_empty_run_cannot_be_judged() -> None:
    assert judged(()).exit_code == 3


def test_two_subjects_are_judged_each_by_its_own_baseline() -> None:
    tiny = baseline(subject=TINY)
    verdict = judged([*records([5.05] * 4, subject=TINY), *records()], one=baseline(), two=tiny)
    wrong = [(each.subject, each.metric) for each in verdict.comparisons if each.outcome is Outcome.REGRESSION]
    assert wrong == [(TINY.name, "perplexity")]
    assert len(verdict.comparisons) == 10


# Spreads as measured: running perplexity 0.34% (FACTS.md), launches 2 to 3%, sessions as much again, memory 0.5%.
PERPLEXITY, LAUNCH, SESSION, MEMORY = 0.0034, 0.03, 0.03, 0.005
VERSIONS = ("2.12.1", "2.15.1", "2.16.2", "2.18.1", "2.20.0", "2.21.0")


def unchanged(generator: np.random.RandomState, shift: float = 0.0) -> Verdict:
    """A verdict on three subjects with nothing changed; launches and sessions have heavy tails (Student's t, 4 degrees of freedom)."""

    def noise(*shape: int) -> NDArray[np.float64]:
        return np.asarray(generator.standard_t(4, shape) / np.sqrt(2))

    def times() -> list[float]:
        return [float(seconds) for seconds in 0.1 * np.exp(SESSION * noise(1) + LAUNCH * noise(4))]

    made: dict[str, Baseline] = {}
    launches: list[Record] = []
    for config in ("tiny", "notebook", "small"):
        subject = dataclasses.replace(SUBJECT, config=config)
        replicas = [replica(5 + PERPLEXITY * generator.standard_normal(), version) for version in VERSIONS for _ in range(3)]
        sessions: list[Session] = [session(times(), day, peak_rss_mebibytes=int(1024 * np.exp(MEMORY * noise(1)[0]))) for day in (1, 2, 3)]
        made[subject.name] = baseline(replicas, sessions, subject)
        values = 5 + shift + PERPLEXITY * generator.standard_normal(4)
        peak = int(1024 * np.exp(MEMORY * noise(1)[0]))
        for number, (value, seconds) in enumerate(zip(values, times(), strict=True)):
            launches.append(record(float(value), seconds, launch=number, subject=subject, peak_rss_mebibytes=peak))
    return judge_run(run(launches), made, MARGINS)


def test_nothing_changed_is_called_a_regression_in_at_most_one_run_in_a_hundred() -> None:
    # No alarm in 300 runs: the rate is below 1% with 95% confidence (0.99^300 = 0.049).
    generator = np.random.RandomState(4)
    verdicts = [unchanged(generator).outcome for _ in range(300)]
    assert verdicts.count(Outcome.REGRESSION) == 0
    assert verdicts.count(Outcome.PASS) > 150  # and most are judged, not merely left open


def test_the_same_simulation_alarms_when_something_changed() -> None:
    generator = np.random.RandomState(5)
    verdicts = [unchanged(generator, shift=0.03).outcome for _ in range(20)]
    assert verdicts.count(Outcome.REGRESSION) == 20
