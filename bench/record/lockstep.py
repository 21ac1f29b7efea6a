"""The record of a lockstep comparison: reference and candidate take the same training step, again and again.

A difference is normwise and relative, ‖candidate − reference‖ / ‖reference‖, of one tensor at one step.
"""

import dataclasses

from bench.record.codec import Amount, Count
from bench.record.types import Environment, Failure, Subject

STEPS = 300  # that are compared unless others are asked for: as many as the clean pairs of docs/lockstep.md took
# What a step computes, in the order in which it does: a fault is named after the first that it reaches.
QUANTITIES = ("state", "loss", "gradient", "norm", "clipped", "update")


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor that is compared."""

    quantity: str  # one of QUANTITIES
    name: str  # "" for the loss and the norm


@dataclasses.dataclass(frozen=True)
class Prepared:
    """The tensors that the referee will compare, and the room that the shared file takes."""

    tensors: tuple[Tensor, ...]  # in the order of Compared.differences
    bytes: int


@dataclasses.dataclass(frozen=True)
class Difference:
    """The difference of one tensor at one step, and its limit."""

    step: Count
    quantity: str  # one of QUANTITIES
    tensor: str  # "" for the loss and the norm
    difference: float
    limit: float

    @property
    def name(self) -> str:
        """Returns the tensor's name for people: "gradient of embedding"."""
        return tensor_name(self.quantity, self.tensor)


SIDES = 2  # each may be off by the oracle check's limit, so their difference by twice that


@dataclasses.dataclass(frozen=True)
class Departure:
    """The first step that left its limit, its first tensor to do so, and how far each side is from the oracle there."""

    first: Difference
    others: int  # tensors that left their limits at the same step
    reference_error: float  # normwise and relative, from the float64 oracle
    candidate_error: float


@dataclasses.dataclass(frozen=True)
class Compared:
    """The referee's findings on one step."""

    reference_loss: float
    differences: tuple[float, ...]
    nearest: Difference  # of all tensors, the one that came nearest to its limit
    oracle: bool  # whether the oracle had to be asked for the limits
    departure: Departure | None


@dataclasses.dataclass(frozen=True)
class TensorDifferences:
    """The differences of one tensor, step by step."""

    quantity: str  # one of QUANTITIES
    tensor: str  # "" for the loss and the norm
    by_step: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Lockstep:
    """A comparison.

    It ends early at a departure, at a loss of the reference that isn't finite, and where the candidate fails.
    """

    subject: Subject  # `steps` are those that were asked for
    reference: Environment
    candidate: Environment | None  # None: it failed before it could tell
    candidate_fingerprint: str  # Subject.fingerprint as the candidate has it; "" if it failed before it could tell
    losses: tuple[float, ...]  # of the reference, by step
    differences: tuple[TensorDifferences, ...]
    nearest: Difference | None  # over all steps; None without one
    departure: Departure | None
    oracle_steps: Count  # steps that the oracle had to be asked about
    reference_seconds: Amount  # its own steps, summed
    candidate_seconds: Amount
    wall_seconds: Amount  # from the first step to the last, comparisons and all
    failure: Failure | None = None  # of the candidate


def tensor_name(quantity: str, tensor: str) -> str:
    """Returns the name of a tensor of a quantity as people read it: "loss", "gradient of embedding"."""
    return f"{quantity} of {tensor}" if tensor else quantity
