"""Launches of which every step is kept: which step is in which block, and a side that fails."""

from pathlib import Path

import pytest

from experiments.designs import Cell, launch
from tests.builders.fake_interpreter import session_text, write_interpreter


@pytest.mark.parametrize("cores", ["one", "all"])
def test_each_block_has_all_its_steps(tmp_path: Path, cores: str) -> None:
    """The seconds of a fake step are its number; three of each side's warm it up. Launch 1 has the candidate first."""
    python = write_interpreter(tmp_path / "python", session_text())
    found = launch(Cell("tiny", cores, quads=2, steps=2), 1, [python, python])
    whole = [[int(1e6 * step) for step in block] for block in ((3, 4), (5, 6), (7, 8), (9, 10))]
    quads = [["BAAB", [whole[0], whole[0], whole[1], whole[1]]], ["ABBA", [whole[2], whole[2], whole[3], whole[3]]]]
    assert {name: found[name] for name in ("cell", "launch", "first", "steps")} == {
        "cell": f"tiny/{cores}",
        "launch": 1,
        "first": "B",
        "steps": quads,
    }
    assert {found["reference"], found["candidate"]} == {0, 1}


def test_a_side_that_fails_ends_it(tmp_path: Path) -> None:
    python = write_interpreter(tmp_path / "python", session_text("Session.open = lambda self, **asked: 1 / 0"))
    with pytest.raises(ValueError, match=r"tiny/all, launch 0: .*division by zero"):
        launch(Cell("tiny", "all", quads=1, steps=1), 0, [python, python])
