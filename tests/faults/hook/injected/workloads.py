"""Faults that a training step with gradient descent doesn't show: each is of a workload."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .fault import Fault, scaled, wrap

PREDICT, CALL, SHAPES, MASKED = "predict", "predict-call", "predict-shapes", "masked"
OPTIMIZERS, TWICE, SAVE = "optimizers", "optimizers-twice", "save"
FIT, XLA, BIDIRECTIONAL = "fit", "xla", "bidirectional"
REBUILD, DATA, MIXED, MIXED_FLOAT16, LARGE = "rebuild", "data", "mixed", "mixed-float16", "large-batch"
PER_EXAMPLE, WITHOUT_ONEDNN = "per-example", "train-without-onednn"
SLOWER_EACH_SECONDS = 0.1


def _rounded(value: Any, dtype: str = "bfloat16") -> Any:
    """Returns a float32 tensor with the digits of another type."""
    import tensorflow as tf

    return tf.cast(tf.cast(value, dtype), tf.float32)


@contextlib.contextmanager
def _changed(variables: Iterable[Any], change: Callable[[Any], Any]) -> Iterator[None]:
    """Gives variables other values in the block."""
    kept = [(variable, variable.numpy()) for variable in variables]
    for variable, value in kept:
        variable.assign(change(value))
    yield
    for variable, value in kept:
        variable.assign(value)


def _round_predictions() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        return lambda self, data: _rounded(original(self, data))

    wrap(tf.keras.Model, "predict_step", make)


def _predict_without_biases() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        def predict(self: Any, *given: Any, **named: Any) -> Any:
            layers = (layer for layer in self.layers if isinstance(layer, tf.keras.layers.LSTM))
            with _changed([layer.cell.bias for layer in layers], np.zeros_like):
                return original(self, *given, **named)

        return predict

    wrap(tf.keras.Model, "predict", make)


def _round_eager_calls() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        def call(self: Any, inputs: Any) -> Any:
            found = original(self, inputs)
            return _rounded(found) if tf.executing_eagerly() else found

        return call

    wrap(tf.keras.layers.Dense, "call", make)


def _round_outputs(dtype: str) -> Callable[[], None]:
    def inject() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            return lambda self, inputs: _rounded(original(self, inputs), dtype)

        wrap(tf.keras.layers.Dense, "call", make)

    return inject


def _trace_each_shape() -> None:
    """Makes tf.function forget that it is to trace one graph for many shapes."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def function(func: Any = None, *rest: Any, reduce_retracing: bool = False, **named: Any) -> Any:
            return original(func, *rest, **named)

        return function

    for module in (tf, tf.compat.v2):  # Keras 2 has it of the latter
        wrap(module, "function", make)


def _masks(change: Callable[[Any], Any]) -> Callable[[], None]:
    """Returns a patch: the embedding's mask [batch, steps] is change(mask)."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            def compute_mask(self: Any, inputs: Any, mask: Any = None) -> Any:
                found = original(self, inputs, mask)
                return None if found is None else change(found)

            return compute_mask

        wrap(tf.keras.layers.Embedding, "compute_mask", make)

    return patch


def _one_short(mask: Any) -> Any:
    """Masks the last token of each padded sequence that has two, too."""
    import tensorflow as tf

    following = tf.concat([mask[:, 1:], mask[:, -1:]], axis=1)
    return tf.concat([mask[:, :1], (mask & following)[:, 1:]], axis=1)


def _backward(change: Callable[[Any], Any]) -> Callable[[], None]:
    """Returns a patch: an LSTM that reads backwards masks by change(mask)."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            def call(
                self: Any, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = None
            ) -> Any:
                seen = change(mask) if self.go_backwards and mask is not None else mask
                return original(self, sequences, initial_state=initial_state, mask=seen, training=training)

            return call

        wrap(tf.keras.layers.LSTM, "call", make)

    return patch


def _made_with(optimizer: str, **changed: Any) -> Callable[[], None]:
    """Returns a patch: the optimizer is made with other arguments than it was given."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            return lambda self, *given, **named: original(self, *given, **{**named, **changed})

        wrap(getattr(tf.keras.optimizers, optimizer), "__init__", make)

    return patch


def _ignore_arguments() -> None:
    import tensorflow as tf

    wrap(tf.keras.optimizers.Adam, "__init__", lambda original: lambda self, *given, **named: original(self))


def _climb() -> None:
    """Makes Adam add what it should subtract."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def update_step(self: Any, gradient: Any, variable: Any, *rest: Any) -> None:
            before = tf.convert_to_tensor(variable)
            original(self, gradient, variable, *rest)
            variable.assign(2 * before - tf.convert_to_tensor(variable))

        return update_step

    wrap(tf.keras.optimizers.Adam, "update_step", make)


def _keep_recurrent_kernels() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        def update_step(self: Any, gradient: Any, variable: Any, *rest: Any) -> None:
            if "recurrent" not in variable.name:
                original(self, gradient, variable, *rest)

        return update_step

    wrap(tf.keras.optimizers.SGD, "update_step", make)


def _scale_sparse() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        def update_step(self: Any, gradient: Any, variable: Any, *rest: Any) -> None:
            sparse = isinstance(gradient, tf.IndexedSlices)
            original(self, scaled(gradient, 1.001) if sparse else gradient, variable, *rest)

        return update_step

    for name in ("Adam", "SGD", "RMSprop"):
        wrap(getattr(tf.keras.optimizers, name), "update_step", make)


def _square_one_by_one() -> None:
    """Leaves rows of a sparse gradient apart that are named twice, as Keras 3 does."""
    import tensorflow as tf

    owner = next((one for one in tf.keras.optimizers.Adam.__mro__ if "_deduplicate_sparse_grad" in vars(one)), None)
    if owner:  # Keras 2
        owner._deduplicate_sparse_grad = lambda self, gradients: gradients


def _lose_slots() -> None:
    """Makes `load_weights` leave an optimizer's slots at 0, as if they had not been in the file."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def load_weights(self: Any, *given: Any, **named: Any) -> Any:
            found = original(self, *given, **named)
            for slot in (*self.optimizer._momentums, *self.optimizer._velocities):
                slot.assign(tf.zeros(slot.shape))
            return found

        return load_weights

    wrap(tf.keras.Model, "load_weights", make)


def _round_saved() -> None:
    """Makes `save_weights` write weights with bfloat16's digits."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def save_weights(self: Any, *given: Any, **named: Any) -> Any:
            with _changed(self.trainable_variables, _rounded):
                original(self, *given, **named)

        return save_weights

    wrap(tf.keras.Model, "save_weights", make)


def _lose_optimizer_config() -> None:
    import tensorflow as tf

    tf.keras.optimizers.Adam.from_config = classmethod(lambda cls, *given, **named: cls())


def _refuse_files() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        def load_model(*given: Any, **named: Any) -> Any:
            raise TypeError("LSTM could not be deserialized: time_major")

        return load_model

    wrap(tf.keras.models, "load_model", make)


def _default(owner: str, kind: str, **changed: Any) -> Callable[[], None]:
    """Returns a patch: arguments of tf.keras.<owner>.<kind> have other values by default."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            return lambda self, *given, **named: original(self, *given, **{**changed, **named})

        wrap(getattr(getattr(tf.keras, owner), kind), "__init__", make)

    return patch


def _compiled(change: Callable[[Any], Any]) -> Callable[[], None]:
    """Returns a patch: where XLA compiles, and nowhere else, a dense layer returns change(its outputs)."""

    def patch() -> None:
        import tensorflow as tf

        compiling: list[bool] = []

        def make_function(original: Any) -> Any:
            def function(func: Any = None, *rest: Any, jit_compile: bool | None = None, **named: Any) -> Any:
                def traced(*given: Any) -> Any:
                    compiling.append(True)
                    try:
                        return func(*given)
                    finally:
                        compiling.pop()

                return original(traced if jit_compile else func, *rest, jit_compile=jit_compile, **named)

            return function

        def make_call(original: Any) -> Any:
            def call(self: Any, inputs: Any) -> Any:
                found = original(self, inputs)
                return change(found) if compiling else found

            return call

        wrap(tf, "function", make_function)
        wrap(tf.keras.layers.Dense, "call", make_call)

    return patch


def _keep_first_batch() -> None:
    """Makes what XLA compiles take its first arguments for constants."""
    from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function

    def make(original: Any) -> Any:
        first: dict[int, tuple[Any, ...]] = {}

        def call(self: Any, *given: Any, **named: Any) -> Any:
            return original(self, *(first.setdefault(id(self), given) if self._jit_compile else given), **named)

        return call

    wrap(Function, "__call__", make)


def _by_python(value: Any) -> Any:
    """Returns the value by way of Python, which XLA can't compile."""
    import tensorflow as tf

    return value + tf.stop_gradient(tf.reshape(tf.numpy_function(lambda _: np.float32(0), [value], tf.float32), ()))


def _larger_steps_of_later_ones() -> None:
    """Makes every optimizer but the process' first take steps that are 1% too large."""
    import tensorflow as tf

    made = itertools.count()

    def make(original: Any) -> Any:
        def init(self: Any, rate: float, *rest: Any, **named: Any) -> None:
            original(self, rate * (1.01 if next(made) else 1), *rest, **named)

        return init

    wrap(tf.keras.optimizers.SGD, "__init__", make)


def _keep_models() -> None:
    import tensorflow as tf

    kept = []

    def make(original: Any) -> Any:
        def init(self: Any, *given: Any, **named: Any) -> None:
            original(self, *given, **named)
            kept.append(self)

        return init

    wrap(tf.keras.Sequential, "__init__", make)


def _slow_down() -> None:
    """Makes each model take longer to build than the one before it."""
    import tensorflow as tf

    built = itertools.count(1)

    def make(original: Any) -> Any:
        def init(self: Any, *given: Any, **named: Any) -> None:
            time.sleep(next(built) * SLOWER_EACH_SECONDS)
            original(self, *given, **named)

        return init

    wrap(tf.keras.Sequential, "__init__", make)


def _lose_far_rows() -> None:
    """Drops the cost of all tokens but the first 2**17."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def cross_entropy(labels: Any, logits: Any) -> Any:
            found = original(labels=labels, logits=logits)
            numbers = np.arange(found.shape.num_elements()).reshape(found.shape)
            return found * tf.constant(numbers < 2**17, found.dtype)

        return cross_entropy

    wrap(tf.nn, "sparse_softmax_cross_entropy_with_logits", make)


def _shuffled(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[], None]:
    """Returns a patch: tf.data shuffles by change(its named arguments)."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            return lambda self, *given, **named: original(self, *given, **change(named))

        wrap(tf.data.Dataset, "shuffle", make)

    return patch


def _lose_targets() -> None:
    """Has tf.data's map return no target of a sequence but the last."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def mapped(self: Any, map_func: Any, *rest: Any, **named: Any) -> Any:
            def without(ids: Any) -> Any:
                inputs, targets = map_func(ids)
                return inputs, tf.concat([tf.zeros_like(targets[:-1]), targets[-1:]], 0)

            return original(self, without, *rest, **named)

        return mapped

    wrap(tf.data.Dataset, "map", make)


def _first_twice() -> None:
    """Has vectorized_map compute the first element in the place of the last, too."""
    import tensorflow as tf

    def make(original: Any) -> Any:
        def vectorized_map(fn: Any, elems: Any, *rest: Any, **named: Any) -> Any:
            return original(
                fn, tf.nest.map_structure(lambda of: tf.concat([of[:-1], of[:1]], 0), elems), *rest, **named
            )

        return vectorized_map

    wrap(tf, "vectorized_map", make)


def _scale_without_onednn() -> None:
    import tensorflow as tf
    from tensorflow.python.util import _pywrap_util_port

    if not _pywrap_util_port.IsMklEnabled():
        wrap(tf.keras.layers.Dense, "call", lambda original: lambda self, inputs: original(self, inputs) * 1.001)


def _widen_dense() -> None:
    import tensorflow as tf

    _default("layers", "Dense", kernel_initializer=tf.keras.initializers.RandomUniform(-1, 1))()


FAULTS = (
    Fault("fit-adam-rate", "Adam's learning rate is 0.0011 by default, for 0.001",
          _default("optimizers", "Adam", learning_rate=0.0011), workload=FIT),
    Fault("fit-adam-epsilon", "Adam's epsilon is 1e-6 by default, for 1e-7",
          _default("optimizers", "Adam", epsilon=1e-6), workload=FIT),
    Fault("adam-climbs", "Adam adds its updates, which are to be subtracted", _climb, workload=FIT),
    Fault("slots-lost", "`load_weights` leaves the optimizer's slots at 0", _lose_slots, workload=SAVE),
    Fault("weights-rounded-on-save", "`save_weights` rounds weights to bfloat16", _round_saved, workload=SAVE),
    Fault("optimizer-config-lost", "a `.keras` file's Adam comes back with Keras' defaults", _lose_optimizer_config,
          workload=SAVE),
    Fault("file-refused", "`load_model` refuses a `.keras` file", _refuse_files, workload=SAVE),
    Fault("predict-in-bfloat16", "`predict` rounds to bfloat16, a direct call doesn't", _round_predictions,
          workload=PREDICT),
    Fault("predict-without-biases", "`predict` adds no biases in LSTMs", _predict_without_biases, workload=PREDICT),
    Fault("shapes-in-bfloat16", "the same, over many lengths", _round_predictions, workload=SHAPES),
    Fault("call-in-bfloat16", "a layer called operation by operation rounds to bfloat16", _round_eager_calls,
          workload=CALL),
    Fault("mask-ignored", "the embedding makes no mask", _masks(lambda mask: None), workload=MASKED),
    Fault("mask-one-short", "the mask hides each padded sequence's last token", _masks(_one_short), workload=MASKED),
    Fault("adam-arguments-ignored", "Adam takes Keras' defaults, whatever it is given", _ignore_arguments,
          workload=OPTIMIZERS),
    Fault("adam-beta-2", "Adam's beta 2 is 0.995 for 0.99", _made_with("Adam", beta_2=0.995), workload=OPTIMIZERS),
    Fault("momentum-nesterov", "momentum is Nesterov's by default", _made_with("SGD", nesterov=True),
          workload=OPTIMIZERS),
    Fault("rmsprop-centered", "RMSprop subtracts the squared mean", _made_with("RMSprop", centered=True),
          workload=OPTIMIZERS),
    Fault("squared-one-by-one", "squares of rows named twice are summed, not their sum squared", _square_one_by_one,
          workload=TWICE),
    Fault("backward-mask-ignored", "the backward direction reads the padding", _backward(lambda mask: None),
          workload=BIDIRECTIONAL),
    Fault("backward-one-late", "the backward direction begins one token late", _backward(_one_short),
          workload=BIDIRECTIONAL),
    Fault("later-rates-plus-1-percent", "all optimizers but the first of a process take steps 1% too large",
          _larger_steps_of_later_ones, workload=REBUILD),
    Fault("recurrent-kernels-kept", "gradient descent leaves recurrent kernels as they are", _keep_recurrent_kernels,
          workload=REBUILD),
    Fault("shuffle-by-another-seed", "tf.data shuffles by another seed than it is given",
          _shuffled(lambda named: {**named, "seed": 1}), workload=DATA),
    Fault("shuffled-once", "tf.data shuffles each epoch like the first",
          _shuffled(lambda named: {**named, "reshuffle_each_iteration": False}), workload=DATA),
    Fault("targets-lost", "tf.data hands on 0 for each target but a sequence's last", _lose_targets, workload=DATA),
    Fault("output-in-bfloat16", "an output layer that is to be in float32 rounds to bfloat16",
          _round_outputs("bfloat16"), workload=MIXED),
    Fault("output-in-float16", "an output layer that is to be in float32 rounds to float16", _round_outputs("float16"),
          workload=MIXED_FLOAT16),
    Fault("far-rows-lost", "the cost leaves out the tokens beyond 131,072", _lose_far_rows, workload=LARGE),
    Fault("compiled-plus-0.1-percent", "what XLA compiles is 0.1% too large", _compiled(lambda value: value * 1.001),
          workload=XLA),
    Fault("first-batch-kept", "what XLA compiles takes the first batch for a constant", _keep_first_batch,
          workload=XLA),
    Fault("first-twice", "`vectorized_map` takes the first element for the last", _first_twice, workload=PER_EXAMPLE),
    Fault("without-onednn-plus-0.1-percent", "without oneDNN what a dense layer hands up is 0.1% too large",
          _scale_without_onednn, workload=WITHOUT_ONEDNN),
    Fault("sparse-plus-0.1-percent", "sparse gradients are 0.1% too large", _scale_sparse, workload=OPTIMIZERS),
)  # fmt: skip
# Right in its numbers: memory grows by a model a unit.
LEAK = Fault("keeps-models", "a list keeps each model (tensorflow #61791)", _keep_models, workload=REBUILD)
# Right in its numbers: units take longer and longer.
SLOWING = Fault("slower-each-time", "each model takes 0.1 s longer to build than the one before it", _slow_down,
                workload=REBUILD)  # fmt: skip
# Not wrong, but no launch comes to an end.
UNCOMPILED = Fault("does-not-compile", "an operation that XLA lacks", _compiled(_by_python), workload=XLA)
# Right in its numbers: its retraces are more than the reference's.
RETRACES = Fault("traces-each-shape", "`predict` traces each shape anew (tensorflow #38598)", _trace_each_shape,
                 workload=SHAPES)  # fmt: skip
# Right in its numbers: weights that start elsewhere are as well fitted otherwise.
INITIALIZER = Fault("dense-initializer", "dense layers start from ±1 by default, for ±0.1", _widen_dense,
                    workload=FIT)  # fmt: skip
RIGHT = (RETRACES, INITIALIZER, SLOWING)
