"""`tfgate train`: its folders. Training itself: tests/lm/training/test_full.py."""

from pathlib import Path

from tests.builders.commands import Tfgate, snapshot


def test_an_interpreter_that_is_missing_is_a_failed_measurement(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate("train", "--config", "tiny", "--python", "nowhere/python", "--output", tmp_path / "training")
    assert (found.code, "nowhere/python" in found.error) == (4, True)
    assert snapshot(tmp_path) == {}


def test_a_training_that_is_there_is_left_alone(tfgate: Tfgate, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").write_bytes(b"weights")
    found = tfgate("train", "--config", "tiny", "--output", tmp_path)
    assert found.code == 2
    assert "--resume" in found.error
    assert snapshot(tmp_path) == {"checkpoint.npz": b"weights"}


def test_several_configurations_have_folders_of_their_own(tfgate: Tfgate, tmp_path: Path) -> None:
    """One has a checkpoint to go on from, the other has none."""
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "checkpoint.npz").write_bytes(b"weights")
    more = ["--config", "tiny", "--config", "small", "--output", tmp_path]
    assert f"{tmp_path / 'small'}:" in tfgate("train", *more, "--resume").error
    assert tfgate("train", *more).error.startswith(f"{tmp_path / 'tiny'} ")
