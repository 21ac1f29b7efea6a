"""One LSTM layer of the oracle over a whole batch: forward, and backpropagation through time.

Arrays are time-major. The formulas are those at the head of lm/oracle/step.py. What does not depend on the step before
is computed for all time steps in one product.
"""

import dataclasses

import numpy as np

from lm.arrays import Array


@dataclasses.dataclass(frozen=True)
class LayerTape:
    """The values of a layer's forward pass that its backward pass needs."""

    inputs: Array  # [steps, batch, width]
    gates: Array  # after their activations, [steps, batch, 4, size]: input, forget, cell candidate, output
    cells: Array  # c, [steps + 1, batch, size]; the first is the initial state
    outputs: Array  # h, [steps + 1, batch, size]; the first is the initial state


@dataclasses.dataclass(frozen=True)
class LayerGradients:
    """The cost's gradients by a layer's weights and by its inputs, each in the shape of what it belongs to."""

    kernel: Array  # [width, 4 * size]
    recurrent: Array  # [size, 4 * size]
    bias: Array  # [4 * size]
    inputs: Array  # [steps, batch, width]


def lstm_forward(inputs: Array, kernel: Array, recurrent: Array, bias: Array, h: Array, c: Array) -> LayerTape:
    """Runs a layer over inputs [steps, batch, width] from the state h and c, each [batch, size].

    The weights are kernel [width, 4 * size], recurrent [size, 4 * size] and bias [4 * size].
    """
    steps, batch, width = inputs.shape
    size = len(recurrent)
    z = inputs.reshape(steps * batch, width) @ kernel
    z += bias
    z = z.reshape(steps, batch, 4 * size)
    gates = z.reshape(steps, batch, 4, size)  # the same memory: the activations replace z
    cells, outputs = np.empty((2, steps + 1, batch, size), z.dtype)
    cells[0], outputs[0] = c, h
    for t in range(steps):
        z[t] += outputs[t] @ recurrent
        input_forget, candidate, output = gates[t, :, :2], gates[t, :, 2], gates[t, :, 3]
        _sigmoid(input_forget)
        np.tanh(candidate, out=candidate)
        _sigmoid(output)
        cells[t + 1] = gates[t, :, 1] * cells[t] + gates[t, :, 0] * candidate
        outputs[t + 1] = output * np.tanh(cells[t + 1])
    return LayerTape(inputs, gates, cells, outputs)


def lstm_backward(tape: LayerTape, kernel: Array, recurrent: Array, outputs_gradient: Array) -> LayerGradients:
    """Returns a layer's gradients, from that by its outputs [steps, batch, size]. The initial state is a constant."""
    steps, batch, width = tape.inputs.shape
    size = len(recurrent)
    i, f, g, o = (tape.gates[:, :, gate] for gate in range(4))
    squashed = np.tanh(tape.cells[1:])
    h_by_c = o * (1 - squashed**2)
    # The local derivatives come first, for all time steps: of c by the z of i, f and g, and of h by the z of o.
    z_gradient = np.stack(
        [g * i * (1 - i), tape.cells[:-1] * f * (1 - f), i * (1 - g**2), squashed * o * (1 - o)], axis=2
    )
    h_gradient, c_gradient = np.zeros((2, batch, size), z_gradient.dtype)  # from the step after; the last has none
    for t in reversed(range(steps)):
        h_gradient = h_gradient + outputs_gradient[t]
        c_gradient = c_gradient + h_gradient * h_by_c[t]
        z_gradient[t, :, :3] *= c_gradient[:, np.newaxis]
        z_gradient[t, :, 3] *= h_gradient
        h_gradient = z_gradient[t].reshape(batch, 4 * size) @ recurrent.T
        c_gradient = c_gradient * f[t]
    rows = z_gradient.reshape(steps * batch, 4 * size)
    return LayerGradients(
        kernel=tape.inputs.reshape(steps * batch, width).T @ rows,
        recurrent=tape.outputs[:-1].reshape(steps * batch, size).T @ rows,
        bias=rows.sum(axis=0),
        inputs=(rows @ kernel.T).reshape(steps, batch, width),
    )


def _sigmoid(z: Array) -> None:
    """Replaces z by 1 / (1 + exp(-z)). Far below 0 exp overflows to Inf, whose inverse is the right 0."""
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)
