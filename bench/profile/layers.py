"""Assigns operations to layers of the model, by their name scopes.

Scopes differ between Keras 2 and 3 and between implementations (rnn/stacked_rnn_cells/lstm_cell_1 in one,
rnn_1/lstm_cell_1_2 in another), so that they are matched by what stays, and LSTM layers are counted in the order of
their names.
"""

import re
from collections.abc import Iterable

from bench.record.profile import INLINED

BACKWARD = re.compile(r"(^|/)gradients?(_tape)?/|_grad/")
LEADING = re.compile(r"^(gradients?(_tape)?/)+")  # says that an operation is of a gradient, not of whose
NUMBER = re.compile(r"(_\d+)+$")
READ = re.compile(r"/ReadVariableOp(_\d+)?$")  # a read belongs to the operation that needs it
NO_SCOPE = "no scope"  # in Keras 2 the optimizer's update, for the most part; none of `fused` that takes time
MODEL = re.compile(r"(sequential|functional|model)(_\d+)*")  # of Keras, around its layers
LSTM = re.compile(r"lstm(_cell|_layer)?(_?\d+)*")
# The first that a scope's part matches gives the layer.
LAYERS = (
    (re.compile(r"embedding(_\d+)*"), "embedding"),
    (re.compile(r"(dense|output)(_\d+)*"), "output"),
    (re.compile(r"(Sparse)?SoftmaxCrossEntropy.*|sparse_softmax_cross_entropy.*"), "loss"),
    (re.compile(r"(clip_by_)?global_norm(_\d+)*"), "clipping"),
    (re.compile(r"sgd(_\d+)*", re.IGNORECASE), "update"),
    # Keras 2's LSTM layers are functions, whose operations TensorFlow records without the name of the layer.
    (re.compile(r"(rnn|while|while_grad)(_\d+)*"), "recurrence"),
)


def layers(names: Iterable[str]) -> dict[str, str]:
    """Returns the layer of each operation of one profile by name: "embedding", "lstm 0", "output, gradient", …"""
    names = list(names)
    cells = sorted(
        {cell for name in names if (cell := _lstm(name))},
        key=lambda cell: [int(part) for part in re.findall(r"\d+", cell)],
    )
    return {name: _layer(name, cells) for name in names}


def scopes(name: str) -> list[str]:
    """Returns the scopes around an operation, without the operation's own name and what inlining put in front."""
    return INLINED.sub("", name).split("/")[:-1]


def _layer(name: str, cells: list[str]) -> str:
    cell = _lstm(name)
    layer = (
        f"lstm {cells.index(cell)}"
        if cell
        else _by_scope(LEADING.sub("", READ.sub("", INLINED.sub("", name))).split("/"))
    )
    return f"{layer}, gradient" if BACKWARD.search(name) else layer


def _lstm(name: str) -> str:
    """Returns the scope of an LSTM layer or cell around an operation; "" for none."""
    return next((part for part in scopes(name) if LSTM.fullmatch(part)), "")


def _by_scope(parts: list[str]) -> str:
    """Returns the first layer that a part of the name speaks of; without one the outermost scope within Keras'
    model, or NO_SCOPE.
    """
    for part in parts:
        for pattern, layer in LAYERS:
            if pattern.fullmatch(part):
                return layer
    if len(parts) > 2 and MODEL.fullmatch(parts[0]):
        parts = parts[1:]
    return NUMBER.sub("", parts[0]) if len(parts) > 1 else NO_SCOPE
