"""The memory-mapped files through which processes pass weights, states and results to the one that compares them.

A workload that is compared by cases has its answers in one (`Answers`); training has its steps in another (`Exchange`).
The weights of the role that trains on lie there twice, before a step and after it: the weights that one step leaves are
those that the next one starts from, so they are written once a step and never moved. A launch that is compared with the
oracle takes its next step meanwhile, so it has room for that one's weights and results as well.
"""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.record.paired import CANDIDATE, REFERENCE
from lm.arrays import Floats
from lm.config import Config

Shape = tuple[int, ...]
Key = tuple[str, str, str]  # owner, quantity, tensor; of an answer its case, quantity, tensor
Places = dict[Key, tuple[int, Shape]]  # offset in floats, and shape
Shapes = Mapping[str, Mapping[str, Mapping[str, Sequence[int]]]]  # of answers: by case, quantity, tensor

ROLES = (REFERENCE, CANDIDATE)  # of lockstep; the first trains on
ALONE = ("launch",)  # compared with the oracle
ALIGNMENT = 16  # floats: 64 bytes, a cache line and the widest vector


def layout(config: Config, roles: Sequence[str] = ROLES) -> tuple[Places, int]:
    """Returns where each array lies, and the size of the file in floats (float32)."""
    return _placed(_arrays(config, roles))


def reserve(path: Path, config: Config, roles: Sequence[str] = ROLES) -> "Exchange":
    """Creates the file and reserves its room: a full disk is an OSError here, where it would be a SIGBUS later."""
    _reserve(path, layout(config, roles)[1])
    return Exchange(path, config, roles)


def answers_layout(shapes: Shapes) -> tuple[Places, int]:
    """Returns where each answer lies, and the size of their file in floats."""
    return _placed(
        ((case, quantity, tensor), tuple(shape))
        for case, quantities in shapes.items()
        for quantity, tensors in quantities.items()
        for tensor, shape in tensors.items()
    )


def reserve_answers(path: Path, shapes: Shapes) -> "Answers":
    """Creates the file of answers and reserves its room, as `reserve` does."""
    _reserve(path, answers_layout(shapes)[1])
    return Answers(path, shapes)


def _placed(arrays: Iterable[tuple[Key, Shape]]) -> tuple[Places, int]:
    places, end = {}, 0
    for key, shape in arrays:
        places[key] = (end, shape)
        end += -(-math.prod(shape) // ALIGNMENT) * ALIGNMENT
    return places, end


def _reserve(path: Path, size: int) -> None:
    with path.open("xb") as file:
        os.posix_fallocate(file.fileno(), 0, 4 * size)


def _mapped(path: Path, places: Places, size: int) -> dict[tuple[str, str], dict[str, Floats]]:
    """Returns the arrays of a file, by owner and quantity, then by tensor."""
    # A plain array, since slices of a memmap are slow to make.
    memory = np.asarray(np.memmap(path, np.float32, "r+", shape=(size,)))
    arrays: dict[tuple[str, str], dict[str, Floats]] = {}
    for (owner, quantity, tensor), (offset, shape) in places.items():
        array = memory[offset : offset + math.prod(shape)].reshape(shape)
        arrays.setdefault((owner, quantity), {})[tensor] = array
    return arrays


def _arrays(config: Config, roles: Sequence[str]) -> Iterator[tuple[Key, Shape]]:
    weights, state = config.weight_shapes(), config.state_shapes()
    results: dict[str, dict[str, Shape]] = {
        "state": dict(state),
        "loss": {"": ()},
        "gradient": weights,
        "norm": {"": ()},
        "clipped": weights,
    }
    leader, *followers = roles
    start: dict[str, dict[str, Shape]] = {"state": dict(state)}
    if not followers:
        ids = (config.batch_size, config.num_steps)
        start |= {"ids": {"inputs": ids, "targets": ids}, "masks": _numbered(config.mask_shapes())}
        results["logits"] = {"": (*ids, config.vocabulary_size)}
    weight_slots, result_slots = _slots(roles)
    owners: dict[str, dict[str, dict[str, Shape]]] = {
        "start": start,
        **{_slot("weights", slot): {"weights": weights} for slot in range(weight_slots)},
        **{_slot(leader, slot): results for slot in range(result_slots)},
        **{_slot(role, 0): {**results, "weights": weights} for role in followers},
    }
    for owner, quantities in owners.items():
        for quantity, shapes in quantities.items():
            for tensor, shape in shapes.items():
                yield (owner, quantity, tensor), shape


def _slots(roles: Sequence[str]) -> tuple[int, int]:
    """Returns for how many steps there is room: of the leader's weights, and of its results."""
    return (3, 2) if len(roles) == 1 else (2, 1)


def _slot(owner: str, number: int) -> str:
    return f"{owner} {number}"


def _numbered(shapes: Sequence[Shape]) -> dict[str, Shape]:
    return {str(number): shape for number, shape in enumerate(shapes)}


class Exchange:
    """The arrays of the file at `path`.

    Raises OSError where it is missing, ValueError for another configuration's size.
    """

    def __init__(self, path: Path, config: Config, roles: Sequence[str] = ROLES) -> None:
        places, size = layout(config, roles)
        if path.stat().st_size != 4 * size:
            raise ValueError(
                f"{path} has {path.stat().st_size} bytes; configuration {config.name!r} wants {4 * size}: share it anew"
            )
        self._leader = roles[0]
        self._weight_slots, self._result_slots = _slots(roles)
        self._arrays = _mapped(path, places, size)

    @property
    def start(self) -> dict[str, Floats]:
        """Returns the state that the step starts from, by name."""
        return self._arrays["start", "state"]

    @property
    def ids(self) -> dict[str, Floats]:
        """Returns the `inputs` and `targets` of a stress step; float32 holds a word's number exactly."""
        return self._arrays["start", "ids"]

    @property
    def masks(self) -> list[Floats]:
        """Returns the dropout masks of a stress step."""
        return list(self._arrays.get(("start", "masks"), {}).values())

    def weights(self, step: int) -> dict[str, Floats]:
        """Returns the weights before a step, of the role that trains on."""
        return self._arrays[_slot("weights", step % self._weight_slots), "weights"]

    def updated(self, role: str, step: int) -> dict[str, Floats]:
        """Returns a role's weights after a step."""
        return self.weights(step + 1) if role == self._leader else self._arrays[_slot(role, 0), "weights"]

    def results(self, role: str, quantity: str, step: int = 0) -> dict[str, Floats]:
        """Returns a role's `state` after a step, `loss`, `gradient`, `norm` or `clipped` gradients, by tensor.

        A launch that is compared with the oracle has `logits`, too.
        """
        return self._arrays[_slot(role, step % self._result_slots), quantity]


class Answers:
    """The answers of the file at `path`, of which `shapes` tells cases, quantities and tensors."""

    def __init__(self, path: Path, shapes: Shapes) -> None:
        arrays = _mapped(path, *answers_layout(shapes))
        self._cases = {case: {quantity: arrays[case, quantity] for quantity in of} for case, of in shapes.items()}

    def of(self, case: str) -> dict[str, dict[str, Floats]]:
        """Returns a case's answers: by quantity, then by tensor."""
        return self._cases[case]
