"""Checkpoints of a full training: one file to resume from, to the same result bit for bit on the same machine.

SGD keeps no state of its own and dropout masks are indexed by the global step, so weights, recurrent state, position,
learning rate and the sums of the current epoch are all there is.
"""

import dataclasses
import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np

from lm.arrays import Array, State, Weights

SCHEMA = 2
DIGEST_BYTES = hashlib.sha256().digest_size  # at the end of a file: the sha256 of all bytes before it


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
    content = io.BytesIO()
    np.savez(content, meta=np.array(json.dumps({"schema": SCHEMA, **fields})), **arrays)
    part = part_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            file.write(content.getbuffer())
            file.write(hashlib.sha256(content.getbuffer()).digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Returns the file that becomes the checkpoint when it is whole."""
    return path.with_name(f"{path.name}.part")


def load_checkpoint(path: Path, fingerprint: str, implementation: str) -> Checkpoint:
    """Reads the checkpoint of the training so named. Raises CheckpointError if it is another's, damaged or missing.

    A file that ends with its own sha256 was written by `save_checkpoint`, and is trusted.
    """
    try:
        stored = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint at {path}: start the training without --resume") from None
    except OSError as error:
        raise CheckpointError(
            f"checkpoint {path} can't be read ({error.strerror}): see to its path and permissions"
        ) from error
    content, digest = stored[:-DIGEST_BYTES], stored[-DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise CheckpointError(
            f"checkpoint {path} is damaged, or of another version: delete it and start the training again"
        )
    arrays: dict[str, dict[str, Array]] = {"weights": {}, "state": {}}
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        meta = json.loads(str(archive["meta"]))
        for key in archive.files:
            part, _, name = key.partition(":")
            if name:
                arrays[part][name] = archive[key]
    if meta.pop("schema") != SCHEMA:
        raise CheckpointError(
            f"checkpoint {path} has another schema than {SCHEMA}: start the training again with this version"
        )
    for field, wanted in (("fingerprint", fingerprint), ("implementation", implementation)):
        if meta[field] != wanted:
            raise CheckpointError(
                f"checkpoint {path} has {field} {meta[field]}, this training {wanted}: give another --output"
            )
    epochs = tuple(EpochResult(**epoch) for epoch in meta["epochs"])
    return Checkpoint(**{**meta, **arrays, "epochs": epochs})
