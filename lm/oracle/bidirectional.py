"""The oracle's step of bidirectional LSTMs on sequences of several lengths, padded at their ends.

The backward direction of a layer is an LSTM of its own that reads each sequence from its last token to its first. The
outputs of both directions are concatenated. Each final state is that after the sequence's last token in its direction.
Weights are as in lm/oracle/step.py, twice for each layer: `lstm0/forward/kernel`, and so on.
"""

from collections.abc import Mapping

import numpy as np

from lm.arrays import Array
from lm.oracle.lstm import LayerTape, lstm_backward, lstm_forward
from lm.oracle.masked import Masked, padded_loss
from lm.oracle.sgd import Gradients, SparseRows

DIRECTIONS, PARTS = ("forward", "backward"), ("kernel", "recurrent", "bias")


def bidirectional_step(
    layers: int, weights: Mapping[str, Array], inputs: Array, targets: Array, lengths: Array
) -> Masked:
    """Computes the results on ids `inputs` and `targets` [batch, steps], from zero states.

    `lengths`: see masked_step.
    """
    (batch, steps), times = inputs.shape, np.arange(inputs.shape[1])[:, np.newaxis]
    kept = times < lengths  # [steps, batch], as all arrays below are
    # The step that each direction reads at each time. Each order is its own inverse.
    order = {"forward": times, "backward": np.where(kept, lengths - 1 - times, times)}
    each = np.arange(batch)
    x = weights["embedding"][inputs.T]
    tapes: list[dict[str, LayerTape]] = []
    state: dict[str, Array] = {}
    for layer in range(layers):
        tapes.append({})
        for direction in DIRECTIONS:
            kernel, recurrent, bias = (weights[f"lstm{layer}/{direction}/{part}"] for part in PARTS)
            zero = np.zeros((batch, len(recurrent)), x.dtype)
            tape = lstm_forward(x[order[direction], each], kernel, recurrent, bias, zero, zero)
            state[f"lstm{layer}/{direction}/h"] = tape.outputs[lengths, each]
            state[f"lstm{layer}/{direction}/c"] = tape.cells[lengths, each]
            tapes[-1][direction] = tape
        x = np.concatenate([tapes[-1][one].outputs[1:][order[one], each] for one in DIRECTIONS], axis=2)
    logits = (x @ weights["output/kernel"] + weights["output/bias"]).transpose(1, 0, 2)
    loss, gradient = padded_loss(logits, targets, kept.T)
    rows = gradient.transpose(1, 0, 2).reshape(steps * batch, -1)
    found: Gradients = {"output/kernel": x.reshape(len(rows), -1).T @ rows, "output/bias": rows.sum(axis=0)}
    x_gradient = (rows @ weights["output/kernel"].T).reshape(x.shape)
    for layer in reversed(range(layers)):
        below = []
        for direction, own in zip(DIRECTIONS, np.split(x_gradient, 2, axis=2), strict=True):
            name, read = f"lstm{layer}/{direction}", order[direction]
            kernel, recurrent = weights[f"{name}/kernel"], weights[f"{name}/recurrent"]
            gradients = lstm_backward(tapes[layer][direction], kernel, recurrent, own[read, each])
            found |= {f"{name}/{part}": getattr(gradients, part) for part in PARTS}
            below.append(gradients.inputs[read, each])
        x_gradient = below[0] + below[1]
    found["embedding"] = SparseRows(inputs.T.ravel(), x_gradient.reshape(steps * batch, -1))
    shown = np.where(kept.T[:, :, np.newaxis], logits, logits.dtype.type(0))
    return Masked(loss, shown, {name: found[name] for name in weights}, state)
