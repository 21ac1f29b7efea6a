"""The memory-mapped files through which processes pass weights, states and results to the one that compares them.

A workload that is compared by cases has its answers in one; training has its steps in another (`Exchange`). The weights
of the role that trains on lie there twice, before a step and after it: the weights that one step leaves are those that
the next one starts from, so they are written once a step and never moved. A launch that is compared with the oracle
takes its next step meanwhile, so it has room for that one's weights and results as well.
"""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.record.paired import CANDIDATE
from lm.arrays import Floats
from lm.config import Config

Shape = Sequence[int]
Shapes = Mapping[str, Mapping[str, Mapping[str, Shape]]]  # by owner (of an answer: its case), quantity, tensor
Arrays = dict[str, dict[str, dict[str, Floats]]]  # in the same structure

ALIGNMENT = 16  # floats: 64 bytes, a cache line and the widest vector


def file_bytes(shapes: Shapes) -> int:
    """Returns the size of the file that holds float32 arrays of these shapes."""
    return 4 * sum(_room(shape) for of in shapes.values() for tensors in of.values() for shape in tensors.values())


def reserve(path: Path, shapes: Shapes) -> None:
    """Creates the file and reserves its room: a full disk is an OSError here, where it would be a SIGBUS later."""
    with path.open("xb") as file:
        os.posix_fallocate(file.fileno(), 0, file_bytes(shapes))


def mapped(path: Path, shapes: Shapes) -> Arrays:
    """Returns the arrays that lie in a file one after the other, in the structure of `shapes`.

    Raises OSError where the file is missing, ValueError where it is too short.
    """
    memory = np.asarray(np.memmap(path, np.float32, "r+"))  # a plain array: slices of a memmap are slow to make
    end = 0

    def taken(shape: Shape) -> Floats:
        nonlocal end
        start, end = end, end + _room(shape)
        return memory[start : start + math.prod(shape)].reshape(tuple(shape))

    return {
        owner: {quantity: {name: taken(shape) for name, shape in tensors.items()} for quantity, tensors in of.items()}
        for owner, of in shapes.items()
    }


def _room(shape: Shape) -> int:
    """Returns how many floats an array takes, with what aligns the next one."""
    return -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT


def step_shapes(config: Config, *, lockstep: bool = False) -> Shapes:
    """Returns the shapes of a launch's steps or, in lockstep, of the reference's steps and of the candidate's."""
    weights, state = config.weight_shapes(), config.state_shapes()
    results: dict[str, Mapping[str, Shape]] = {
        "state": state,
        "loss": {"": ()},
        "gradient": weights,
        "norm": {"": ()},
        "clipped": weights,
    }
    if lockstep:
        return {
            "start": {"state": state},
            **{f"weights {slot}": {"weights": weights} for slot in range(2)},
            "results 0": results,
            CANDIDATE: {**results, "weights": weights},
        }
    ids = (config.batch_size, config.num_steps)
    masks = {str(number): shape for number, shape in enumerate(config.mask_shapes())}
    return {
        "start": {"state": state, "ids": {"inputs": ids, "targets": ids}, "masks": masks},
        **{f"weights {slot}": {"weights": weights} for slot in range(3)},
        **{f"results {slot}": {**results, "logits": {"": (*ids, config.vocabulary_size)}} for slot in range(2)},
    }


class Exchange:
    """The steps in the file at `path`: those of a launch or, in `lockstep`, of both sides."""

    def __init__(self, path: Path, config: Config, *, lockstep: bool = False) -> None:
        self._arrays = mapped(path, step_shapes(config, lockstep=lockstep))
        self._weight_slots, self._result_slots = (2, 1) if lockstep else (3, 2)

    @classmethod
    def create(cls, path: Path, config: Config, *, lockstep: bool = False) -> "Exchange":
        """Reserves the file first."""
        reserve(path, step_shapes(config, lockstep=lockstep))
        return cls(path, config, lockstep=lockstep)

    @property
    def start(self) -> dict[str, Floats]:
        """Returns the state that the step starts from, by name."""
        return self._arrays["start"]["state"]

    @property
    def ids(self) -> dict[str, Floats]:
        """Returns the `inputs` and `targets` of a stress step; float32 holds a word's number exactly."""
        return self._arrays["start"]["ids"]

    @property
    def masks(self) -> list[Floats]:
        """Returns the dropout masks of a stress step."""
        return list(self._arrays["start"]["masks"].values())

    def weights(self, step: int) -> dict[str, Floats]:
        """Returns the weights before a step, of the role that trains on."""
        return self._arrays[f"weights {step % self._weight_slots}"]["weights"]

    def updated(self, step: int, role: str = "") -> dict[str, Floats]:
        """Returns the weights after a step: the candidate's in lockstep, or those of the role that trains on."""
        return self._arrays[role]["weights"] if role == CANDIDATE else self.weights(step + 1)

    def results(self, quantity: str, step: int = 0, role: str = "") -> dict[str, Floats]:
        """Returns a role's `state` after a step, `loss`, `gradient`, `norm` or `clipped` gradients, by tensor.

        A launch that is compared with the oracle has `logits`, too.
        """
        return self._arrays[role if role == CANDIDATE else f"results {step % self._result_slots}"][quantity]
