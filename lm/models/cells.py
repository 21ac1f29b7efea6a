"""Implementation `cells`: the notebook's model, an LSTMCell a layer in StackedRNNCells, in one stateful Keras RNN."""

from collections.abc import Sequence

import tensorflow as tf

from lm.config import Config
from lm.models.keras_model import KerasModel


class MaskedCell(tf.keras.layers.Layer):  # type: ignore[misc]  # TensorFlow ships no types: its classes are Any
    """An LSTMCell whose output, not whose state, is multiplied by a mask that comes along with its input.

    Input [batch, width + masks]: the layer's own input, then the scaled masks of this layer and of those above. Output:
    the masked output, then the masks of those above. (LSTMCell(dropout=) would reuse one mask at every time step.)
    """

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.cell = tf.keras.layers.LSTMCell(size)
        self.width = width
        self.state_size = self.cell.state_size
        self.output_size = size

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Builds the cell for its own part of the input."""
        self.cell.build((input_shape[0], self.width))
        self.built = True

    def call(
        self, inputs: tf.Tensor, states: Sequence[tf.Tensor], training: bool | None = None
    ) -> tuple[tf.Tensor, Sequence[tf.Tensor]]:
        """Takes one time step; returns (output and masks above [batch, size + masks], new states [batch, size])."""
        output, states = self.cell(inputs[:, : self.width], states)
        mask, above = inputs[:, self.width : self.width + self.output_size], inputs[:, self.width + self.output_size :]
        return tf.concat([output * mask, above], axis=1), states


class Model(KerasModel):
    """Embedding → StackedRNNCells in one stateful RNN → Dense."""

    def __init__(self, config: Config) -> None:
        mask_widths = [mask[2] for mask in config.mask_shapes()]
        rnn = tf.keras.layers.RNN(stacked_cells(config), return_sequences=True, stateful=True)
        super().__init__(config, [rnn], [config.embedding_size + sum(mask_widths[1:])])

    def logits(self, inputs: tf.Tensor, masks: Sequence[tf.Tensor] = ()) -> tf.Tensor:
        """Returns logits [batch, steps, vocabulary] for ids [batch, steps] and moves the states on.

        No masks: nothing is dropped.
        """
        hidden = self._embedding(inputs)
        keep = self.config.keep_probability
        if keep < 1:
            scaled = [mask / keep for mask in masks] or [tf.ones(shape) for shape in self.config.mask_shapes()]
            hidden = tf.concat([hidden * scaled[0], *scaled[1:]], axis=2)
        (rnn,) = self._recurrent
        return self._output(rnn(hidden))


def stacked_cells(config: Config) -> tf.keras.layers.StackedRNNCells:
    """Returns a configuration's recurrent cells as one cell, with dropout masks in between where it drops anything."""
    if config.keep_probability == 1:
        return tf.keras.layers.StackedRNNCells([tf.keras.layers.LSTMCell(size) for size in config.layer_sizes])
    widths = (config.embedding_size, *config.layer_sizes)
    return tf.keras.layers.StackedRNNCells(
        [MaskedCell(size, width) for width, size in zip(widths, config.layer_sizes, strict=False)]
    )
