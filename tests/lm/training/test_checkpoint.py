"""Checkpoints: what is written is read; anything else is refused in a line; a failed write leaves the old file."""

import dataclasses
import hashlib
import io
import json
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.training import checkpoint
from lm.training.checkpoint import (
    SCHEMA,
    Checkpoint,
    CheckpointError,
    EpochResult,
    load_checkpoint,
    save_checkpoint,
)
from lm.training.initial import initial_weights
from tests.lm.agreement import random_state

CONFIG = CONFIGS["tiny"]
EPOCHS = (EpochResult(1, 1.0, 1 / 3, float("inf"), 2.5, 800.0),)
WHOLE = Checkpoint("f00d", "cells", 7, 0.1, 1 / 7, 2.5, EPOCHS, initial_weights(CONFIG), random_state(CONFIG, seed=1))
SMALL = dataclasses.replace(WHOLE, weights={"output/bias": np.arange(6, dtype=np.float32)}, state={})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "training" / "checkpoint.npz"


def same(found: Checkpoint, wanted: Checkpoint) -> bool:
    """Equal to the last bit, arrays and their order among them."""
    for part in ("weights", "state"):
        arrays, others = getattr(found, part), getattr(wanted, part)
        if list(arrays) != list(others) or any(
            arrays[name].tobytes() != value.tobytes() for name, value in others.items()
        ):
            return False
    nothing: dict[str, Any] = {"weights": {}, "state": {}}
    return dataclasses.replace(found, **nothing) == dataclasses.replace(wanted, **nothing)


def refusal(path: Path, fingerprint: str = "f00d", implementation: str = "cells") -> str:
    """The message with which the checkpoint is refused, one line that names the file."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, fingerprint, implementation)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def damaged(path: Path) -> str:
    return f"checkpoint {path} is damaged, or of another version: delete it and start the training again"


def test_what_is_written_is_what_is_read(path: Path) -> None:
    save_checkpoint(path, WHOLE)
    assert same(load_checkpoint(path, "f00d", "cells"), WHOLE)
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.npz"]


def test_a_newer_checkpoint_takes_the_olds_place(path: Path) -> None:
    save_checkpoint(path, WHOLE)
    newer = dataclasses.replace(WHOLE, step=8, state=random_state(CONFIG, seed=2))
    save_checkpoint(path, newer)
    found = load_checkpoint(path, "f00d", "cells")
    assert same(found, newer)
    assert not same(found, WHOLE)


def test_schema_2_has_these_parts(path: Path) -> None:
    """Checkpoints outlive versions: whoever changes the format has to raise the schema."""
    save_checkpoint(path, SMALL)
    with np.load(path) as stored:
        assert stored.files == ["meta", "weights:output/bias"]
        meta = json.loads(str(stored["meta"]))
    assert SCHEMA == 2
    assert list(meta) == [
        "schema",
        "fingerprint",
        "implementation",
        "step",
        "learning_rate",
        "epoch_loss",
        "epoch_seconds",
        "epochs",
    ]


def test_all_of_a_file_is_synced_before_it_takes_its_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a power cut may leave a checkpoint that lacks something."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_size))
    save_checkpoint(path, SMALL)
    assert synced == [path.stat().st_size]


def test_a_missing_checkpoint(path: Path) -> None:
    assert refusal(path) == f"no checkpoint at {path}: start the training without --resume"


def test_another_trainings_checkpoint(path: Path) -> None:
    save_checkpoint(path, SMALL)
    wanted = f"checkpoint {path} has fingerprint f00d, this training beef: give another --output"
    assert refusal(path, fingerprint="beef") == wanted
    wanted = f"checkpoint {path} has implementation cells, this training fused: give another --output"
    assert refusal(path, implementation="fused") == wanted


def test_another_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as later:
        later.setattr(checkpoint, "SCHEMA", 3)
        save_checkpoint(path, SMALL)
    assert refusal(path) == f"checkpoint {path} has another schema than 2: start the training again with this version"


def test_files_that_no_training_wrote(path: Path) -> None:
    """Among them a checkpoint of schema 1, which was an archive alone."""
    save_checkpoint(path, SMALL)
    archive = io.BytesIO()
    np.savez(archive, meta=np.array(json.dumps({"schema": 1})))
    sealed = archive.getvalue() + hashlib.sha256(archive.getvalue()).digest()
    contents = (b"", b"PK", b"no checkpoint at all\n" * 9, archive.getvalue(), sealed + b"\0", sealed[:-1])
    for content in contents:
        path.write_bytes(content)
        assert refusal(path) == damaged(path)


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)
    assert refusal(path) == f"checkpoint {path} can't be read (Is a directory): see to its path and permissions"


def test_a_file_cut_short_anywhere(path: Path) -> None:
    save_checkpoint(path, SMALL)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        assert refusal(path) == damaged(path)


def test_a_byte_changed_anywhere(path: Path) -> None:
    save_checkpoint(path, SMALL)
    content = path.read_bytes()
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        assert refusal(path) == damaged(path)


def test_a_write_that_fails_leaves_the_old_checkpoint_alone(path: Path) -> None:
    """The kernel refuses to write past 16 KiB, as it refuses on a full disk: tiny's checkpoint takes 130."""
    save_checkpoint(path, SMALL)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 10, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            save_checkpoint(path, WHOLE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert same(load_checkpoint(path, "f00d", "cells"), SMALL)
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.npz"]
