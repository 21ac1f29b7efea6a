"""The table of metrics: what a launch gives for each side, and what it doesn't tell."""

import dataclasses
import math

import pytest

from bench.judge.metrics import (
    CPU_TIME,
    FITTED_LAUNCHES,
    FITTED_UNITS,
    MEMORY_GROWTH,
    NAMES,
    OPERATIONS,
    PEAK_MEMORY,
    RETRACES,
    STEP_TIMES,
    InTurn,
    in_turn,
    key,
    log_perplexity,
)
from bench.judge.types import Direction, Estimator, Scale
from bench.record.paired import ABBA, BAAB, CANDIDATE, REFERENCE, Pair, Quad
from bench.record.types import DEFAULT_WORKLOAD, FITTED_LOSS, OF_SOME, STEP_TIME_GROWTH, Memory, Startup
from lm.workloads.registry import names, workload
from tests.builders.launches import on_both
from tests.builders.paired import pair, side_record
from tests.builders.records import SUBJECT

MIB = 2**20
# Geometric means: 0.2 s and 0.4 s; of CPU time 1 s and 2 s.
QUAD = Quad(ABBA, (0.1, 0.2, 0.8, 0.4), (1.0, 2.0, 2.0, 1.0))
TURNED = Quad(BAAB, (0.2, 0.1, 0.4, 0.8), (2.0, 1.0, 1.0, 2.0))  # the same, the candidate first and last


def launch() -> Pair:
    """Perplexities of e^5 and e^5.1; 100 of 1000 MiB and 900 of 2500 MiB are libraries."""
    reference, candidate = side_record(0, "2.20.0", 5.0, 0, 0.0), side_record(0, "2.21.0", 5.1, 0, 0.0)
    return dataclasses.replace(
        pair(),
        reference=dataclasses.replace(
            reference,
            memory=Memory(1000 * MIB, -50.0, file_rss_bytes=100 * MIB, peak_gpu_bytes=500),
            startup=Startup(8.0, 0.5, 1.0, 0.25),
        ),
        candidate=dataclasses.replace(
            candidate,
            memory=Memory(2500 * MIB, 150.0, file_rss_bytes=900 * MIB, peak_gpu_bytes=1500),
            startup=Startup(4.0, 1.0, 3.0, 0.25),
        ),
        steps=(QUAD, TURNED),
        evaluations=(TURNED,),
    )


def row(name: str, window_start: float = 0.0) -> InTurn:
    return next(row for row in in_turn(window_start) if row.metric.name == name)


def value(name: str, of: Pair, side: str) -> float | None:
    """One side's value in the metric's unit."""
    found = row(name)
    return found.metric.natural(found.side(of, side))


@pytest.mark.parametrize(
    ("name", "reference", "candidate"),
    [
        ("perplexity", math.exp(5.0), math.exp(5.1)),
        ("step time", 0.2, 0.4),
        ("mean step", 0.25, 0.5),  # (0.1 + 0.4)/2 and (0.2 + 0.8)/2
        ("evaluation step", 0.2, 0.4),
        ("peak memory", 900 * MIB, 1600 * MIB),
        ("memory growth", -50.0, 150.0),
        ("step time growth", 1.0, 1.0),
        ("cpu time", 1.0, 2.0),
        ("import", 8.0, 4.0),
        ("build", 0.5, 1.0),
        ("trace", 1.0, 3.0),
        ("first step", 0.25, 0.25),
        ("GPU memory", 500, 1500),
    ],
)
def test_each_metric_s_values_and_their_difference(name: str, reference: float, candidate: float) -> None:
    made, found = launch(), row(name)
    assert (value(name, made, REFERENCE), value(name, made, CANDIDATE)) == pytest.approx((reference, candidate))
    linear = found.metric.scale is Scale.LINEAR
    wanted = candidate - reference if linear else math.log(candidate / reference)
    assert found.difference(made) == pytest.approx(wanted)


def test_the_table_holds_these_metrics_and_no_name_twice() -> None:
    assert NAMES == tuple(row.metric.name for row in in_turn()) == tuple(dict.fromkeys(NAMES))
    assert {row.metric.name for row in in_turn() if row.metric.scale is Scale.LINEAR} == {"memory growth"}
    assert {row.metric.name for row in in_turn() if row.metric.direction is Direction.EQUAL} == {
        "perplexity",
        "fitted loss",
    }
    assert {row.metric.name for row in in_turn() if row.optional} == {"GPU memory", "fitted loss"}
    assert all(row.metric.margin is None for row in in_turn())  # margins are data
    assert key("step time") == "step_time"


@pytest.mark.parametrize("name", [name for name in names() if name != DEFAULT_WORKLOAD])
def test_a_workload_leaves_out_nothing_that_it_could_tell(name: str) -> None:
    """A metric that it leaves out or misspells is neither compared nor gated."""
    told = set(workload(name).metrics)
    common = {*STEP_TIMES, PEAK_MEMORY, MEMORY_GROWTH, CPU_TIME, "import", "first step"}
    assert common <= told <= {*NAMES, RETRACES.name, OPERATIONS.name}
    assert (RETRACES.name in told) == (name not in ("data", "fit", "predict-call", "predict-shapes", "rebuild", "save"))
    assert told & {*OF_SOME} == {"fit": {FITTED_LOSS}, "rebuild": {STEP_TIME_GROWTH}}.get(name, set())


def test_a_fitted_loss_is_the_mean_of_the_first_units_of_a_workload_that_names_it() -> None:
    """Losses of 1 to 9: (1 + … + 8) / 8 = 4.5."""
    assert f"first {FITTED_UNITS} units" in Estimator.FIRST_UNITS.value
    losses = tuple(map(float, range(1, 10)))
    subject = dataclasses.replace(launch().reference.subject, metrics=("fitted loss",))
    fitted = on_both(launch(), subject=subject, losses=losses)
    assert value("fitted loss", fitted, CANDIDATE) == pytest.approx(4.5)
    assert value("fitted loss", on_both(fitted, losses=losses[:7]), CANDIDATE) is None
    assert value("fitted loss", on_both(launch(), losses=losses), CANDIDATE) is None
    assert row("fitted loss").first == FITTED_LAUNCHES == 8


@pytest.mark.parametrize("middle", [(), (dataclasses.replace(QUAD, seconds=(9.0, 9.0, 9.0, 9.0)),)])
def test_a_step_time_grows_from_the_earlier_half_of_the_quads_to_the_later(middle: tuple[Quad, ...]) -> None:
    """The candidate takes 0.4 s, then 0.6 s; the reference 0.2 s all the time."""
    slower = dataclasses.replace(QUAD, seconds=(0.1, 0.3, 1.2, 0.4))
    grown = dataclasses.replace(launch(), steps=(QUAD, TURNED, *middle, slower, slower))
    assert value("step time growth", grown, REFERENCE) == pytest.approx(1.0)
    assert value("step time growth", grown, CANDIDATE) == pytest.approx(1.5)
    assert row("step time growth").difference(grown) == pytest.approx(math.log(1.5))
    assert row("step time growth").difference(dataclasses.replace(grown, steps=(QUAD,))) is None


def test_a_cpu_clock_too_coarse_for_a_block_tells_no_cpu_time() -> None:
    """The second quad's first block ended before the clock's next tick."""
    blind = dataclasses.replace(TURNED, cpu_seconds=(0.0, 1.0, 1.0, 2.0))
    coarse = dataclasses.replace(launch(), steps=(QUAD, blind))
    assert (value("cpu time", coarse, REFERENCE), value("cpu time", coarse, CANDIDATE)) == (None, None)
    assert row("cpu time").difference(coarse) is None
    assert value("step time", coarse, CANDIDATE) == pytest.approx(0.4)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "perplexity"])
def test_a_launch_that_does_not_tell_has_no_value(name: str) -> None:
    bare = dataclasses.replace(on_both(launch(), memory=None, startup=None), steps=(), evaluations=())
    assert (value(name, bare, REFERENCE), value(name, bare, CANDIDATE), row(name).difference(bare)) == (
        None,
        None,
        None,
    )


def test_perplexity_leaves_the_steps_before_its_window_out() -> None:
    """Losses of 10 time steps: 2 of 10 steps at 90, 8 at 50."""
    made = on_both(launch(), losses=(90.0,) * 2 + (50.0,) * 8)
    assert row("perplexity").side(made, CANDIDATE) == pytest.approx(5.8)
    assert row("perplexity", 0.2).side(made, CANDIDATE) == pytest.approx(5.0)


def test_log_perplexity_is_the_mean_loss_a_token_after_the_window() -> None:
    """10 steps of 10 time steps; the window leaves out the first 5: (60 + 4·50)/5/10 = 5.2."""
    assert log_perplexity([900.0] * 5 + [60.0] + [50.0] * 4, SUBJECT, 0.5) == pytest.approx(5.2)


@pytest.mark.parametrize("count", [0, 9, 11])
def test_losses_of_another_number_of_steps_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} losses in a training of 10 steps"):
        log_perplexity([50.0] * count, SUBJECT, 0.0)
