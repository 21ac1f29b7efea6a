"""The table of precision: which comparisons it has, and what its cells say."""

import dataclasses
import re
from pathlib import Path

from bench.report.precision import (
    CATCHES,
    COVERED,
    FALSE_ALARMS,
    HEADERS,
    OWN,
    PASS_AT_MARGIN,
    PASS_AT_TWICE,
    RATES,
    precision_table,
    seen,
    trust,
)
from bench.stats.power import Precision
from experiments.error_rates import FIGURES
from tests.builders.verdicts import EXACT, comparison, gate

ROOT = Path(__file__).resolve().parents[3]
FOUND = Precision(0.0123, 6, 16, 9, 0.08, (0.8, 0.95, 1.0))
STEP = dataclasses.replace(comparison("step time", 0.0, 0.005), precision=FOUND)


def test_the_rates_are_those_that_the_simulation_asks_for() -> None:
    asked = {figure.name: figure.limit for figure in FIGURES}
    passes = [asked[f"PASS, {size} the margin"] for size in ("at", "twice")]
    assert passes == [PASS_AT_MARGIN, PASS_AT_TWICE]
    alarms = {limit for name, limit in asked.items() if name.startswith("REGRESSION, nothing changed")}
    assert alarms == {FALSE_ALARMS}


def test_the_pages_that_are_named_are_there() -> None:
    named = [re.findall(r"docs/\S+\.md", text) for text in (RATES, CATCHES, OWN, COVERED)]
    assert named[0] == ["docs/error-rates.md", "docs/error-rates-measured.md"]
    assert all((ROOT / page).is_file() for pages in named for page in pages)


def test_a_row_shows_its_numbers() -> None:
    (row,) = precision_table([STEP]).rows
    shown = dict(zip(HEADERS, (cell.text for cell in row), strict=True))
    assert (shown["launches"], shown["deviation"], shown["95% power"]) == ("6 of 16", "1.23%", "9")
    assert shown["MDE"] == "+8.3%"  # 0.08 as a logarithm
    assert (shown["× 1.5"], shown["× 2"], shown["× 3"]) == ("80%", "95%", "100%")
    assert shown["unseen"] == "26%"  # 0.8⁶
    assert [cell.key for cell in row[2:6]] == [6, 0.0123, 0.08, 9]


def test_what_launches_do_not_settle_has_no_number_of_them() -> None:
    """A perplexity of replicates: it is looked at once, and more launches of the candidate leave it open."""
    replicates = comparison("perplexity", 0.0, 0.001)
    (row,) = precision_table([replicates]).rows
    shown = dict(zip(HEADERS, (cell.text for cell in row), strict=True))
    assert (shown["95% power"], shown["unseen"]) == ("–", "–")
    assert shown["MDE"].startswith("+")
    assert precision_table([EXACT]).rows == ()


def test_the_rates_are_of_what_gates_at_planned_looks() -> None:
    aside = dataclasses.replace(STEP, metric=dataclasses.replace(STEP.metric, gates=False))
    assert [trust([one]) for one in (comparison("perplexity", 0.0, 0.001), aside)] == [""] * 2
    assert trust([aside, STEP]) == f"{RATES} {COVERED}"
    assert trust([EXACT]) == f"{CATCHES} {COVERED}"  # numbers alone
    assert trust([EXACT, STEP]) == f"{RATES} {CATCHES} {COVERED}"
    assert trust([EXACT, STEP], own=True) == f"{RATES} {CATCHES} {OWN} {COVERED}"
    assert trust([STEP], own=True) == f"{RATES} {COVERED}"


def test_both_step_times_say_what_would_be_seen() -> None:
    """0.08 and 0.01 as logarithms; of other metrics the table has it, and of nothing precise nobody."""
    fine = dataclasses.replace(FOUND, deviation=0.004, detectable=0.01)
    one_core = dataclasses.replace(comparison("step time on one core", 0.0, 0.005), precision=fine)
    mean = dataclasses.replace(STEP, metric=dataclasses.replace(STEP.metric, name="mean step"))
    line = "step time on one core +1.0% (0.40%), step time +8.3% (1.23%)"
    assert list(seen([EXACT, one_core, STEP, mean])) == [
        f"Would be seen in 95% of such runs (deviation of launches): {line}"
    ]
    (alone,) = seen([STEP, dataclasses.replace(EXACT, subject="tiny")])
    assert f"such runs of {STEP.subject} (" in alone
    assert not list(seen([EXACT, mean, dataclasses.replace(STEP, precision=None)]))


def test_every_gating_metric_in_turn_has_a_row() -> None:
    names = [row[0].text for row in precision_table(gate().verdict.comparisons).rows]
    assert [name for name in names if name != "perplexity"] == [
        *("step time", "mean step", "evaluation step", "peak memory", "memory growth"),
    ]
