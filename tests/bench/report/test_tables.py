"""The tables' cells: what they show, and what they are sorted by."""

import dataclasses
import math
from pathlib import Path

from bench.profile.compare import compare
from bench.record.lockstep import TensorDifferences
from bench.record.micro import Micro, read_launch
from bench.record.types import STRESS, Failure
from bench.report.judged import Judged
from bench.report.tables import Cell, Table, differences, tables
from tests.builders.micro import MICRO_RUN, STEP, write_launch
from tests.builders.profiles import two_operations
from tests.builders.records import BEYOND, SUBJECT, TINY, WITHIN, record, run
from tests.builders.verdicts import gate, judged_run, lockstep, paired_run, upgrade, verdict

MS = 1_000_000


def column(table: Table, header: str) -> list[Cell]:
    return [row[table.headers.index(header)] for row in table.rows]


def test_launches_of_both_sides() -> None:
    launches, *_ = tables(dataclasses.replace(upgrade(), run=paired_run(1.25, launches=2)))
    assert [cell.text for cell in column(launches, "side")] == ["reference", "candidate"] * 2
    assert [cell.text for cell in column(launches, "median ms")] == ["100.00", "125.00", "100.00", "125.12"]
    assert column(launches, "words/s")[1].text == "2,400"  # 300 tokens in 125 ms
    assert column(launches, "peak resident MiB")[0] == Cell("1024", 1024.0)


def test_a_gate_s_launches_in_turn_are_apart() -> None:
    launches, *_ = tables(gate())
    told = list(
        zip(
            (cell.text for cell in column(launches, "subject")),
            (cell.text for cell in column(launches, "side")),
            strict=True,
        )
    )
    alone = [(TINY.name, "candidate")] * 4 + [(SUBJECT.name, "candidate")] * 4
    apart = f"{SUBJECT.name}, in turn with the reference"
    assert told == alone + [(apart, "reference"), (apart, "candidate")] * 10


def test_a_launch_s_percentiles() -> None:
    spread = run([dataclasses.replace(record(), step_seconds=tuple(0.1 + 0.001 * number for number in range(101)))])
    launches, _ = tables(judged_run(spread))
    shown = [column(launches, f"{name} ms")[0].text for name in ("p5", "p25", "median", "p75", "p95")]
    assert shown == ["105.00", "125.00", "150.00", "175.00", "195.00"]
    single = run([dataclasses.replace(record(), step_seconds=(0.1,))])
    launches, _ = tables(judged_run(single))
    assert [column(launches, f"{name} ms")[0].text for name in ("p5", "median", "p95")] == ["–", "100.00", "–"]


def test_words_a_second_are_those_of_a_typical_step_as_the_judge_takes_it() -> None:
    """The mean logarithm of 0.1 and 0.4 s is that of 0.2 s, in which 300 words make 1,500 a second."""
    wordless = dataclasses.replace(SUBJECT, tokens_per_step=0)
    cases = ((SUBJECT, (0.1, 0.1, 0.4, 0.4)), (SUBJECT, (0.1,)), (wordless, (0.1,) * 4))
    measured = [dataclasses.replace(record(subject=subject), step_seconds=steps) for subject, steps in cases]
    launches, *_ = tables(dataclasses.replace(upgrade(), run=run(measured)))
    assert [cell.text for cell in column(launches, "words/s")] == ["1,500", "–", "–"]


def test_a_case_of_micro_has_its_middle_least_and_most_round(tmp_path: Path) -> None:
    launches = [
        read_launch(write_launch(tmp_path / f"{seconds}.json", {STEP: seconds})) for seconds in (0.07, 0.05, 0.06)
    ]
    (cases,) = tables(Judged(Micro(MICRO_RUN, launches, launches[:1]), verdict([])))
    shown = [[column(cases, header)[place].key for header in ("median", "least", "most")] for place in range(2)]
    assert shown == [[0.06, 0.05, 0.07], [0.07] * 3]


def test_lockstep_tells_where_each_tensor_differs_most() -> None:
    departed = dataclasses.replace(paired_run(), lockstep=lockstep(departs=True))
    *_, table = tables(dataclasses.replace(upgrade(), run=departed))
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["loss", "–", "2.0e-08", "2", "3", "1"],
        ["gradient", "embedding", "1.0e-02", "2", "3", "0"],
    ]


def test_a_lockstep_difference_that_is_no_number_is_the_largest() -> None:
    wild = dataclasses.replace(lockstep(), differences=(TensorDifferences("loss", "", (1.0, math.nan, 2.0)),))
    *_, table = tables(dataclasses.replace(upgrade(), run=dataclasses.replace(paired_run(), lockstep=wild)))
    assert [cell.text for cell in table.rows[0][2:4]] == ["nan", "1"]


def test_a_lockstep_that_failed_at_its_first_step_has_no_table() -> None:
    bare = dataclasses.replace(lockstep(), differences=(TensorDifferences("loss", "", ()),), departure=None)
    shown = tables(dataclasses.replace(upgrade(), run=dataclasses.replace(paired_run(), lockstep=bare)))
    assert "Lockstep: the largest difference of each tensor" not in [table.title for table in shown]


def test_a_failed_launch_shows_why_and_no_perplexity() -> None:
    failed = run([record(failure=Failure("crashed", "killed"))])
    (launches, _) = tables(judged_run(failed))
    assert column(launches, "failure") == [Cell("killed")]
    assert column(launches, "running perplexity") == [Cell("–")]


def test_of_each_quantity_the_error_nearest_to_its_limit() -> None:
    nearer, broken = dataclasses.replace(WITHIN, step=3, error=2e-6), dataclasses.replace(BEYOND, error=math.nan)
    stress = dataclasses.replace(WITHIN, step=12, source=STRESS, case="NaN")
    measured = run([record(numerics=[WITHIN, nearer, stress, BEYOND, broken])])
    *_, numerics = tables(judged_run(measured))
    assert [(row[2].text, row[4].text, row[7].text) for row in numerics.rows] == [
        ("gradient", "3", "50"),
        ("stress NaN: gradient", "12", "25"),
        ("update", "5", "inf"),
    ]


def test_what_has_no_rows_is_no_table() -> None:
    assert tables(judged_run(run([]))) == []


def test_profiles_side_by_side_what_got_slower_first() -> None:
    """A product of 3 ms that takes 5, an addition of 2 ms that takes 1; what was idle has no calls."""
    by_operation, by_layer = differences(compare(two_operations(3 * MS, 2 * MS), two_operations(5 * MS, 1 * MS)))
    assert (by_operation.title, by_layer.title) == ("By operation", "By layer")
    assert by_operation.rows[0][0] == Cell("MatMul")
    assert [cell.text for cell in by_operation.rows[0][1:4]] == ["3.000", "5.000", "+2.000"]
    assert [cell.text for cell in column(by_operation, "slower by ms")] == sorted(
        (cell.text for cell in column(by_operation, "slower by ms")), key=float, reverse=True
    )
    (idle,) = (row for row in by_operation.rows if row[0].text == "idle")
    assert [cell.text for cell in idle[-2:]] == ["–", "–"]
