"""The arguments that the oracle refuses, and its words."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from lm.config import CONFIGS, ConfigError
from lm.oracle import step as oracle

CONFIG = dataclasses.replace(
    CONFIGS["tiny"], name="test", vocabulary_size=7, embedding_size=3, layer_sizes=(4,), keep_probability=0.5
)


def arguments(**changed: Any) -> dict[str, Any]:
    """A batch of 2 × 3 that `forward` accepts, with some of its arguments changed."""
    return {
        "weights": {name: np.zeros(shape) for name, shape in CONFIG.weight_shapes().items()},
        "state": {"lstm0/h": np.zeros((2, 4)), "lstm0/c": np.zeros((2, 4))},
        "inputs": np.zeros((2, 3), int),
        "masks": (np.ones((2, 3, 3)), np.ones((2, 3, 4))),
    } | changed


def weights_with(**changed: Any) -> dict[str, Any]:
    return {**arguments()["weights"], **changed}


def ids_with(word: int) -> Any:
    ids = np.zeros((2, 3), int)
    ids[1, 2] = word
    return ids


def test_what_belongs_to_the_configuration_is_accepted() -> None:
    assert oracle.forward(CONFIG, **arguments())[0].shape == (2, 3, 7)
    assert oracle.forward(CONFIG, **arguments(masks=()))[0].shape == (2, 3, 7)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"weights": weights_with(embedding=np.zeros((7, 5)))},
            "weight 'embedding' has shape (7, 5); it must have (7, 3)",
        ),
        ({"weights": {}}, "weight 'embedding' is missing; give one of shape (7, 3)"),
        (
            {"weights": weights_with(attention=np.zeros(1))},
            "weight 'attention' is unknown to the oracle; it knows embedding, lstm0/kernel",
        ),
        (
            {"weights": weights_with(**{"output/bias": np.zeros(7, "f4")})},
            "weight 'output/bias' is float32, 'embedding' float64",
        ),
        (
            {"weights": {n: w.astype("f2") for n, w in weights_with().items()}},
            "one dtype, one of float64, float32, complex128",
        ),
        ({"state": {"lstm0/h": np.zeros((2, 4))}}, "state 'lstm0/c' is missing; give one of shape (2, 4)"),
        (
            {"state": {n: np.zeros((8, 4)) for n in ("lstm0/h", "lstm0/c")}},
            "state 'lstm0/h' has shape (8, 4); it must have (2, 4)",
        ),
    ],
)
def test_what_is_not_the_configurations_is_refused_by_name(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)) as refusal:
        oracle.forward(CONFIG, **arguments(**changed))
    assert str(refusal.value).startswith("configuration 'test': ")


@pytest.mark.parametrize("word", [-1, 7])
def test_ids_outside_the_vocabulary_are_refused(word: int) -> None:
    with pytest.raises(ValueError, match=re.escape(f"inputs[1, 2] is {word}, outside the vocabulary of 7 words")):
        oracle.forward(CONFIG, **arguments(inputs=ids_with(word)))
    with pytest.raises(ValueError, match=re.escape(f"targets[1, 2] is {word}, outside the vocabulary of 7 words")):
        oracle.cross_entropy(np.zeros((2, 3, 7)), ids_with(word))


@pytest.mark.parametrize("masks", [(np.ones((2, 3, 3)),), (np.ones((3, 2, 3)), np.ones((2, 3, 4)))])
def test_masks_of_another_number_or_shape_are_an_error_of_numpy(masks: Any) -> None:
    with pytest.raises(ValueError, match=r"zip|broadcast"):
        oracle.forward(CONFIG, **arguments(masks=masks))
