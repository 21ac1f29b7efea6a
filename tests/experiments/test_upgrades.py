"""The experiment's bookkeeping: what is missing, what is kept of a run, and what a row of the table says."""

import dataclasses
import math

import pytest

from bench.judge.metrics import ONE_CORE_STEP_TIME
from bench.record.paired import ONE_CORE, PairedRun
from bench.record.types import SCHEMA, Failure
from bench.stats.outcome import Outcome
from bench.stats.sequential import PASS_LAUNCHES, Plan, decide
from experiments.upgrades import CASES, OUTPUT, Case, Store, bounds, document, missing, read_store, summary
from tests.builders.launches import PAIRED, of_kinds
from tests.builders.paired import pair, paired_run

NOTHING = Case(ONE_CORE_STEP_TIME, "notebook", 0, 20)
SLOWER = Case(ONE_CORE_STEP_TIME, "notebook", 2, 20)


def run(launches: int = 10, step: float = 0.0) -> PairedRun:
    return dataclasses.replace(of_kinds([ONE_CORE] * launches, step=step), only=(ONE_CORE_STEP_TIME,))


def store(*steps: float) -> Store:
    """Two runs with nothing changed, and runs of twice the margin with steps as given."""
    same = [summary(run(), NOTHING, number, PAIRED) for number in range(2)]
    slower = [summary(run(4, step), SLOWER, number, PAIRED) for number, step in enumerate(steps)]
    return Store(SCHEMA, (*same, *slower))


def rows(text: str) -> list[list[str]]:
    lines = (line for line in text.splitlines() if line.startswith("| step time"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_run_is_missing_at_first_and_the_first_of_each_case_comes_first() -> None:
    everything = list(missing(Store(SCHEMA, ())))
    assert len(everything) == sum(case.runs for case in CASES) == 140
    assert everything[: len(CASES)] == [(case, 0) for case in CASES]


def test_what_was_kept_is_not_measured_again() -> None:
    left = list(missing(store(0.04)))
    assert len(left) == 137
    assert (NOTHING, 0) not in left
    assert (NOTHING, 2) in left


def test_a_run_keeps_the_outcome_and_each_launch() -> None:
    found = summary(run(), NOTHING, 3, PAIRED)
    assert (found.outcome, found.margin, found.number) == (Outcome.PASS.value, 0.02, 3)
    assert found.values[:2] == pytest.approx([0.004, -0.006])
    assert found.seconds == (30.0,) * 10


def test_a_run_of_which_a_launch_failed_is_not_kept() -> None:
    broken = paired_run([pair(0, failure=Failure("crashed", "it crashed"))])
    with pytest.raises(ValueError, match="a launch failed"):
        summary(broken, NOTHING, 0, PAIRED)


def test_a_row_counts_outcomes_and_says_what_they_show() -> None:
    """Two of two right show at least 16% (0.025^(1/2)), and a run that was wrong is counted as what it said."""
    same, slower = rows(document(store(0.04, 0.0)))
    assert same[:3] == [ONE_CORE_STEP_TIME, "notebook", "the same"]
    assert same[4:] == ["2.0%", "2", "2", "0", "0", "2 of 2 (16% to 100%)", "10 (10)", "5.0 (5.0)"]
    assert slower[2] == "2 margins slower"
    assert slower[5:10] == ["2", "0", "1", "1", "1 of 2 (1% to 99%)"]


def test_bounds_are_exact() -> None:
    assert bounds(0, 10) == pytest.approx((0.0, 1 - 0.025**0.1))
    assert bounds(10, 10) == pytest.approx((0.025**0.1, 1.0))
    assert bounds(1, 2) == pytest.approx((1 - math.sqrt(0.975), math.sqrt(0.975)))


def test_the_committed_runs_are_of_the_cases_that_are_asked_for_and_say_what_their_launches_prove() -> None:
    runs = read_store().runs
    assert len({(one.metric, one.config, one.margins, one.number) for one in runs}) == len(runs)
    for one in runs:
        assert one.number < next(case.runs for case in CASES if _of(case) == (one.metric, one.config, one.margins))
        decision = decide(one.values, math.log1p(one.margin), Plan(len(one.values), PASS_LAUNCHES))
        assert decision is not None
        assert decision.outcome.value == one.outcome


def _of(case: Case) -> tuple[str, str, int]:
    return case.metric, case.config, case.margins


def test_the_document_is_made_of_the_committed_runs() -> None:
    written = OUTPUT.read_text(encoding="utf-8")
    assert document(read_store()) == written, "python -m experiments.upgrades table writes it"
