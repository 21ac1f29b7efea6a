"""Refuses weights, state and ids that do not belong to the configuration, and names them."""

from collections.abc import Mapping

import numpy as np

from lm.arrays import Array
from lm.config import Config, ConfigError

DTYPES = ("float64", "float32", "complex128")


def checked_dtype(config: Config, weights: Mapping[str, Array]) -> np.dtype[np.inexact]:
    """Returns the weights' one dtype. Raises ConfigError unless names, shapes and dtypes are the configuration's."""
    _require_shapes(config, "weight", weights, config.weight_shapes())
    dtype = weights["embedding"].dtype
    for name, weight in weights.items():
        if weight.dtype != dtype or weight.dtype.name not in DTYPES:
            raise ConfigError(
                f"configuration {config.name!r}: weight {name!r} is {weight.dtype}, 'embedding' {dtype}; "
                f"the oracle wants all weights of one dtype, one of {', '.join(DTYPES)}"
            )
    return dtype


def require_state(config: Config, state: Mapping[str, Array], batch: int) -> None:
    """Raises ConfigError unless each state has its name and shape [batch, size of its layer]."""
    _require_shapes(config, "state", state, {name: (batch, size) for name, (_, size) in config.state_shapes().items()})


def require_ids(name: str, ids: Array, vocabulary_size: int) -> None:
    """Raises ValueError unless all `ids` [batch, steps] are below the vocabulary's size and none is negative."""
    outside = np.argwhere((ids < 0) | (ids >= vocabulary_size))
    if len(outside):
        row, column = outside[0].tolist()
        raise ValueError(
            f"{name}[{row}, {column}] is {ids[row, column]}, outside the vocabulary of {vocabulary_size} words; "
            "read the corpus with this configuration's vocabulary"
        )


def _require_shapes(
    config: Config, kind: str, arrays: Mapping[str, Array], wanted: Mapping[str, tuple[int, ...]]
) -> None:
    prefix = f"configuration {config.name!r}: {kind}"
    for name in wanted:
        if name not in arrays:
            raise ConfigError(f"{prefix} {name!r} is missing; give one of shape {wanted[name]}")
    for name, array in arrays.items():
        if name not in wanted:
            raise ConfigError(f"{prefix} {name!r} is unknown to the oracle; it knows {', '.join(wanted)}")
        if array.shape != wanted[name]:
            raise ConfigError(f"{prefix} {name!r} has shape {array.shape}; it must have {wanted[name]}")
