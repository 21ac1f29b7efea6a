"""The simulation of blame: its tables, and that it counts what is wrong."""

import re

import numpy as np

from bench.stats.effects import CONFIDENCE
from experiments.blaming import LAUNCHES, OUTPUT, PLACE, blamed, in_turn, one_by_one, pair_alone, play, right, table
from experiments.noise import kinds, read_noise

NOISE = kinds(read_noise())


def test_launches_are_taken_one_of_each_part_in_turn() -> None:
    series = np.arange(3.0 * LAUNCHES)
    assert in_turn(series, 3)[:, :2].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert one_by_one(series, 3)[1, :2].tolist() == [LAUNCHES, LAUNCHES + 1]


def test_large_effects_are_blamed_and_no_others() -> None:
    found = play(NOISE["normal"], 6.0, 200, in_turn)
    assert sum(map(right, found)) > 190
    assert sum(any(blamed(one)) for one in play(NOISE["normal"], 0.0, 200, in_turn)) < 10


def test_a_large_effect_of_two_together_is_blamed_on_the_pair_alone() -> None:
    found = play(NOISE["normal"], 0.0, 200, in_turn, together=6.0)
    assert sum(map(pair_alone, found)) > 190
    assert not any(map(right, found))


def test_effects_below_the_noise_are_counted_as_missed() -> None:
    assert sum(map(right, play(NOISE["normal"], 0.5, 200, in_turn))) < 20
    assert sum(map(pair_alone, play(NOISE["normal"], 0.0, 200, in_turn, together=0.5))) < 20


def test_the_committed_table_keeps_what_is_promised() -> None:
    rows = OUTPUT.read_text(encoding="utf-8").partition(PLACE)[2].splitlines()
    bounds: dict[str, float] = {}
    for row in rows:
        _, name, cell, *_ = [*row.split("|"), "", "", ""]
        if name.strip() in NOISE and "≤" in cell:
            bounds.setdefault(name.strip(), float(re.findall(r"≤ ([\d.]+)%", cell)[0]))
    assert list(bounds) == list(NOISE)
    assert max(bounds.values()) <= 100 * (1 - CONFIDENCE)


def test_the_table_has_a_row_for_each_kind_of_noise() -> None:
    assert table(2, {"normal": NOISE["normal"]}).count("| normal |") == 1
