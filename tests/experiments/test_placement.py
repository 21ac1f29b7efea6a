"""Batches of launches whose place in memory is chosen: none has fewer launches than its mean's error says."""

from pathlib import Path

import pytest

from experiments import placement
from tests.builders.fake_interpreter import session_text, write_interpreter


def test_a_side_that_fails_ends_it_and_keeps_no_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "STORE", tmp_path / "placement.json")
    python = write_interpreter(tmp_path / "python", session_text("Session.open = lambda self, **asked: 1 / 0"))
    with pytest.raises(ValueError, match=r"^launch 0: .*division by zero"):
        placement.measure([python, python], [placement.FOUND])
    assert not placement.STORE.exists()
