"""The simulation of bisect: its histories, and that it counts a search that is wrong."""

import re

import numpy as np

from bench.judge.bisect import LAUNCHES, Answer
from bench.stats.bisection import CONFIDENCE, SINGLE
from experiments.bisection import (
    OUTPUT,
    PLACE,
    SHAPES,
    SIZES,
    History,
    Launches,
    Played,
    plain,
    play,
    search,
    tables,
)
from experiments.noise import kinds, read_noise

NOISE = list(kinds(read_noise()).values())


def test_histories_reach_the_whole_change_by_their_steps() -> None:
    generator = np.random.default_rng(0)
    for shape, make in SHAPES.items():
        history = make(9, generator)
        assert history.means[-1] == (0.0 if shape == "nothing" else 1.0) or np.isclose(history.means[-1], 1.0)
        changed = np.flatnonzero(np.diff(history.means, prepend=0.0)) + 1
        assert shape == "drift" or set(changed) >= set(history.steps)


def test_a_release_that_brought_less_than_a_search_may_name_is_no_step() -> None:
    histories = [SHAPES["two to four steps"](9, np.random.default_rng(seed)) for seed in range(20)]
    sizes = [np.diff(history.means, prepend=0.0) for history in histories]
    quarters = [tuple(np.flatnonzero(size >= SINGLE) + 1) for size in sizes]
    assert [tuple(sorted(history.steps)) for history in histories] == quarters
    assert any(np.count_nonzero(size) > len(own) for size, own in zip(sizes, quarters, strict=True))


def test_a_search_is_right_where_a_step_is_large() -> None:
    found = play("one step", 20.0, 14, NOISE, search)
    assert all(played.answer is Answer.FOUND and played.right for played in found)
    assert all(played.answer is Answer.NO_CHANGE for played in play("nothing", 20.0, 7, NOISE, search))


def test_a_search_that_guesses_is_counted_as_wrong() -> None:
    def guess(history: History, launches: Launches) -> Played:
        return Played(Answer.FOUND, 1 in history.steps, 0)

    found = play("one step", 20.0, 50, NOISE, guess)
    assert sum(played.right for played in found) < 25


def test_plain_bisection_is_wrong_where_launches_are_as_noisy_as_the_change() -> None:
    found = play("one step", 1.0, 50, NOISE, lambda history, launches: plain(history, launches, 1))
    assert sum(played.right for played in found) < 40


def test_the_tables_have_a_row_for_each_shape_and_size() -> None:
    text = tables(1, NOISE[:1])
    assert text.count("| one step |") == 3
    assert text.count("| nothing |") == 3


def test_the_launches_that_the_command_expects_are_those_of_the_table() -> None:
    rows = [line for line in OUTPUT.read_text(encoding="utf-8").splitlines() if line.startswith("| one step |")]
    medians = [int(row.split("|")[-2].split(",")[0]) for row in rows]
    assert (min(medians), max(medians)) == LAUNCHES


def test_the_committed_table_keeps_what_is_promised() -> None:
    """Too few histories stand in a row to bound its rate by itself."""
    most = 100 * (1 - CONFIDENCE)
    found: dict[tuple[str, str], tuple[float, ...]] = {}
    for row in OUTPUT.read_text(encoding="utf-8").partition(PLACE)[2].splitlines():
        _, history, size, _, cell, *_ = [*row.split("|"), "", "", "", ""]
        if "≤" in cell:
            found[history.strip(), size.strip()] = tuple(map(float, re.findall(r"([\d.]+)%", cell)))
    assert list(found) == [*((shape, f"{size:g}") for shape in SHAPES for size in SIZES), ("all of these", "")]
    assert found.pop(("all of these", ""))[1] <= most
    assert max(wrong for wrong, _ in found.values()) <= most
