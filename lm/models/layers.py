"""Implementation `layers`: one stateful keras.layers.LSTM a layer, which takes cuDNN's kernels on a GPU."""

from collections.abc import Sequence

import tensorflow as tf

from lm.config import Config
from lm.models.keras_model import KerasModel


class Model(KerasModel):
    """Embedding → an LSTM a layer → Dense, multiplied by the scaled dropout masks in between."""

    def __init__(self, config: Config) -> None:
        recurrent = [tf.keras.layers.LSTM(size, return_sequences=True, stateful=True) for size in config.layer_sizes]
        super().__init__(config, recurrent, (config.embedding_size, *config.layer_sizes[:-1]))

    def logits(self, inputs: tf.Tensor, masks: Sequence[tf.Tensor] = ()) -> tf.Tensor:
        """Returns logits [batch, steps, vocabulary] for ids [batch, steps] and moves the states on.

        No masks: nothing is dropped.
        """
        scales = [mask / self.config.keep_probability for mask in masks]
        hidden = self._embedding(inputs)
        if scales:
            hidden *= scales[0]
        for layer, lstm in enumerate(self._recurrent):
            hidden = lstm(hidden)
            if scales:
                hidden *= scales[layer + 1]
        return self._output(hidden)
