"""A paired run in a terminal: its sides, its launches, and how far they spread."""

import dataclasses
import math
import re
import statistics

import pytest
from bench.judge.paired_metrics import metrics

from bench.report.paired import pairs_text, sides_text, spread_text
from tests.bench.paired_samples import NOISE, pair, paired_run, quad
from tests.builders.verdicts import GATE_MARGINS

RUN = paired_run([pair(launch) for launch in range(4)])
MEASURED = metrics(RUN.pairs, GATE_MARGINS)


def cells(text: str, first: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(first)).split()


def test_each_side_says_what_was_asked_for_and_what_was_measured() -> None:
    reference = dataclasses.replace(
        RUN.reference, variables={"TF_ENABLE_ONEDNN_OPTS": "0"}, as_of="2026-01-01T00:00:00Z"
    )
    text = sides_text(dataclasses.replace(RUN, reference=reference))
    assert cells(text, "reference")[1:4] == ["2.20.0", "2.20.0", "3.15.1"]
    assert cells(text, "reference")[-2:] == ["TF_ENABLE_ONEDNN_OPTS=0", "2026-01-01T00:00:00Z"]
    assert cells(text, "candidate")[1:3] == ["2.21.0", "2.21.0"]


def test_a_side_that_never_ran_has_no_environment() -> None:
    assert cells(sides_text(paired_run([])), "candidate")[2:] == ["–"] * 8


def test_names_from_a_run_cannot_move_the_terminal() -> None:
    hostile = dataclasses.replace(RUN.reference, requested="\x1b[2Jname\nnext")
    text = sides_text(dataclasses.replace(RUN, reference=hostile)) + pairs_text(
        dataclasses.replace(RUN, warnings=("\x1b[31mred",))
    )
    assert "\x1b" not in text
    assert "[2Jname next" in text


def test_the_spread_is_that_of_the_launches() -> None:
    """Log ratios of the first four launches: 0.004, −0.006, 0.001, 0.003, of a deviation of 0.45%; quads of a launch are equal."""
    row = cells(spread_text(RUN, MEASURED), "step time")
    assert row[2:6] == ["4", f"{statistics.stdev(NOISE[:4]):.2%}", f"{statistics.stdev(NOISE[:4]):.2%}", "0.0%"]
    assert row[-1].startswith("+5.")  # nothing smaller than the margin is ever caught
    assert "KiB" in " ".join(cells(spread_text(RUN, MEASURED), "memory growth"))


@pytest.mark.parametrize(
    ("apart", "own", "of_quads"),
    # Launches' variance 20.3e-6 (a deviation of 0.45%). Two quads ±a about each launch: variance 2a², of which a² is in a launch's mean.
    [
        (0.0, "0.45%", "0.0%"),
        (0.002, "0.40%", "0.3%"),  # 20.3e-6 − 4e-6 = 16.3e-6 is the launch's own
        (0.02, "0.00%", "2.8%"),  # 400e-6: the quads explain it all
    ],
)
def test_the_variance_is_split_into_the_launch_s_own_and_its_quads(apart: float, own: str, of_quads: str) -> None:
    pairs = [
        dataclasses.replace(one, steps=tuple(quad(noise + a) for a in (-apart, apart)))
        for one, noise in zip(RUN.pairs, NOISE, strict=False)
    ]
    text = spread_text(paired_run(pairs), MEASURED)
    assert re.search(r"deviation +launch's +of +", text.splitlines()[0])
    assert cells(text, "step time")[3:6] == ["0.45%", own, of_quads]
    assert cells(text, "peak memory")[4:6] == ["–", "–"]  # one value a launch: nothing to split


def test_every_part_is_of_the_launches_that_decided() -> None:
    """Decided after four, whose deviation is 0.45%; two that are twice as slow came later."""
    later = paired_run([*RUN.pairs, *(pair(launch, step=0.7) for launch in (4, 5))])
    assert cells(spread_text(later, MEASURED), "step time")[2:6] == ["4", "0.45%", "0.45%", "0.0%"]


def test_without_a_first_look_there_is_no_spread() -> None:
    assert spread_text(paired_run([pair(0)]), MEASURED) == ""


def test_a_launch_s_ratio_is_its_quads() -> None:
    ratio = math.expm1(0.1 + NOISE[0])
    assert f"{100 * ratio:+.1f}%" in cells(
        pairs_text(paired_run([pair(0, step=0.1)])).split("launch", 1)[1], "       1"
    )
