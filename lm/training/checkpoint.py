"""Checkpoints of a full training: one file to resume from, to the same result bit for bit on the same machine.

SGD keeps no state of its own and dropout masks are indexed by the global step, so weights, recurrent state, position,
learning rate and the sums of the current epoch are all there is.
"""

import dataclasses
import json
import math
import os
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lm.arrays import Array, State, Weights
from lm.config import Config

SCHEMA = 1
MOST_STEPS = 2**53  # more than any training has
PERPLEXITIES = ("train_perplexity", "valid_perplexity")  # which may be infinite


class CheckpointError(ValueError):
    """A checkpoint that can't be resumed from; the message says why, and names the remedy."""


@dataclasses.dataclass(frozen=True)
class EpochResult:
    """The results of an epoch."""

    epoch: int
    learning_rate: float
    train_perplexity: float
    valid_perplexity: float
    train_seconds: float
    words_per_second: float


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The state of a training after `step` global steps."""

    fingerprint: str  # Config.fingerprint of what is trained
    implementation: str
    step: int
    learning_rate: float
    epoch_loss: float  # summed over the steps of the epoch so far
    epoch_seconds: float  # spent in them
    epochs: tuple[EpochResult, ...]  # that are over
    weights: Weights
    state: State


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file whole or not at all. Raises OSError."""
    fields = {f.name: getattr(checkpoint, f.name) for f in dataclasses.fields(checkpoint)}
    arrays = {f"{part}:{name}": value for part in ("weights", "state") for name, value in fields.pop(part).items()}
    fields["epochs"] = [dataclasses.asdict(epoch) for epoch in checkpoint.epochs]
    part = part_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            np.savez(file, meta=np.array(json.dumps({"schema": SCHEMA, **fields})), **arrays)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Returns the file that becomes the checkpoint when it is whole."""
    return path.with_name(f"{path.name}.part")


def load_checkpoint(path: Path, fingerprint: str, implementation: str) -> Checkpoint:
    """Reads the checkpoint of the training so named. Raises CheckpointError if it is another's, damaged or missing."""
    try:
        meta, arrays = _read(path)
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint at {path}: start the training without --resume") from None
    except OSError as error:
        raise CheckpointError(
            f"checkpoint {path} can't be read ({error.strerror}): see to its path and permissions"
        ) from error
    # RuntimeError: encryption, or an unknown compression; MemoryError: an array that is larger than memory
    except (zipfile.BadZipFile, zlib.error, RuntimeError, KeyError, ValueError, EOFError, MemoryError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from error
    schema = meta.pop("schema", None)
    if type(schema) is not int or schema != SCHEMA:
        raise CheckpointError(
            f"checkpoint {path} has another schema than {SCHEMA}: start the training again with this version"
        )
    for field, wanted in (("fingerprint", fingerprint), ("implementation", implementation)):
        if meta.get(field) != wanted:
            raise CheckpointError(
                f"checkpoint {path} has {field} {meta.get(field)}, this training {wanted}: give another --output"
            )
    try:
        epochs = tuple(EpochResult(**epoch) for epoch in meta["epochs"])
        checkpoint = Checkpoint(**{**meta, **arrays, "epochs": epochs})
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if problem := _flaw(checkpoint):
        raise _damaged(path, problem)
    return checkpoint


def require_shapes(checkpoint: Checkpoint, config: Config, path: Path) -> None:
    """Raises CheckpointError unless the arrays are a configuration's, in their order."""
    found = {name: (value.shape, value.dtype) for name, value in (checkpoint.weights | checkpoint.state).items()}
    shapes = {**config.weight_shapes(), **config.state_shapes()}
    if list(found.items()) != [(name, (shape, np.dtype(np.float32))) for name, shape in shapes.items()]:
        raise CheckpointError(f"checkpoint {path} lacks weights or states: delete it and start the training again")


def _flaw(checkpoint: Checkpoint) -> str:
    """Returns what a checkpoint holds that no training leaves; "" for a good one."""
    numbers = {name: getattr(checkpoint, name) for name in ("learning_rate", "epoch_loss", "epoch_seconds")}
    for epoch in checkpoint.epochs:
        finite = {name: value for name, value in vars(epoch).items() if value != math.inf or name not in PERPLEXITIES}
        numbers |= {f"{name} of an epoch": value for name, value in finite.items()}
    for name, value in numbers.items():
        if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
            return f"{name} is {str(value)[:60]}, not a finite number"
    if type(checkpoint.step) is not int or not 0 <= checkpoint.step < MOST_STEPS:
        return f"step is {str(checkpoint.step)[:60]}"
    for name, value in (checkpoint.weights | checkpoint.state).items():
        if not np.issubdtype(value.dtype, np.number) or not np.isfinite(value).all():
            return f"{name} is not finite, or not of numbers"
    return ""


def _read(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Array]]]:
    """Returns (the fields that are JSON, the arrays by name under "weights" and "state")."""
    arrays: dict[str, dict[str, Array]] = {"weights": {}, "state": {}}
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):  # np.load would take it for another of its formats
            raise zipfile.BadZipFile("not a whole zip file")
        with zipfile.ZipFile(file) as archive:
            if any(one.compress_type != zipfile.ZIP_STORED for one in archive.infolist()):  # it may be of any size
                raise zipfile.BadZipFile("it is compressed")
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            meta = json.loads(str(stored["meta"]), parse_float=_number, object_pairs_hook=_each_once)
            if not isinstance(meta, dict):
                raise ValueError(f"its meta is {meta!r}, not an object")
            for key in stored.files:
                if key != "meta":
                    part, _, name = key.partition(":")
                    arrays[part][name] = stored[key]
    return meta, arrays


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is not a number that was written")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("its meta has a field twice")
    return found


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"checkpoint {path} can't be read ({what}): delete it and start the training again")
