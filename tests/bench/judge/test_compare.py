"""Two stored runs: what is judged, by what, and what is refused."""

import dataclasses
from collections.abc import Sequence

import pytest

from bench.judge.compare import compare_runs
from bench.judge.types import Comparison, Outcome, Verdict
from bench.record.types import NO_TENSORFLOW, Baseline, Failure, Record
from tests.bench.samples import (
    BEYOND,
    LOG_PERPLEXITIES,
    MARGINS,
    OTHER_MACHINE,
    SPEEDS,
    SUBJECT,
    TINY,
    baseline,
    environment,
    record,
    records,
    run,
    session,
)

LATER = "2026-02-02T03:04:05+00:00"
DAYS = ((1, 1.0), (2, 1.01), (3, 0.98))
OTHERS = (5.002, 4.999, 5.003, 5.0)  # log perplexities


# The sessions of the samples, whose memory differs by a mebibyte, too.
HELD = baseline(sessions=[session([factor * seconds for seconds in SPEEDS], day, peak_rss_mebibytes=1020 + day) for day, factor in DAYS])
ONE_THREAD = tuple(dataclasses.replace(each, environment=environment(threads=1)) for each in records(OTHERS))


def verdict(candidate: Sequence[Record] = records(OTHERS), held: Baseline | None = HELD, of: Sequence[Record] = records()) -> Verdict:
    return compare_runs(run(of), run(candidate, LATER), {held.subject.name: held} if held else {}, MARGINS)


def by_metric(found: Verdict) -> dict[str, Comparison]:
    return {comparison.metric: comparison for comparison in found.comparisons}


def times(factor: float) -> list[float]:
    return [factor * seconds for seconds in SPEEDS]


def test_equal_runs_pass() -> None:
    found = verdict()
    assert found.exit_code == 0
    assert list(by_metric(found)) == ["numerics", "retraces", "graph operations", "perplexity", "step time", "peak memory"]


@pytest.mark.parametrize(
    ("factor", "outcome"), [(1.0, Outcome.PASS), (1.25, Outcome.CANNOT_JUDGE), (2.0, Outcome.REGRESSION), (0.5, Outcome.PASS)]
)
def test_step_time(factor: float, outcome: Outcome) -> None:
    found = by_metric(verdict(records(OTHERS, times(factor))))["step time"]
    assert found.outcome is outcome
    assert found.interval is not None
    assert found.improved is (factor == 0.5)


def slowed(launches: Sequence[Record], yardstick: float = 1.0, others: float | None = None) -> list[Record]:
    """The launches with a yardstick slower by a factor, and with a part of the machine that other processes had."""
    return [
        dataclasses.replace(one, yardstick_seconds=tuple(yardstick * seconds for seconds in one.yardstick_seconds), others_cpu=others)
        for one in launches
    ]


def test_the_yardstick_tells_of_another_host_of_the_same_name() -> None:
    sessions = [session(times(factor), day, yardsticks=[0.05 * factor] * 4) for day, factor in DAYS]
    held, slow = baseline(sessions=sessions), records(OTHERS, times(2.0))
    # The samples' launches have all the same yardstick, and a spread of 0 proves nothing: give one of them another.
    reference = [slowed(records()[:1], 1.001)[0], *records()[1:]]
    found = by_metric(verdict(slowed(slow, 1.4), held, reference))["step time"]
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert "NumPy's step, changed by +40.0%" in found.note
    assert by_metric(verdict(slow, held, reference))["step time"].outcome is Outcome.REGRESSION


def test_other_processes_beside_either_run_are_not_the_candidate_s() -> None:
    slow, same = records(OTHERS, times(2.0)), records(OTHERS)
    beside_candidate = by_metric(verdict(slowed(slow, others=0.5)))["step time"]
    assert (beside_candidate.outcome, "50% of the CPU beside the candidate" in beside_candidate.note) == (Outcome.CANNOT_JUDGE, True)
    beside_reference = by_metric(verdict(same, of=slowed(records(), others=0.5)))["step time"]
    assert (beside_reference.outcome, "50% of the CPU beside the reference" in beside_reference.note) == (Outcome.CANNOT_JUDGE, True)
    assert by_metric(verdict(slow, of=slowed(records(), others=0.5)))["step time"].outcome is Outcome.REGRESSION
    assert by_metric(verdict(slowed(same, others=0.5)))["step time"].outcome is Outcome.PASS


@pytest.mark.parametrize("held", [None, baseline(sessions=()), baseline(sessions=[session(SPEEDS), session(SPEEDS, 2)])])
def test_without_the_machines_sessions_speed_cannot_be_judged(held: Baseline | None) -> None:
    found = verdict(records(OTHERS, times(2.0)), held)
    assert found.exit_code == 3
    assert by_metric(found)["step time"].outcome is Outcome.CANNOT_JUDGE
    assert "3 tell how sessions differ (`tfgate record --add RUN` adds one)" in by_metric(found)["step time"].note
    assert by_metric(found)["perplexity"].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("values", "outcome"),
    [
        (OTHERS, Outcome.PASS),
        ([value + 0.1 for value in OTHERS], Outcome.REGRESSION),
        ([value - 0.1 for value in OTHERS], Outcome.REGRESSION),
        ([value + 0.009 for value in OTHERS], Outcome.CANNOT_JUDGE),
    ],
)
def test_perplexity_is_judged_both_ways(values: Sequence[float], outcome: Outcome) -> None:
    assert by_metric(verdict(records(values)))["perplexity"].outcome is outcome


def test_launches_that_are_equal_bit_for_bit_are_one_sample() -> None:
    found = by_metric(verdict(records([5.0] * 4)))["perplexity"]
    assert (found.outcome, found.interval) == (Outcome.CANNOT_JUDGE, None)
    assert found.note == "4 and 1 different launches: from 2 a side on there is a spread (--launches)"


def test_a_configuration_without_a_perplexity_margin_cannot_be_judged() -> None:
    subject = dataclasses.replace(SUBJECT, config="own")
    found = by_metric(verdict(records(OTHERS, subject=subject), of=records(subject=subject)))["perplexity"]
    assert (found.outcome, found.note) == (Outcome.CANNOT_JUDGE, "the margins file has no perplexity margin for own")


def test_retraces_and_numerics_are_compared_exactly() -> None:
    launches = [record(OTHERS[0], numerics=[BEYOND]), *records(OTHERS)[1:]]
    launches[1] = dataclasses.replace(launches[1], retraces=2)
    found = by_metric(verdict(launches))
    assert (found["retraces"].outcome, found["retraces"].candidate, found["retraces"].reference) == (Outcome.REGRESSION, "2", "0")
    assert found["numerics"].outcome is Outcome.REGRESSION


def test_graph_operations_inform() -> None:
    more = [dataclasses.replace(each, graph_operations={"MatMul": 9, "Add": 1}) for each in records(OTHERS)]
    fewer = [dataclasses.replace(each, graph_operations={"MatMul": 4, "Add": 1}) for each in records()]
    found = by_metric(verdict(more, of=fewer))["graph operations"]
    assert (found.outcome, found.candidate, found.reference, found.note) == (Outcome.INFORMS, "10", "5", "+5 MatMul")


def holding_on_a_gpu(launches: Sequence[Record], mebibytes: int) -> list[Record]:
    """The launches with that much GPU memory at their peak. The first, held against the oracle, has read none."""
    of_memory = [(each, each.memory and dataclasses.replace(each.memory, peak_gpu_bytes=mebibytes * 2**20)) for each in launches]
    return [dataclasses.replace(each, memory=memory) for each, memory in of_memory]


def test_gpu_memory_informs_where_both_sides_have_read_it() -> None:
    """1200 / 1000 − 1 = 20%, beyond the margin of resident memory; that of a GPU gates nothing."""
    of = holding_on_a_gpu(records(), 1000)
    found = verdict(holding_on_a_gpu(records(OTHERS), 1200), of=of)
    gpu = by_metric(found)["GPU memory"]
    assert (gpu.outcome, gpu.gates, gpu.candidate, gpu.reference, gpu.note) == (Outcome.INFORMS, False, "1200 MiB", "1000 MiB", "+20.0%")
    assert found.exit_code == 0
    assert "GPU memory" not in by_metric(verdict(of=of))


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (records(OTHERS, machine=OTHER_MACHINE), "cpu_model A CPU in the reference, Another CPU in the candidate; cores 2 in"),
        (records(OTHERS, subject=dataclasses.replace(SUBJECT, fingerprint="f" * 16)), "fingerprint 0123456789abcdef in the reference"),
        (
            ONE_THREAD,
            "threads 2 in the reference, 1 in the candidate",
        ),
    ],
)
def test_unlike_things_are_not_compared(candidate: Sequence[Record], said: str) -> None:
    found = verdict(candidate)
    assert found.exit_code == 3
    (comparison,) = found.comparisons
    assert (comparison.metric, comparison.outcome) == ("likeness", Outcome.CANNOT_JUDGE)
    assert said in comparison.note


def test_a_subject_of_one_run_alone_cannot_be_judged() -> None:
    found = verdict([*records(OTHERS), *records(OTHERS, subject=TINY)])
    assert found.exit_code == 3
    assert found.comparisons[-1].note == "the reference did not measure it: run both with the same --config"


def test_a_candidate_that_fails_where_the_reference_ran_is_a_regression() -> None:
    failed = record(launch=3, failure=Failure("crashed", "killed by SIGSEGV"))
    found = verdict([*records(OTHERS)[:3], failed])
    assert found.exit_code == 1
    assert found.comparisons[0].note == "the candidate failed, where the reference ran: killed by SIGSEGV"


def test_a_reference_that_failed_is_a_failed_measurement() -> None:
    failed = record(launch=3, failure=Failure("crashed", "killed by SIGSEGV"))
    found = verdict(of=[*records()[:3], failed])
    assert (found.exit_code, found.failures) == (4, (f"{SUBJECT.name}: the reference failed: killed by SIGSEGV",))


def test_speed_of_tiny_informs() -> None:
    found = by_metric(verdict(records(OTHERS, times(2.0), subject=TINY), dataclasses.replace(HELD, subject=TINY), records(subject=TINY)))
    assert found["step time"].outcome is Outcome.INFORMS


def test_a_run_held_against_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="is given twice"):
        compare_runs(run(records(LOG_PERPLEXITIES)), run(records(LOG_PERPLEXITIES)), {}, MARGINS)


def test_a_candidate_without_tensorflow_is_a_failed_measurement() -> None:
    missing = [dataclasses.replace(each, failure=Failure(NO_TENSORFLOW, "no tensorflow there")) for each in records(OTHERS)]
    found = verdict(missing)
    assert (found.exit_code, found.failures) == (4, (f"{SUBJECT.name}: no tensorflow there",))


def test_where_both_depart_from_the_oracle_nobody_tells_who_is_right() -> None:
    wrong, wrong_too = ([dataclasses.replace(of[0], numerics=(BEYOND,)), *of[1:]] for of in (records(), records(OTHERS)))
    assert by_metric(verdict(wrong_too))["numerics"].outcome is Outcome.REGRESSION
    found = by_metric(verdict(wrong_too, of=wrong))["numerics"]
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert found.note.startswith("both depart from the oracle")
