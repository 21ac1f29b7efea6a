"""The experiment's bookkeeping: what is missing, what is kept of a run, and what a row of the table says."""

import dataclasses

import pytest

from bench.record.types import SCHEMA, Failure
from experiments.upgrades import CASES, Case, Store, missing, read_store, summary
from experiments.upgrades_table import OUTPUT, document, table
from tests.builders.paired import pair, paired_run

NOTHING, SLOWER = CASES[0], next(case for case in CASES if (case.config, case.slowdown) == ("tiny", 0.10))


def store(*steps: float) -> Store:
    """Two runs of each kind: nothing changed, and slower by 10%, with steps as given for the latter."""
    runs = [summary(paired_run([pair(launch) for launch in range(4)]), NOTHING, number) for number in range(2)]
    runs += [
        summary(paired_run([pair(launch, step=step) for launch in range(4)]), SLOWER, number)
        for number, step in enumerate(steps)
    ]
    return Store(SCHEMA, tuple(runs))


def rows(document: str, start: str) -> list[list[str]]:
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in document.splitlines()
        if line.startswith(start)
    ]


def test_every_run_is_missing_at_first_and_the_first_of_each_case_comes_first() -> None:
    everything = list(missing(Store(SCHEMA, ())))
    assert len(everything) == sum(case.runs for case in CASES) == 80
    assert everything[: len(CASES)] == [(case, 0) for case in CASES]


def test_what_was_kept_is_not_measured_again() -> None:
    left = list(missing(store(0.1, 0.1)))
    assert len(left) == 76
    assert (NOTHING, 0) not in left
    assert (NOTHING, 2) in left


def test_a_run_of_which_a_launch_failed_is_not_kept() -> None:
    broken = paired_run([pair(0, failure=Failure("crashed", "it crashed"))])
    with pytest.raises(ValueError, match="a launch failed"):
        summary(broken, Case("tiny", 0.0, 1), 0)


def test_a_metric_that_a_launch_does_not_tell_is_left_out_of_that_launch_alone() -> None:
    launches = [pair(launch, evaluation=launch / 10) for launch in range(4)]
    launches[1] = dataclasses.replace(launches[1], evaluations=())
    found = summary(paired_run(launches), NOTHING, 0)
    assert ["evaluation step" in launch.values for launch in found.launches] == [True, False, True, True]
    assert found.values("evaluation step") == pytest.approx([0.004, 0.201, 0.303])  # 0, 0.2 and 0.3, and their noise
    assert len(found.values()) == 4


def test_a_whole_run_is_undecided_where_a_launch_does_not_tell_a_gating_metric() -> None:
    launches = [pair(launch) for launch in range(4)]
    launches[1] = dataclasses.replace(launches[1], evaluations=())
    runs = [summary(paired_run(each), NOTHING, 0) for each in ([pair(launch) for launch in range(4)], launches)]
    counted = [rows(table(Store(SCHEMA, (run,))), "| tiny |")[-1][2:6] for run in runs]
    assert counted == [["1", "1", "0", "0"], ["1", "0", "0", "1"]]  # runs, PASS, REGRESSION, INCONCLUSIVE


def test_a_row_counts_outcomes_and_says_what_they_show() -> None:
    """Two of two caught show at least 22% (0.05^(1/2)); none of two alarming shows at most 78%."""
    found = rows(table(store(0.10, 0.10)), "| tiny |")
    assert found[0] == ["tiny", "the same", "5%", "2", "2", "0", "0", "0", "alarms ≤ 78%", "4 (4)", "2.0 (2.0)"]
    assert found[2] == ["tiny", "+10%", "5%", "2", "0", "2", "0", "2", "caught ≥ 22%", "4 (4)", "2.0 (2.0)"]


def test_a_whole_run_has_one_verdict() -> None:
    found = rows(table(store(0.10, 0.0)), "| tiny |")
    assert found[-2] == ["tiny", "the same", "2", "2", "0", "0", "4 (4)", "2.0 (2.0)"]
    assert found[-1] == ["tiny", "+10%", "2", "1", "1", "0", "4 (4)", "2.0 (2.0)"]


def test_a_miss_is_counted() -> None:
    found = rows(table(store(0.10, 0.0)), "| tiny |")
    assert found[2][4:9] == ["1", "1", "0", "1", "caught ≥ 3%"]


def test_the_committed_runs_are_of_the_cases_that_were_asked_for() -> None:
    asked = {(case.config, case.slowdown): case.runs for case in CASES}
    runs = read_store().runs
    assert all(run.number < asked[run.config, run.slowdown] for run in runs)
    assert len({dataclasses.astuple(run)[:3] for run in runs}) == len(runs)


def test_the_document_is_made_of_the_committed_runs() -> None:
    assert document(read_store()) == OUTPUT.read_text(encoding="utf-8"), (
        "python -m experiments.upgrades_table writes it"
    )
