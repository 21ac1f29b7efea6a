"""`tfgate train`: what it refuses before a process is started. Training itself: tests/lm/training/test_full.py."""

from pathlib import Path

import pytest

from tests.bench.commands.conftest import Tfgate, snapshot


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--config", "huge"], 2, "no configuration is called 'huge'"),
        (["--config", "tiny", "--resume"], 2, "name its folder by --output, or start the training without --resume"),
        (["--config", "tiny", "--device", "tpu"], 2, "--device is 'tpu'"),
        (["--config", "tiny", "--env", "PATH"], 2, "--env 'PATH' is not NAME=VALUE"),
        (["--config", "tiny", "--python", "nowhere/python"], 4, "nowhere/python"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(
    tfgate: Tfgate, tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    found = tfgate("train", *options, "--output", tmp_path / "training")
    assert found.code == code
    assert said in found.error
    assert snapshot(tmp_path) == {}


def test_a_training_that_is_there_is_left_alone(tfgate: Tfgate, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.npz").write_bytes(b"weights")
    found = tfgate("train", "--config", "tiny", "--output", tmp_path)
    assert found.code == 2
    assert found.error == f"{tmp_path} holds a training already: go on with --resume, or choose another --output"
    assert snapshot(tmp_path) == {"checkpoint.npz": b"weights"}


def test_train_needs_a_configuration(tfgate: Tfgate) -> None:
    found = tfgate("train")
    assert found.code == 2
    assert "required: --config" in found.err
