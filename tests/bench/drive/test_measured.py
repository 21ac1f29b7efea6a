"""The record of a process: memory that grows, and a file that was edited.

A leak shows in most blocks, a pool that grows once in one of them.
"""

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.drive.measured import Measured, memory_growth
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.record.replies import Finished
from bench.record.types import OWN_CODE
from tests.builders.records import WITHIN

KIB = 1024


def readings(growth: Sequence[float], steps: int = 4) -> list[tuple[int, int]]:
    """(steps taken, bytes) after blocks of so many steps; memory grows by so many bytes a step from each block to the
    next.
    """
    sizes = itertools.accumulate((int(steps * part) for part in growth), initial=1 << 30)
    return [(steps * (number + 1), size) for number, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("growth", "found"),
    [
        ([64 * KIB] * 20, 64 * KIB),  # a leak
        ([0] * 12 + [4096 * KIB] + [0] * 7, 0),  # a jump
        ([64 * KIB] * 12 + [4096 * KIB] + [64 * KIB] * 7, 64 * KIB),  # both
        ([4096 * KIB] * 5 + [0] * 15, 0),  # 21 readings, five of which are warm-up
        ([-64 * KIB] * 20, -64 * KIB),
        # Of 8 readings the last 6 count, 5 growths; without the least and the greatest, (2 + 3 + 7) / 3.
        ([50, 50, 100, 3, 0, 7, 2], 4.0),
    ],
)
def test_growth_is_what_most_blocks_show(growth: Sequence[float], found: float) -> None:
    assert memory_growth(readings(growth)) == found


def test_a_growth_in_a_third_of_the_blocks_is_not_hidden() -> None:
    """Only a fifth is cut off either end."""
    assert memory_growth(readings([0, 0, 64 * KIB] * 7)) > 8 * KIB


@pytest.mark.parametrize("rss", [[], [(5, 100)]])
def test_without_two_readings_nothing_grew(rss: list[tuple[int, int]]) -> None:
    assert memory_growth(rss) == 0.0


@pytest.mark.parametrize(("sizes", "growth"), [((8, 8), 0.0), ((0, 0), None), ((0, 8), None)])
def test_memory_that_the_system_does_not_tell_has_not_grown_by_0(sizes: tuple[int, int], growth: float | None) -> None:
    """Sizes are 0 where there is no /proc."""
    measured = Measured(finished=Finished(9, 0, 0, {}), rss=list(enumerate(sizes)))
    memory = measured.record(Plan("tiny", 1), 0, 0, "").memory
    assert (memory and memory.slope_bytes_per_step) == growth


def test_a_file_of_the_user_s_own_that_was_edited_since_it_was_opened_was_not_compared(tmp_path: Path) -> None:
    """The process that says what is right has run it anew, and so has each answer. A timed launch hasn't."""
    own = tmp_path / "mine.py"
    own.write_text("def workload(): pass\n")
    fingerprint = hashlib.sha256(own.read_bytes()).hexdigest()[:16]
    plan = Plan("own", 1, workload=str(own), fingerprint=fingerprint)
    compared, timed = Measured(numerics=[WITHIN]), Measured()
    assert compared.record(plan, 0, 0, "").numerics == (WITHIN,)
    own.write_text("def workload(): return 3\n")
    assert timed.record(plan, 0, 0, "").losses == ()
    with pytest.raises(WorkerError, match=r"^mine\.py was changed while it was measured: measure anew$") as caught:
        compared.record(plan, 0, 0, "")
    assert caught.value.failure.kind == OWN_CODE
    own.unlink()
    with pytest.raises(WorkerError):
        compared.record(plan, 0, 0, "")
