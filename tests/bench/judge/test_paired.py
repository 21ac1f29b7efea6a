"""Paired runs judged: each metric's three outcomes, sides that fail, and when more launches would change nothing."""

import dataclasses
import math

import pytest

from bench.judge.in_turn import settled
from bench.judge.margins import Margins
from bench.judge.paired import judge_paired
from bench.judge.paired_metrics import metrics
from bench.judge.types import Comparison, Scope, Verdict
from bench.record.lockstep import Departure, Difference, Lockstep
from bench.record.paired import PairedRun
from bench.record.types import INCOMPLETE, NO_TENSORFLOW, Failure, Record, Subject
from bench.stats.outcome import Outcome
from tests.bench.paired_samples import pair, paired_run
from tests.bench.samples import BEYOND, MARGINS, SUBJECT, TINY, environment, record

PAIRED: Margins = dataclasses.replace(
    MARGINS, paired={"step_time": 0.05, "mean_step": 0.25, "evaluation_step": 0.10, "peak_memory": 0.10}
)


def is_settled(run: PairedRun) -> bool:
    return settled(run, lambda pairs: metrics(pairs, PAIRED))


def run_of(launches: int, effect: str, size: float) -> PairedRun:
    return paired_run([pair(launch, **{effect: size}) for launch in range(launches)])  # type: ignore[arg-type]  # never `failure`


def comparison(
    metric: str, effect: str = "step", size: float = 0.0, launches: int = 4, margins: Margins = PAIRED
) -> Comparison:
    verdict = judge_paired(run_of(launches, effect, size), margins)
    return next(found for found in verdict.comparisons if found.metric == metric)


def test_nothing_changed_passes_after_the_first_look() -> None:
    run = paired_run([pair(launch) for launch in range(4)])
    verdict = judge_paired(run, PAIRED)
    assert verdict.exit_code == 0
    gating = [found.metric for found in verdict.comparisons if found.outcome is Outcome.PASS]
    assert gating == [
        "retraces",
        "perplexity",
        "step time",
        "mean step",
        "evaluation step",
        "peak memory",
        "memory growth",
    ]
    assert is_settled(run)


@pytest.mark.parametrize(
    ("metric", "effect", "size"),
    [
        ("step time", "step", 0.10),
        ("evaluation step", "evaluation", 0.20),
        ("peak memory", "memory", 0.20),
        ("perplexity", "perplexity", 0.05),
        ("perplexity", "perplexity", -0.05),  # better from the same numbers is another training, too
        ("memory growth", "growth", 1e6),
    ],
)
def test_each_gating_metric_can_fail(metric: str, effect: str, size: float) -> None:
    found = comparison(metric, effect, size)
    assert found.outcome is Outcome.REGRESSION
    assert "certainly more than" in found.note
    verdict = judge_paired(run_of(4, effect, size), PAIRED)
    assert [other.metric for other in verdict.comparisons if other.outcome is Outcome.REGRESSION] == [metric]
    assert verdict.exit_code == 1


def test_a_stall_in_a_few_blocks_is_found_by_the_mean_alone() -> None:
    """Two of ten quads hold a block of a stalled candidate, which the trimmed mean leaves out."""
    pairs = []
    for launch in range(4):
        made = pair(launch)
        stalled = dataclasses.replace(made.steps[0], seconds=(0.1, 1.0, 0.1, 0.1))
        pairs.append(dataclasses.replace(made, steps=(stalled, stalled, *[made.steps[0]] * 8)))
    outcomes = {found.metric: found.outcome for found in judge_paired(paired_run(pairs), PAIRED).comparisons}
    assert (outcomes["step time"], outcomes["mean step"]) == (Outcome.PASS, Outcome.REGRESSION)


def test_libraries_in_memory_are_not_the_sides_memory() -> None:
    # A fresh installation: exp(0.20) times the resident memory, and all that is more of it backed by files.
    run = run_of(4, "memory", 0.20)
    grown = [one.candidate.memory for one in run.pairs]
    assert all(grown)
    pairs = [
        dataclasses.replace(
            one, candidate=dataclasses.replace(one.candidate, memory=dataclasses.replace(memory, file_rss_bytes=size))
        )
        for one, memory in zip(run.pairs, grown, strict=True)
        if memory and (size := round(memory.peak_rss_bytes * (1 - math.exp(-0.20))))
    ]
    (found,) = [each for each in judge_paired(paired_run(pairs), PAIRED).comparisons if each.metric == "peak memory"]
    assert found.outcome is Outcome.PASS


def test_step_time_reads_as_a_person_wants_it() -> None:
    found = comparison("step time", size=0.10)
    # The launches' log ratios are 0.104, 0.094, 0.101, 0.103: mean 0.1005, 10.6%; blocks of 0.1 s and 0.1·exp(0.1005) s.
    assert (found.reference, found.candidate) == ("100.00 ms", "110.57 ms")
    assert found.note == "+10.6%, certainly more than +5.0%, after 4 launches"


def test_values_are_those_of_the_launches_that_decided() -> None:
    """Decided after four; what comes later is not in the shown means."""
    launches = [pair(launch, step=0.10) for launch in range(4)] + [pair(launch, step=1.0) for launch in (4, 5)]
    found = next(c for c in judge_paired(paired_run(launches), PAIRED).comparisons if c.metric == "step time")
    assert (found.reference, found.candidate) == ("100.00 ms", "110.57 ms")


def test_faster_is_an_improvement() -> None:
    found = comparison("step time", size=-0.10)
    assert (found.outcome, found.improved) == (Outcome.PASS, True)
    assert "an improvement" in found.note


def test_at_the_margin_nothing_is_proven_and_more_launches_are_asked_for() -> None:
    run = paired_run([pair(launch, step=0.049) for launch in range(4)])
    assert comparison("step time", size=0.049).outcome is Outcome.CANNOT_JUDGE
    assert not is_settled(run)
    assert is_settled(paired_run([pair(launch, step=0.049) for launch in range(12)]))  # the last look


def test_a_regression_of_one_metric_settles_the_run() -> None:
    assert is_settled(paired_run([pair(launch, step=0.2, evaluation=0.095) for launch in range(4)]))


def test_between_looks_nothing_is_settled() -> None:
    assert not is_settled(paired_run([pair(launch) for launch in range(3)]))
    assert not is_settled(paired_run([pair(launch, step=0.2) for launch in range(5)]))


def test_equal_losses_are_a_pass_without_statistics() -> None:
    """Their differences have no spread, so no test could be computed: they are exactly 0."""
    launches = [pair(launch) for launch in range(4)]
    equal = [
        dataclasses.replace(one, candidate=dataclasses.replace(one.candidate, losses=one.reference.losses))
        for one in launches
    ]
    found = next(c for c in judge_paired(paired_run(equal), PAIRED).comparisons if c.metric == "perplexity")
    assert (found.outcome, found.note) == (
        Outcome.PASS,
        "the same to the last bit in 4 launches from 4 different starts",
    )
    assert is_settled(paired_run(equal))
    three = judge_paired(paired_run(equal[:3]), PAIRED)
    assert next(c for c in three.comparisons if c.metric == "perplexity").outcome is Outcome.CANNOT_JUDGE


def test_equal_differences_that_are_not_zero_prove_nothing() -> None:
    """A constant offset without a spread: CANNOT JUDGE, not a pass."""
    launches = [pair(launch) for launch in range(4)]
    off = [
        dataclasses.replace(one, candidate=dataclasses.replace(one.candidate, losses=(50.1,) * 10)) for one in launches
    ]
    found = next(c for c in judge_paired(paired_run(off), PAIRED).comparisons if c.metric == "perplexity")
    assert found.outcome is Outcome.CANNOT_JUDGE


def test_a_metric_without_margin_informs() -> None:
    found = comparison("step time", size=0.5, margins=dataclasses.replace(PAIRED, paired={}))
    assert found.outcome is Outcome.INFORMS
    assert found.note == "+65.0%"


def test_graph_operations_are_named_by_type_and_inform() -> None:
    """As many as before, yet others: a ratio of the sums would say +0.0%."""
    launches = [
        dataclasses.replace(one, candidate=dataclasses.replace(one.candidate, graph_operations={"MatMul": 4, "Add": 3}))
        for one in map(pair, range(4))
    ]
    found = next(c for c in judge_paired(paired_run(launches), PAIRED).comparisons if c.metric == "graph operations")
    assert (found.outcome, found.candidate, found.reference) == (Outcome.INFORMS, "7", "7")
    assert found.note == "+3 Add, -3 MatMul"
    assert comparison("graph operations").note == "the same operations"


def test_gpu_memory_informs_where_both_sides_have_read_it() -> None:
    """A candidate that holds twice as much: said, and no alarm."""
    measured = [pair(launch) for launch in range(4)]
    reference_alone = [dataclasses.replace(one, reference=holding_on_a_gpu(one.reference, 500)) for one in measured]
    both = [dataclasses.replace(one, candidate=holding_on_a_gpu(one.candidate, 1000)) for one in reference_alone]
    verdict = judge_paired(paired_run(both), MARGINS)
    found = next(comparison for comparison in verdict.comparisons if comparison.metric == "GPU memory")
    assert (found.outcome, found.gates, found.candidate, found.reference) == (
        Outcome.INFORMS,
        False,
        "1000 MiB",
        "500 MiB",
    )
    assert (found.note, verdict.outcome) == ("+100.0%", judge_paired(paired_run(measured), MARGINS).outcome)
    assert "GPU memory" not in [
        comparison.metric for comparison in judge_paired(paired_run(reference_alone), MARGINS).comparisons
    ]


def holding_on_a_gpu(launch: Record, mebibytes: int) -> Record:
    assert launch.memory is not None
    return dataclasses.replace(launch, memory=dataclasses.replace(launch.memory, peak_gpu_bytes=mebibytes * 2**20))


def test_too_few_launches_cannot_be_judged() -> None:
    found = comparison("step time", launches=3)
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert found.note == "not judged: launches are looked at from 4 on, and there are 3"


def test_a_candidate_that_fails_where_the_reference_runs_is_a_regression() -> None:
    crash = Failure("crashed", "the worker was killed by SIGSEGV during steps")
    run = paired_run(
        [pair(0), pair(1, failure=crash), pair(1, failure=crash)]
    )  # it was measured again, and failed again
    verdict = judge_paired(run, PAIRED)
    assert verdict.exit_code == 1
    assert verdict.comparisons[0].note == (
        "the candidate failed in launch 2, where the reference runs: the worker was killed by SIGSEGV during steps"
    )


def test_a_candidate_that_failed_once_and_not_again_is_a_warning() -> None:
    once = pair(1, failure=Failure("crashed", "the worker was killed by SIGSEGV during steps"))
    verdict = judge_paired(
        paired_run([pair(0), once, *(pair(launch) for launch in range(1, 4))], [record(), record()]), PAIRED
    )
    assert (verdict.outcome, verdict.failures) == (Outcome.PASS, ())
    assert verdict.warnings == (
        "launch 2 of the candidate failed once and not again: the worker was killed by SIGSEGV during steps",
    )


def test_named_metrics_alone_gate() -> None:
    """A slower evaluation is no matter of `--metric 'step time'`, and is shown all the same."""
    run = run_of(4, "evaluation", 0.5)
    verdict = judge_paired(run, PAIRED, only=("step time",))
    found = {each.metric: each for each in verdict.comparisons}
    assert (verdict.outcome, found["step time"].outcome) == (Outcome.PASS, Outcome.PASS)
    assert (found["evaluation step"].outcome, found["evaluation step"].gates) == (Outcome.INFORMS, False)
    assert found["evaluation step"].note == "+65.0%"  # exp(0.5) and the mean of the noise, 0.0005
    assert judge_paired(run, PAIRED, only=("evaluation step",)).exit_code == 1
    assert judge_paired(dataclasses.replace(run, only=("step time",)), PAIRED).scope is Scope.NAMED


def test_a_named_metric_without_a_margin_has_ten_percent() -> None:
    run = run_of(4, "step", 0.0)
    found = {each.metric: each for each in judge_paired(run, PAIRED, only=("cpu time",)).comparisons}
    assert found["cpu time"].outcome is Outcome.PASS
    assert found["cpu time"].margin == pytest.approx(math.log(1.1))
    assert {each.metric: each.outcome for each in judge_paired(run, PAIRED).comparisons}["cpu time"] is Outcome.INFORMS


def test_memory_growth_has_a_margin_for_each_configuration() -> None:
    """16 KiB a step more: within notebook's margin of 100 KiB, and beyond tiny's of 4 KiB."""

    def grown(subject: Subject) -> Comparison:
        launches = [pair(launch, growth=16_384) for launch in range(4)]
        of = [
            dataclasses.replace(
                one,
                reference=dataclasses.replace(one.reference, subject=subject),
                candidate=dataclasses.replace(one.candidate, subject=subject),
            )
            for one in launches
        ]
        return next(
            found for found in judge_paired(paired_run(of), PAIRED).comparisons if found.metric == "memory growth"
        )

    assert grown(SUBJECT).outcome is Outcome.PASS
    assert grown(TINY).outcome is Outcome.REGRESSION
    small = grown(dataclasses.replace(SUBJECT, config="small"))
    assert (small.outcome, small.gates) == (Outcome.INFORMS, False)  # it has none


def test_a_reference_that_fails_is_a_failed_measurement() -> None:
    broken = Failure("hung", "the worker did not finish steps within 300 s")
    both = pair(0, failure=broken)
    both = dataclasses.replace(both, reference=dataclasses.replace(both.reference, failure=broken))
    verdict = judge_paired(paired_run([both]), PAIRED)
    assert verdict.exit_code == 4
    assert verdict.failures == ("launch 1: the reference failed: the worker did not finish steps within 300 s",)


def test_a_candidate_without_tensorflow_is_no_regression() -> None:
    verdict = judge_paired(
        paired_run([pair(0, failure=Failure(NO_TENSORFLOW, "No module named 'tensorflow'"))]), PAIRED
    )
    assert (verdict.exit_code, verdict.failures) == (4, ("launch 1: No module named 'tensorflow'",))


def test_an_interrupted_run_is_no_verdict() -> None:
    verdict = judge_paired(paired_run([pair(0)], warnings=(f"{INCOMPLETE}after 1 launches", "load")), PAIRED)
    assert verdict.exit_code == 4
    assert verdict.warnings[0] == "load"


def test_the_candidate_is_held_against_the_oracle() -> None:
    clean, wrong = record(), record(numerics=[BEYOND])
    launches = [pair(launch) for launch in range(4)]
    assert judge_paired(paired_run(launches, [clean, clean]), PAIRED).exit_code == 0
    assert judge_paired(paired_run(launches, [clean, wrong]), PAIRED).exit_code == 1
    both = judge_paired(paired_run(launches, [wrong, wrong]), PAIRED)
    assert both.exit_code == 3
    assert "both depart from the oracle" in both.comparisons[0].note
    mended = judge_paired(paired_run(launches, [wrong, clean]), PAIRED)
    assert mended.exit_code == 0
    assert "the reference departs from it" in mended.comparisons[0].note


def test_lockstep_joins_the_verdict() -> None:
    subject = record().subject
    failed = Lockstep(
        subject, environment(), None, "", (), {}, None, None, 0, 0.0, 0.0, 0.0, Failure("crashed", "it crashed")
    )
    run = dataclasses.replace(paired_run([pair(launch) for launch in range(4)]), lockstep=failed)
    assert judge_paired(run, PAIRED).exit_code == 1


def test_a_departure_in_lockstep_is_a_regression_unless_the_reference_is_wrong() -> None:
    """Everything else passes."""
    subject, first = record().subject, Difference(7, "update", "embedding", 1e-3, 1e-5)
    clean = paired_run([pair(launch) for launch in range(4)])

    def verdict(departure: Departure | None) -> Verdict:
        ended = Lockstep(
            subject,
            environment(),
            environment(),
            subject.fingerprint,
            (5.0,) * subject.steps,
            {},
            first,
            departure,
            1,
            1.0,
            1.0,
            3.0,
        )
        return judge_paired(dataclasses.replace(clean, lockstep=ended), PAIRED)

    assert verdict(None).exit_code == 0
    regression = verdict(Departure(first, 0, reference_error=1e-7, candidate_error=1e-3))
    assert (regression.outcome, regression.exit_code) == (Outcome.REGRESSION, 1)
    assert [found.metric for found in regression.comparisons if found.outcome is Outcome.REGRESSION] == ["lockstep"]
    assert verdict(Departure(first, 0, reference_error=1e-3, candidate_error=1e-7)).exit_code == 3


def test_a_reference_that_fails_in_lockstep_is_a_failed_measurement() -> None:
    broken = Failure("crashed", "the reference failed: the worker exited with code 3 during lockstep", "its last words")
    verdict = judge_paired(dataclasses.replace(paired_run([]), lockstep_failure=broken), PAIRED)
    assert (verdict.exit_code, verdict.failures) == (4, (f"lockstep: {broken.message}",))


def test_the_candidate_must_not_be_traced_again() -> None:
    again = [pair(launch) for launch in range(4)]
    again = [dataclasses.replace(one, candidate=dataclasses.replace(one.candidate, retraces=2)) for one in again]
    verdict = judge_paired(paired_run(again), PAIRED)
    assert verdict.exit_code == 1
    both = [dataclasses.replace(one, reference=dataclasses.replace(one.reference, retraces=2)) for one in again]
    assert judge_paired(paired_run(both), PAIRED).exit_code == 0


def test_the_verdict_says_how_far_it_goes() -> None:
    launches, oracle = [pair(launch) for launch in range(4)], [record(), record()]
    assert judge_paired(paired_run(launches), PAIRED).scope is Scope.SPEED
    assert judge_paired(paired_run([], oracle), PAIRED).scope is Scope.NUMBERS
    assert judge_paired(paired_run(launches, oracle), PAIRED).scope is Scope.ALL


def test_a_slow_hour_is_a_warning() -> None:
    """The reference's step takes 0.1 s in most launches, and 0.13 s in one."""
    launches = [pair(launch) for launch in range(4)]
    slow = dataclasses.replace(
        launches[2], reference=dataclasses.replace(launches[2].reference, step_seconds=(0.13,) * 5)
    )
    verdict = judge_paired(paired_run([*launches[:2], slow, launches[3]], [record(), record()]), PAIRED)
    assert verdict.warnings == (
        "the machine's speed drifted: the reference's step took 100 ms in launch 1 and 130 ms in launch 3",
    )


def test_a_run_of_nothing_cannot_be_judged() -> None:
    assert judge_paired(paired_run([]), PAIRED).exit_code == 3
