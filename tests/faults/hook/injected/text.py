"""Faults of the text itself, in lm: oracle and TensorFlow both read it, so only the perplexity can tell."""

from collections.abc import Callable
from typing import Any

from .fault import ALL, Fault, replaced


def _batch_by(change: Callable[[Any, Any], Any]) -> Callable[[], None]:
    """Returns a patch of lm.data.batches.batch: what it returns is change(inputs, targets)."""
    return replaced("lm.data.batches", "batch", lambda original, *given: change(*original(*given)))


def _targets_late(inputs: Any, targets: Any) -> Any:
    return inputs, inputs


def _last_row_repeated(inputs: Any, targets: Any) -> Any:
    for ids in (inputs, targets):
        ids[-1] = ids[-2]
    return inputs, targets


FAULTS = (
    Fault("text-targets-shifted", "batches have the inputs as targets", _batch_by(_targets_late),
          "lm.data.batches", ALL),
    Fault("text-last-row-dropped", "the last row of a batch is dropped for a copy of the one before",
          _batch_by(_last_row_repeated), "lm.data.batches", ALL),
)  # fmt: skip
