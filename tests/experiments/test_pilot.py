"""Margins follow from the pilot's launches, on the worst host."""

import dataclasses
import math
from pathlib import Path

import pytest

from bench.judge.margins import Margins, read_margins
from bench.judge.metrics import EVALUATION_STEP, MEAN_STEP, ONE_CORE_STEP_TIME, STEP_TIME, key
from bench.record.paired import ALL_CORES, CANDIDATE, ONE_CORE, REFERENCE
from bench.record.types import SCHEMA
from experiments.pilot import METRICS, Launched, Spread, Store, first_sides, read_store, spreads, table
from experiments.placement import EACH, FOUND, Batch
from experiments.placement import read_store as read_placement
from tests.builders.records import MACHINE, OTHER_MACHINE

ROOT = Path(__file__).resolve().parents[2]
MARGINS = read_margins(ROOT / "baselines" / "margins.toml")


def too_small(margins: Margins, store: Store) -> list[Spread]:
    """The spreads whose least margin is above the one that gates."""
    found = spreads(store, METRICS, read_placement().batches)
    return [one for one in found if (margin := margins.of(one.metric, one.config)) and margin < one.least_margin - 1e-9]


def test_no_margin_is_smaller_than_the_pilot_allows() -> None:
    assert too_small(MARGINS, read_store()) == []


def test_the_page_has_what_the_pilot_found() -> None:
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    assert table(read_store(), read_placement().batches) in page, "python -m experiments.pilot --table"
    assert "\n".join(first_sides(read_store())) in page


def test_a_smaller_margin_is_refused() -> None:
    """On one core each margin is the smallest that the worst host allows: half a percent less is too small."""
    store = read_store()
    for config in {one.config for one in store.launches}:
        smaller = (MARGINS.of(ONE_CORE_STEP_TIME, config) or 0.0) - 0.005
        assert too_small(dataclasses.replace(MARGINS, gating={key(ONE_CORE_STEP_TIME): {config: smaller}}), store)


def launched(value: float, number: int, host: int = 0) -> Launched:
    machine = (MACHINE, OTHER_MACHINE)[host]
    return Launched("tiny", ALL_CORES, number, machine, (0, 1), "reference", 10.0, {STEP_TIME: value})


def test_a_least_margin_is_twice_the_deviation_and_the_bias_rounded_up() -> None:
    """Deviation 1.0%, mean 0.2%: 2.2% and so 2.5%; the other host's is 0.71%, mean 0.5%: 1.93% and so 2.0%."""
    here = [launched(value, number) for number, value in enumerate((0.002 - 0.01, 0.002, 0.002 + 0.01))]
    there = [launched(value, number, host=1) for number, value in enumerate((0.0, 0.01))]
    found = spreads(Store(SCHEMA, (*here, *there)), METRICS)
    assert [(one.host, one.launches) for one in found] == [("A CPU, 2 cores", 3), ("Another CPU, 64 cores", 2)]
    assert [one.deviation for one in found] == pytest.approx([0.01, 0.01 / math.sqrt(2)])
    assert [one.mean for one in found] == pytest.approx([0.002, 0.005])
    assert [one.least_margin for one in found] == pytest.approx([0.025, 0.02])


def test_a_least_margin_is_a_ratio_of_what_deviates_as_a_logarithm() -> None:
    """exp(0.31) is 1.3634."""
    assert Spread("notebook", "trace", "A CPU", 10, 0.15, -0.01).least_margin == pytest.approx(0.365)


def test_a_margin_may_be_by_what_means_of_three_launches_deviate() -> None:
    """1.2% / √3 is 0.693%: 1.386% + 0.1%, and so 1.5%; of single launches it is 2.5%, as a ratio 2.53%, and so 3%."""
    for metric, means_of, margin in ((ONE_CORE_STEP_TIME, 3, 0.015), (STEP_TIME, 1, 0.03)):
        found = Spread("notebook", metric, "A CPU", 10, 0.012, -0.001)
        assert found.means_of == means_of
        assert found.least_margin == pytest.approx(margin)


def test_what_the_first_side_loses_is_half_the_difference_of_both_orders() -> None:
    """Means 0.1 and 0.4%; each order's variance is 2e-6, so that the error of the difference is √(2e-6), 0.14%."""
    firsts = (REFERENCE, REFERENCE, CANDIDATE, CANDIDATE)
    launches = [
        dataclasses.replace(launched(value, number), first=first)
        for number, (first, value) in enumerate(zip(firsts, (0.0, 0.002, 0.003, 0.005), strict=True))
    ]
    (line,) = first_sides(Store(SCHEMA, (*launches, launched(0.1, 4, host=1))))
    counts = "2 and 2 launches"
    assert line == f"- step time, tiny, A CPU, 2 cores: +0.15% ± 0.07% ({counts})"


def test_launches_of_placement_count_if_they_are_like_a_run_s() -> None:
    batches = [Batch(EACH, MACHINE, (0.0, 0.01)), Batch(EACH, MACHINE, (0.02,)), Batch(FOUND, MACHINE, (0.5,))]
    [one] = spreads(Store(SCHEMA, ()), METRICS, batches)
    assert (one.config, one.metric, one.launches) == ("tiny", ONE_CORE_STEP_TIME, 3)
    assert (one.mean, one.deviation) == pytest.approx((0.01, 0.01))


def test_launches_of_one_core_are_apart_by_how_libraries_were_read() -> None:
    old, new = launched(0.0, 1), launched(0.0, 2)
    changed = [
        dataclasses.replace(one, cores=ONE_CORE, values={ONE_CORE_STEP_TIME: value}, reads_anew=anew)
        for one, anew in ((old, False), (new, True))
        for value in (0.0, 0.01)
    ]
    found = spreads(Store(SCHEMA, tuple(changed)), METRICS)
    assert [(one.host, one.launches) for one in found] == [
        ("A CPU, 2 cores, libraries as found", 2),
        ("A CPU, 2 cores", 2),
    ]


def test_a_table_has_a_row_for_each_metric_configuration_and_host() -> None:
    text = table(Store(SCHEMA, tuple(launched(value, number) for number, value in enumerate((0.0, 0.02)))))
    assert text.splitlines()[-1].split("|")[1:4] == [" step time ", " tiny            ", " A CPU, 2 cores "]
    assert "1.41%" in text


def test_every_gating_time_was_piloted() -> None:
    told = {one.metric for one in spreads(read_store(), METRICS)}
    assert {ONE_CORE_STEP_TIME, STEP_TIME, MEAN_STEP, EVALUATION_STEP} <= told
