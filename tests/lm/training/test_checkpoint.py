"""Checkpoints: what is written is read; anything else is refused in a line; a failed write leaves the old file."""

import dataclasses
import json
import re
import resource
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lm.config import CONFIGS
from lm.training.checkpoint import (
    SCHEMA,
    Checkpoint,
    CheckpointError,
    EpochResult,
    load_checkpoint,
    require_shapes,
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


def write_with_meta(path: Path, **changes: Any) -> None:
    """A checkpoint whose fields are changed, or with None left out."""
    save_checkpoint(path, SMALL)
    with np.load(path) as stored:
        arrays = dict(stored)
    meta = {**json.loads(str(arrays.pop("meta"))), **changes}
    np.savez(
        path, meta=np.array(json.dumps({key: value for key, value in meta.items() if value is not None})), **arrays
    )


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


def test_schema_1_has_these_parts(path: Path) -> None:
    """Checkpoints outlive versions: whoever changes the format has to raise the schema."""
    save_checkpoint(path, SMALL)
    with np.load(path) as stored:
        assert stored.files == ["meta", "weights:output/bias"]
        meta = json.loads(str(stored["meta"]))
    assert SCHEMA == 1
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


def test_a_missing_checkpoint(path: Path) -> None:
    assert refusal(path) == f"no checkpoint at {path}: start the training without --resume"


def test_another_trainings_checkpoint(path: Path) -> None:
    save_checkpoint(path, SMALL)
    wanted = f"checkpoint {path} has fingerprint f00d, this training beef: give another --output"
    assert refusal(path, fingerprint="beef") == wanted
    wanted = f"checkpoint {path} has implementation cells, this training fused: give another --output"
    assert refusal(path, implementation="fused") == wanted


@pytest.mark.parametrize("schema", [0, 2, "1", 1.0, True, None])
def test_another_schema(path: Path, schema: Any) -> None:
    write_with_meta(path, schema=schema)
    assert refusal(path) == f"checkpoint {path} has another schema than 1: start the training again with this version"


@pytest.mark.parametrize("changes", [{"step": None}, {"epochs": None}, {"epochs": 3}, {"momentum": 0.9}])
def test_missing_and_unknown_fields(path: Path, changes: dict[str, Any]) -> None:
    write_with_meta(path, **changes)
    assert re.search(
        rf"can't be read \(.*{next(iter(changes)) if changes != {'epochs': 3} else 'iterable'}.*\): delete it",
        refusal(path),
    )


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"no checkpoint at all\n" * 9, b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', }"]
)
def test_a_file_of_another_kind(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    assert (
        refusal(path)
        == f"checkpoint {path} can't be read (not a whole zip file): delete it and start the training again"
    )


def test_a_single_array_and_an_archive_of_others(path: Path) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    assert "not a whole zip file" in refusal(path)
    np.savez(path, weights=np.zeros(3))
    assert "meta" in refusal(path)
    np.savez(path, meta=np.array("[1]"))
    assert "not an object" in refusal(path)
    np.savez(path, meta=np.array("{"))
    assert "can't be read" in refusal(path)


def test_a_folder_in_its_place(path: Path) -> None:
    path.mkdir(parents=True)
    assert refusal(path) == f"checkpoint {path} can't be read (Is a directory): see to its path and permissions"


def test_a_file_cut_short_anywhere(path: Path) -> None:
    save_checkpoint(path, SMALL)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        assert "can't be read" in refusal(path)


def test_a_byte_changed_anywhere_is_refused_or_seen_later_or_without_effect(path: Path) -> None:
    """Some bytes of a zip file mean nothing (the time of day); one hides an array, which Training.resume notices."""
    save_checkpoint(path, SMALL)
    content = path.read_bytes()
    refused = 0
    for position in range(0, len(content), 3):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        try:
            found = load_checkpoint(path, "f00d", "cells")
            assert same(found, SMALL) or found.weights == {}
        except CheckpointError:
            refused += 1
    assert refused > len(content) / 6


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # NumPy 1 leaves its zip file to the collector
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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"step": -1}, "step is -1"),
        ({"step": 10**20}, "step is 100000000000000000000"),
        ({"step": 1.0}, "step is 1.0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan, not a finite number"),
        ({"epoch_seconds": "2"}, "epoch_seconds is 2, not a finite number"),
        ({"epoch_loss": 10**400}, "epoch_loss is 1000"),
        ({"epochs": [{"epoch": 1}]}, "EpochResult.__init__() missing 5 required positional arguments"),
        ({"epochs": [3]}, "must be a mapping, not int"),
        ({"epochs": [{**vars(EPOCHS[0]), "train_seconds": float("inf")}]}, "train_seconds of an epoch is inf"),
        ({"epochs": [{**vars(EPOCHS[0]), "train_perplexity": float("nan")}]}, "train_perplexity of an epoch is nan"),
    ],
)
def test_values_that_no_training_leaves(path: Path, changes: dict[str, Any], message: str) -> None:
    write_with_meta(path, **changes)
    assert message in refusal(path)


def test_weights_that_are_not_finite(path: Path) -> None:
    for value in (np.nan, np.inf):
        save_checkpoint(path, dataclasses.replace(SMALL, weights={"output/bias": np.full(6, value, np.float32)}))
        assert "output/bias is not finite" in refusal(path)
    save_checkpoint(path, dataclasses.replace(SMALL, weights={"output/bias": np.array(["six"])}))
    assert "output/bias is not finite, or not of numbers" in refusal(path)


def test_an_archive_that_is_compressed_is_not_unpacked(path: Path) -> None:
    """A mebibyte of it may become a gibibyte; save_checkpoint compresses nothing."""
    path.parent.mkdir()
    np.savez_compressed(path, meta=np.array("{}"))
    assert "it is compressed" in refusal(path)


def test_an_array_that_is_larger_than_memory(path: Path) -> None:
    """4 EiB, as its header says."""
    save_checkpoint(path, SMALL)
    small, huge = b"(6,), }", b"(1152921504606846976,), }"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(small + b" " * (len(huge) - len(small)), huge))
    assert "can't be read" in refusal(path)


def test_shapes_and_types_are_the_configurations(path: Path) -> None:
    require_shapes(WHOLE, CONFIG, path)
    first, *_ = WHOLE.weights
    wrongs: list[Any] = [WHOLE.weights[first][1:], WHOLE.weights[first].astype(np.float64)]
    for wrong in wrongs:
        with pytest.raises(CheckpointError, match="lacks weights or states"):
            require_shapes(dataclasses.replace(WHOLE, weights={**WHOLE.weights, first: wrong}), CONFIG, path)
    with pytest.raises(CheckpointError, match="lacks weights or states"):
        require_shapes(dataclasses.replace(WHOLE, state={}), CONFIG, path)
