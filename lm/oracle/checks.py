"""Refuses weights, state, ids and masks that do not belong to the configuration, and names them."""

from collections.abc import Mapping, Sequence

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


def require_masks(config: Config, masks: Sequence[Array], batch: int, steps: int) -> None:
    """Raises ConfigError unless there are no masks, or one [batch, steps, width] of the embedding and each layer."""
    if masks:
        widths = (config.embedding_size, *config.layer_sizes)
        wanted = {f"mask {index}": (batch, steps, width) for index, width in enumerate(widths)}
        _require_shapes(config, "dropout", {f"mask {index}": mask for index, mask in enumerate(masks)}, wanted)


def require_ids(name: str, ids: Array, vocabulary_size: int, shape: tuple[int, ...] | None = None) -> None:
    """Raises ValueError unless `ids` are integers [batch, steps] below the vocabulary's size, of `shape` if given."""
    if ids.ndim != 2 or ids.size == 0 or ids.dtype.kind not in "iu":
        raise ValueError(
            f"{name} are {ids.dtype} of shape {ids.shape}; they must be integers [batch, steps], at least one of each"
        )
    if shape is not None and ids.shape != shape:
        raise ValueError(f"{name} have shape {ids.shape}; the logits want {shape}")
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
