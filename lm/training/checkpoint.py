"""Checkpoints of a full training: one file to resume from, to the same result bit for bit on the same machine.

SGD keeps no state of its own and dropout masks are indexed by the global step, so weights, recurrent state, position,
learning rate and the sums of the current epoch are all there is.
"""

import dataclasses
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lm.arrays import Array, State, Weights

SCHEMA = 1


class CheckpointError(ValueError):
    """A checkpoint that can't be resumed from; the message says why and what would mend it."""


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The state of a training after `step` global steps."""

    fingerprint: str  # Config.fingerprint of what is trained
    implementation: str
    step: int
    learning_rate: float
    epoch_loss: float  # summed over the steps of the epoch so far
    epoch_seconds: float  # spent in them
    epochs: tuple[dict[str, float], ...]  # results of the epochs that are over
    weights: Weights
    state: State


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes the file whole or not at all. Raises OSError."""
    fields = {f.name: getattr(checkpoint, f.name) for f in dataclasses.fields(checkpoint)}
    arrays = {f"{part}:{name}": value for part in ("weights", "state") for name, value in fields.pop(part).items()}
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb") as file:
            np.savez(file, meta=np.array(json.dumps({"schema": SCHEMA, **fields})), **arrays)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


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
    except (zipfile.BadZipFile, RuntimeError, KeyError, ValueError, EOFError) as error:  # RuntimeError: encryption
        raise _damaged(path, str(error)) from error
    if meta.pop("schema", None) != SCHEMA:
        raise CheckpointError(
            f"checkpoint {path} has another schema than {SCHEMA}: start the training again with this version"
        )
    for field, wanted in (("fingerprint", fingerprint), ("implementation", implementation)):
        if meta.get(field) != wanted:
            raise CheckpointError(
                f"checkpoint {path} has {field} {meta.get(field)}, this training {wanted}: give another --output"
            )
    try:
        return Checkpoint(**{**meta, **arrays, "epochs": tuple(meta["epochs"])})
    except (KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, dict[str, Array]]]:
    """Returns (the fields that are JSON, the arrays by name under "weights" and "state")."""
    arrays: dict[str, dict[str, Array]] = {"weights": {}, "state": {}}
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):  # np.load would take it for another of its formats
            raise zipfile.BadZipFile("not a whole zip file")
        file.seek(0)
        with np.load(file, allow_pickle=False) as stored:
            meta = json.loads(str(stored["meta"]))
            if not isinstance(meta, dict):
                raise ValueError(f"its meta is {meta!r}, not an object")
            for key in stored.files:
                if key != "meta":
                    part, _, name = key.partition(":")
                    arrays[part][name] = stored[key]
    return meta, arrays


def _damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"checkpoint {path} can't be read ({what}): delete it and start the training again")
