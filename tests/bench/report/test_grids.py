"""A survey's tables: releases by metrics, with a mark in each cell."""

import dataclasses

from bench.judge.reasons import Accepted, CandidateFailed, Decided, Identical, TooFewLaunches
from bench.report.grids import Grid, grids, mark
from bench.stats.outcome import Outcome
from tests.builders.surveys import made, surveyed
from tests.builders.verdicts import EXACT, comparison


def test_a_regression_stands_in_its_own_cell_alone() -> None:
    before, fixed = grids(made().chapters[0], "2.12.1")
    assert before.headers == fixed.headers
    step = before.metrics.index("step time")
    assert before.headers[step] == "step time (5.0%)"
    assert before.headers[before.metrics.index("perplexity")].startswith("perplexity (±")
    assert before.headers[before.metrics.index("retraces")] == "retraces"

    def worse(grid: Grid) -> list[tuple[str, str]]:
        marks = [(row.release, dict(zip(grid.metrics, row.marks, strict=True))) for row in grid.rows]
        worst = Outcome.REGRESSION
        return [(release, name) for release, of in marks for name, one in of.items() if one.outcome is worst]

    assert worse(before) == [("2.18.1", "step time")]
    assert worse(fixed) == [(release, "step time") for release in ("2.18.1", "2.19.1", "2.20.0", "2.21.0")]
    better = [row.release for row in before.rows if row.marks[step].improved]
    assert better == ["2.20.0"]
    slower = next(row for row in before.rows if row.release == "2.18.1").marks[step]
    assert slower.text.startswith("✖ +2")
    assert " to +2" in slower.bounds
    said = {row.release: row.said for row in before.rows if row.said}
    assert said.keys() == {"2.12.1", "2.14.1", "2.16.2"}
    assert mark(None).text == "–"


def test_a_cell_of_differences_has_no_other_number() -> None:
    """What is equal to the last bit, and what too few launches tell, has no difference; numerics have an error."""
    same = dataclasses.replace(comparison("perplexity", 0.0, 0.001, 0.02), interval=None, reason=Identical(6))
    few = dataclasses.replace(
        comparison("step time", 0.0, 0.001), interval=None, outcome=Outcome.INCONCLUSIVE, reason=TooFewLaunches(2, 4)
    )
    assert [mark(one).text for one in (same, few, EXACT)] == ["✔ equal", "? –", "✔ 3.0e-07"]
    died = dataclasses.replace(few, outcome=Outcome.REGRESSION, reason=CandidateFailed(0, "killed"))
    assert mark(died).text == "✖ failed"


def test_a_release_without_a_comparison_says_what_it_is() -> None:
    """`a` was measured against nothing; the fixed reference is `b`, which is the first that could be had."""
    (chapter,) = surveyed({"a": 0.0, "b": 0.0, "c": 0.0}).chapters
    first, second, third = (dataclasses.replace(row, before=None) for row in chapter.rows)
    rows = (first, dataclasses.replace(second, fixed=None), dataclasses.replace(third, complete=False))
    before, fixed = grids(dataclasses.replace(chapter, rows=rows), "b")
    assert [row.said for row in before.rows] == ["the first release", "none before it was measured", "not measured"]
    assert [row.said for row in fixed.rows] == ["not measured", "the fixed reference", ""]


def test_two_releases_have_one_table() -> None:
    """The one before is the fixed reference."""
    (chapter,) = surveyed({"a": 0.0, "b": 0.0}).chapters
    assert [grid.title for grid in grids(chapter, "a")] == ["notebook: each release against the one before it"]


def test_a_cell_has_the_interval_that_decides() -> None:
    """t of 3 degrees is 2.353 at 95% and 3.182 at 97.5%: ±0.0235 within the margin of 0.0488, ±0.0318 beyond it."""
    passed, undecided = comparison("step time", 0.02, 0.01), comparison("step time", 0.03, 0.01)
    assert (passed.outcome, mark(passed).bounds) == (Outcome.PASS, "-0.35% to +4.4%")
    known = Accepted("2026-06-30", "known", "#7", Decided(4))
    accepted = dataclasses.replace(comparison("step time", 0.2, 0.001), outcome=Outcome.PASS, reason=known)
    assert mark(accepted).text == "✔ accepted +22.1%"
    assert (undecided.outcome, mark(undecided).bounds) == (Outcome.INCONCLUSIVE, "-0.18% to +6.4%")
