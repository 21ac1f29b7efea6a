"""Workload `fit`: Keras' `compile` and `fit` with default arguments: Adam, initializers; tf.data with shuffling.

A unit is a `fit` over a small data set. A launch has a seed of its own, the same on both sides, and starts from the
initializers' draws: its mean loss over the first units is the metric "fitted loss", whose distribution over launches
shows a changed default. Compared with the oracle is one update of given weights: loss, Adam's slots, and the change
times slot m. Adam's first change is as large for a small gradient as for a large one, and of a gradient near 0 its sign
is rounding's: times m it counts for little.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lm.arrays import Tokens
from lm.config import Blocks, Config, LaunchPlan, unit_plans
from lm.data.load import load_corpus
from lm.oracle.optimizers import DOCUMENTED, adam, by_slot, updated
from lm.oracle.sgd import densified
from lm.oracle.step import mean_loss
from lm.training.initial import wide_weights
from lm.workloads import protocol
from lm.workloads.parts.untraced import Untraced
from lm.workloads.protocol import Answers, Opening

if TYPE_CHECKING:
    import tensorflow as tf

UPDATES = {"tiny": 20, "notebook": 5}  # of a unit, by configuration
FIRST = "first update"


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    metrics: tuple[str, ...] = (
        *("fitted loss", "step time on one core", "step time", "peak memory", "memory growth"),
        *("cpu time", "import", "build", "first step"),
    )
    plans: Mapping[str, LaunchPlan] = unit_plans(tiny=Blocks(8, 4, 1), notebook=Blocks(6, 2, 1))
    cases = (FIRST,)

    def open(self, opening: Opening) -> "Work":
        """Returns the work. Raises DeviceError."""
        return Work(opening)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns loss, slots and the change by the oracle, with the arguments that Keras documents."""
        config, weights = opening.config, wide_weights(opening.config, opening.jitter, kind)
        loss, gradients = mean_loss(config, weights, *batch(config))
        dense = {name: densified(gradient, len(weights[name])) for name, gradient in gradients.items()}
        after, slots = updated(functools.partial(adam, given=DOCUMENTED), weights, {}, dense, 1)
        changes = {name: (after[name] - value) * slots[name]["m"] for name, value in weights.items()}
        return {"loss": {"": np.asarray(loss)}, **by_slot(slots), "change times m": changes}


def batch(config: Config) -> tuple[Tokens, Tokens]:
    """Returns inputs and targets [batch, steps]; no input comes twice, since Keras 3 squares those one by one."""
    stream, shape = np.random.RandomState(config.seed), (config.batch_size, config.num_steps)
    inputs = stream.permutation(config.vocabulary_size)[: config.tokens_per_step].reshape(shape)
    return inputs.astype(np.int32), stream.randint(0, config.vocabulary_size, shape).astype(np.int32)


class Work(Untraced):
    """Implements lm.workloads.protocol.Answering."""

    def __init__(self, opening: Opening) -> None:
        import tensorflow as tf

        from lm import runtime
        from lm.workloads.parts import sequential

        runtime.require_device(opening.device)
        self._tf, self._parts, self._jitter, self._first_traces = tf, sequential, opening.jitter, 0
        self.config, self.device = opening.config, opening.device
        corpus = load_corpus("synthetic", self.config)
        self.tokens = UPDATES[self.config.name] * self.config.tokens_per_step
        self._text = corpus.train[: self.tokens + 1].astype(np.int32)
        self.fingerprint = self.config.fingerprint(f"fit {corpus.sha256}", "default initializers")

    def build(self) -> None:
        """Builds and compiles the model, of the launch's seed, and the data set."""
        self._tf.keras.utils.set_random_seed(self._jitter)
        with self._tf.device(self.device):
            self._model = self._compiled()
        inputs, targets = (part.reshape(-1, self.config.num_steps) for part in (self._text[:-1], self._text[1:]))
        data = self._tf.data.Dataset.from_tensor_slices((inputs, targets))
        self._data = data.shuffle(len(inputs)).batch(self.config.batch_size)

    def _compiled(self) -> "tf.keras.Sequential":
        model = self._parts.sequential(self.config)
        loss = self._tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
        return model

    def start(self) -> None:
        """Does nothing: the initializers have drawn."""

    def prepare(self, unit: int) -> "tf.data.Dataset":
        """Returns the data set, which each unit shuffles anew."""
        return self._data

    def do(self, prepared: "tf.data.Dataset") -> float:
        """Calls `fit` once; returns the mean loss of a token."""
        loss = self._fitted(self._model, prepared)
        self._first_traces = self._first_traces or self._traces()
        return loss

    def _fitted(self, model: "tf.keras.Sequential", data: "tf.data.Dataset") -> float:
        with self._tf.device(self.device):
            return float(model.fit(data, verbose=0).history["loss"][0])

    def relocate(self) -> None:
        """Moves the weights to other memory."""
        from lm.runtime import relocate

        relocate(self._model.trainable_variables)

    @property
    def retraces(self) -> int:
        """Returns how often Keras' training function was traced after the first unit.

        In that one Keras 2 traces it twice, since the optimizer makes its variables there.
        """
        return self._traces() - self._first_traces if self._first_traces else 0

    def _traces(self) -> int:
        """Returns how often the function was traced; 1 where that can't be told."""
        function = getattr(self._model, "train_function", None)
        return int(getattr(function, "experimental_get_tracing_count", lambda: 1)())

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns loss, slots and the change times m after one update of a model with given weights."""
        from lm.workloads.parts.keras_optimizers import slots_of, values_of

        with self._tf.device(self.device):
            model = self._compiled()
        start = wide_weights(self.config, self._jitter)
        self._parts.assign(model.trainable_variables, start)
        data = self._tf.data.Dataset.from_tensor_slices(batch(self.config)).batch(self.config.batch_size)
        loss = self._fitted(model, data)
        slots = {
            slot: dict(zip(start, held, strict=True)) for slot, held in slots_of(model.optimizer, "adam").items()
        }
        after = zip(start.items(), values_of(model.trainable_variables), strict=True)
        changes = {name: (now - value) * slots["slot m"][name] for (name, value), now in after}
        return {"loss": {"": loss}, **slots, "change times m": changes}
