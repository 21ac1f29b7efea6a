"""The memory-mapped file through which reference, candidate and referee pass weights, states and results.

The reference's weights lie there twice, before an even and before an odd step: the weights that one step leaves are
those that the next one starts from, so they are written once a step and never moved.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lm.arrays import Floats
from lm.config import Config

Shape = tuple[int, ...]
Key = tuple[str, str, str]  # owner, quantity, tensor

ROLES = ("reference", "candidate")
ALIGNMENT = 16  # floats: 64 bytes, a cache line and the widest vector


def layout(config: Config) -> tuple[dict[Key, tuple[int, Shape]], int]:
    """Returns where each array lies, as (offset in floats, shape), and the size of the file in floats (float32)."""
    places, end = {}, 0
    for key, shape in _arrays(config):
        places[key] = (end, shape)
        end += -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT
    return places, end


def _arrays(config: Config) -> Iterator[tuple[Key, Shape]]:
    weights, state = config.weight_shapes(), config.state_shapes()
    results: dict[str, dict[str, Shape]] = {
        "state": dict(state),
        "loss": {"": ()},
        "gradient": weights,
        "norm": {"": ()},
        "clipped": weights,
    }
    owners: dict[str, dict[str, dict[str, Shape]]] = {
        "even": {"weights": weights},
        "odd": {"weights": weights},
        "start": {"state": dict(state)},
        "reference": results,
        "candidate": {**results, "weights": weights},
    }
    for owner, quantities in owners.items():
        for quantity, shapes in quantities.items():
            for tensor, shape in shapes.items():
                yield (owner, quantity, tensor), shape


class Exchange:
    """The arrays of the file at `path`.

    Raises OSError where it is missing, ValueError for another configuration's size.
    """

    def __init__(self, path: Path, config: Config) -> None:
        places, size = layout(config)
        if path.stat().st_size != 4 * size:
            raise ValueError(
                f"{path} has {path.stat().st_size} bytes; configuration {config.name!r} wants {4 * size}: share it anew"
            )
        # A plain array, since slices of a memmap are slow to make.
        memory = np.asarray(np.memmap(path, np.float32, "r+", shape=(size,)))
        self._arrays: dict[tuple[str, str], dict[str, Floats]] = {}
        for (owner, quantity, tensor), (offset, shape) in places.items():
            array = memory[offset : offset + math.prod(shape)].reshape(shape)
            self._arrays.setdefault((owner, quantity), {})[tensor] = array

    @property
    def start(self) -> dict[str, Floats]:
        """Returns the state that the step starts from, by name."""
        return self._arrays["start", "state"]

    def weights(self, step: int) -> dict[str, Floats]:
        """Returns the reference's weights before a step."""
        return self._arrays["odd" if step % 2 else "even", "weights"]

    def updated(self, role: str, step: int) -> dict[str, Floats]:
        """Returns a side's weights after a step."""
        return self.weights(step + 1) if role == "reference" else self._arrays["candidate", "weights"]

    def results(self, role: str, quantity: str) -> dict[str, Floats]:
        """Returns a side's `state` after the step, `loss`, `gradient`, `norm` or `clipped` gradients, by tensor."""
        return self._arrays[role, quantity]
