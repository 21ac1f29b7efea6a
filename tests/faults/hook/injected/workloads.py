"""Faults that a training step with gradient descent doesn't show: each is of a workload."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .fault import CROSS_ENTROPY, DENSE_CALL, SGD_UPDATE, Fault, replaced, scaled, without_gradient, wrap

SLOWER_EACH_SECONDS = 0.1

MODEL = "tensorflow:keras.Model"
MODEL_INIT = "tensorflow:keras.Sequential", "__init__"
ADAM, SGD = "tensorflow:keras.optimizers.Adam", "tensorflow:keras.optimizers.SGD"
DATASET = "tensorflow:data.Dataset"
MEAN = "tensorflow:keras.metrics.Mean"


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


def _round_predictions(original: Any, model: Any, data: Any) -> Any:
    return _rounded(original(model, data))


def _predict_without_biases(original: Any, model: Any, *given: Any, **named: Any) -> Any:
    import tensorflow as tf

    layers = (layer for layer in model.layers if isinstance(layer, tf.keras.layers.LSTM))
    with _changed([layer.cell.bias for layer in layers], np.zeros_like):
        return original(model, *given, **named)


def _short_batch_first(original: Any, model: Any, *given: Any, **named: Any) -> Any:
    """Hands up what a short last batch gives in front of the full ones of 32."""
    found = original(model, *given, **named)
    return np.roll(found, len(found) % 32, axis=0)


def _predict_by_first_weights(original: Any, model: Any, *given: Any, **named: Any) -> Any:
    """Predicts by the weights of the model's first call."""
    kept = iter(vars(model).setdefault("_first_weights", [variable.numpy() for variable in model.variables]))
    with _changed(model.variables, lambda value: next(kept)):
        return original(model, *given, **named)


def _first_ones(mask: Any) -> Any:
    """Returns masks of as many tokens as are kept, but of the first ones."""
    import tensorflow as tf

    return tf.sequence_mask(tf.reduce_sum(tf.cast(mask, tf.int32), axis=1), tf.shape(mask)[1])


def _without_bias(original: Any, layer: Any, *given: Any, **named: Any) -> Any:
    """Computes an LSTM or its cell with a bias of 0; the gradient by the bias is right."""
    import tensorflow as tf

    cell = getattr(layer, "cell", layer)
    bias = cell.bias
    vars(cell)["bias"] = -without_gradient(tf.convert_to_tensor(bias))
    try:
        return original(layer, *given, **named)
    finally:
        vars(cell)["bias"] = bias


def _round_eager_calls(original: Any, *given: Any, **named: Any) -> Any:
    import tensorflow as tf

    found = original(*given, **named)
    return _rounded(found) if tf.executing_eagerly() else found


def _round_outputs(dtype: str) -> Callable[[], None]:
    return replaced(*DENSE_CALL, lambda original, *given, **named: _rounded(original(*given, **named), dtype))


def _trace_each_shape() -> None:
    """Makes tf.function forget that it is to trace one graph for many shapes."""
    import tensorflow as tf

    def function(original: Any, func: Any = None, *rest: Any, reduce_retracing: bool = False, **named: Any) -> Any:
        return original(func, *rest, **named)

    for module in (tf, tf.compat.v2):  # Keras 2 has it of the latter
        wrap(module, "function", function)


def _masks(change: Callable[[Any], Any]) -> Callable[[], None]:
    """Returns a patch: the embedding's mask [batch, steps] is change(mask)."""

    def compute_mask(original: Any, *given: Any, **named: Any) -> Any:
        found = original(*given, **named)
        return None if found is None else change(found)

    return replaced("tensorflow:keras.layers.Embedding", "compute_mask", compute_mask)


def _one_short(mask: Any) -> Any:
    """Masks the last token of each padded sequence that has two, too."""
    import tensorflow as tf

    following = tf.concat([mask[:, 1:], mask[:, -1:]], axis=1)
    return tf.concat([mask[:, :1], (mask & following)[:, 1:]], axis=1)


def _backward(change: Callable[[Any], Any]) -> Callable[[], None]:
    """Returns a patch: an LSTM that reads backwards masks by change(mask)."""

    def call(original: Any, layer: Any, sequences: Any, mask: Any = None, **named: Any) -> Any:
        seen = change(mask) if layer.go_backwards and mask is not None else mask
        return original(layer, sequences, mask=seen, **named)

    return replaced("tensorflow:keras.layers.LSTM", "call", call)


def _always_with(owner: str, name: str, **changed: Any) -> Callable[[], None]:
    """Returns a patch: these are the values of named arguments, whatever is given."""
    return replaced(owner, name, lambda original, *given, **named: original(*given, **{**named, **changed}))


def _default(owner: str, **changed: Any) -> Callable[[], None]:
    """Returns a patch: arguments that an owner is made with have other values by default."""
    return replaced(owner, "__init__", lambda original, *given, **named: original(*given, **{**changed, **named}))


def _climb(original: Any, optimizer: Any, gradient: Any, variable: Any, *rest: Any) -> None:
    """Adds what should be subtracted."""
    import tensorflow as tf

    before = tf.convert_to_tensor(variable)
    original(optimizer, gradient, variable, *rest)
    variable.assign(2 * before - tf.convert_to_tensor(variable))


def _keep_recurrent_kernels(original: Any, optimizer: Any, gradient: Any, variable: Any, *rest: Any) -> None:
    if "recurrent" not in variable.name:
        original(optimizer, gradient, variable, *rest)


def _scale_sparse() -> None:
    import tensorflow as tf

    def update_step(original: Any, optimizer: Any, gradient: Any, *rest: Any) -> None:
        sparse = isinstance(gradient, tf.IndexedSlices)
        original(optimizer, scaled(gradient, 1.001) if sparse else gradient, *rest)

    for name in ("Adam", "SGD", "RMSprop"):
        wrap(getattr(tf.keras.optimizers, name), "update_step", update_step)


def _over_its_own_norm(original: Any, optimizer: Any, gradients: Any) -> Any:
    """Divides by the global norm even where it is 0."""
    import tensorflow as tf

    if not optimizer.global_clipnorm:
        return original(optimizer, gradients)
    norm = tf.linalg.global_norm(gradients)
    return [scaled(gradient, tf.minimum(norm, optimizer.global_clipnorm) / norm) for gradient in gradients]


def _square_one_by_one() -> None:
    """Leaves rows of a sparse gradient apart that are named twice, as Keras 3 does."""
    import tensorflow as tf

    owner = next((one for one in tf.keras.optimizers.Adam.__mro__ if "_deduplicate_sparse_grad" in vars(one)), None)
    if owner:  # Keras 2
        owner._deduplicate_sparse_grad = lambda self, gradients: gradients


def _lose_slots(original: Any, model: Any, *given: Any, **named: Any) -> Any:
    """Leaves an optimizer's slots at 0, as if they had not been in the file."""
    import tensorflow as tf

    found = original(model, *given, **named)
    for slot in (*model.optimizer._momentums, *model.optimizer._velocities):
        slot.assign(tf.zeros(slot.shape))
    return found


def _round_saved(original: Any, model: Any, *given: Any, **named: Any) -> Any:
    """Writes weights with bfloat16's digits."""
    with _changed(model.trainable_variables, _rounded):
        original(model, *given, **named)


def _lose_optimizer_config() -> None:
    import tensorflow as tf

    tf.keras.optimizers.Adam.from_config = classmethod(lambda cls, *given, **named: cls())


def _refuse_files(*given: Any, **named: Any) -> Any:
    raise TypeError("LSTM could not be deserialized: time_major")


def _compiled(change: Callable[[Any], Any]) -> Callable[[], None]:
    """Returns a patch: where XLA compiles, and nowhere else, a dense layer returns change(its outputs)."""
    compiling: list[bool] = []

    def function(original: Any, func: Any = None, *rest: Any, jit_compile: bool | None = None, **named: Any) -> Any:
        def traced(*given: Any) -> Any:
            compiling.append(True)
            try:
                return func(*given)
            finally:
                compiling.pop()

        return original(traced if jit_compile else func, *rest, jit_compile=jit_compile, **named)

    def call(original: Any, *given: Any, **named: Any) -> Any:
        found = original(*given, **named)
        return change(found) if compiling else found

    def patch() -> None:
        replaced("tensorflow", "function", function)()
        replaced(*DENSE_CALL, call)()

    return patch


def _keep_first_batch() -> None:
    """Makes what XLA compiles take its first arguments for constants."""
    from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function

    first: dict[int, tuple[Any, ...]] = {}

    def call(original: Any, function: Any, /, *given: Any, **named: Any) -> Any:
        return original(function, *(first.setdefault(id(function), given) if function._jit_compile else given), **named)

    wrap(Function, "__call__", call)


def _by_python(value: Any) -> Any:
    """Returns the value by way of Python, which XLA can't compile."""
    import tensorflow as tf

    return value + tf.stop_gradient(tf.reshape(tf.numpy_function(lambda _: np.float32(0), [value], tf.float32), ()))


def _larger_steps_of_later_ones() -> Callable[[], None]:
    """Returns a patch: every optimizer but the process' first takes steps that are 1% too large."""
    made = itertools.count()

    def init(original: Any, optimizer: Any, rate: float, *rest: Any, **named: Any) -> None:
        original(optimizer, rate * (1.01 if next(made) else 1), *rest, **named)

    return replaced(SGD, "__init__", init)


def _keep_models() -> Callable[[], None]:
    kept: list[Any] = []

    def init(original: Any, model: Any, *given: Any, **named: Any) -> None:
        original(model, *given, **named)
        kept.append(model)

    return replaced(*MODEL_INIT, init)


def _slow_down() -> Callable[[], None]:
    """Returns a patch: each model takes longer to build than the one before it."""
    built = itertools.count(1)

    def init(original: Any, *given: Any, **named: Any) -> None:
        time.sleep(next(built) * SLOWER_EACH_SECONDS)
        original(*given, **named)

    return replaced(*MODEL_INIT, init)


def _lose_far_rows(original: Any, labels: Any, logits: Any) -> Any:
    """Drops the cost of all tokens but the first 2**17."""
    import tensorflow as tf

    found = original(labels=labels, logits=logits)
    numbers = np.arange(found.shape.num_elements()).reshape(found.shape)
    return found * tf.constant(numbers < 2**17, found.dtype)


def _lose_targets(original: Any, data: Any, map_func: Any, *rest: Any, **named: Any) -> Any:
    """Maps to no target of a sequence but the last."""
    import tensorflow as tf

    def without(ids: Any) -> Any:
        inputs, targets = map_func(ids)
        return inputs, tf.concat([tf.zeros_like(targets[:-1]), targets[-1:]], 0)

    return original(data, without, *rest, **named)


def _first_twice(original: Any, fn: Any, elems: Any, *rest: Any, **named: Any) -> Any:
    """Computes the first element in the place of the last, too."""
    import tensorflow as tf

    twice = tf.nest.map_structure(lambda of: tf.concat([of[:-1], of[:1]], 0), elems)
    return original(fn, twice, *rest, **named)


def _scale_without_onednn() -> None:
    from tensorflow.python.util import _pywrap_util_port

    if not _pywrap_util_port.IsMklEnabled():
        replaced(*DENSE_CALL, lambda original, *given, **named: original(*given, **named) * 1.001)()


def _widen_dense() -> None:
    import tensorflow as tf

    _default(DENSE_CALL[0], kernel_initializer=tf.keras.initializers.RandomUniform(-1, 1))()


FAULTS = (
    Fault("fit-adam-rate", "Adam's learning rate is 0.0011 by default, for 0.001",
          _default(ADAM, learning_rate=0.0011), workload="fit"),
    Fault("fit-adam-epsilon", "Adam's epsilon is 1e-6 by default, for 1e-7",
          _default(ADAM, epsilon=1e-6), workload="fit"),
    Fault("adam-climbs", "Adam adds its updates, which are to be subtracted", replaced(ADAM, "update_step", _climb),
          workload="fit"),
    Fault("mean-over-batches", "Keras reports a loss that is the mean over batches, however short the last one",
          replaced(MEAN, "update_state", lambda original, metric, values, *given, **named: original(metric, values)),
          workload="fit"),
    Fault("slots-lost", "`load_weights` leaves the optimizer's slots at 0",
          replaced(MODEL, "load_weights", _lose_slots), workload="save"),
    Fault("weights-rounded-on-save", "`save_weights` rounds weights to bfloat16",
          replaced(MODEL, "save_weights", _round_saved), workload="save"),
    Fault("optimizer-config-lost", "a `.keras` file's Adam comes back with Keras' defaults", _lose_optimizer_config,
          workload="save"),
    Fault("file-refused", "`load_model` refuses a `.keras` file",
          replaced("tensorflow:keras.models", "load_model", _refuse_files), workload="save"),
    Fault("predict-in-bfloat16", "`predict` rounds to bfloat16, a direct call doesn't",
          replaced(MODEL, "predict_step", _round_predictions), workload="predict"),
    Fault("predict-without-biases", "`predict` adds no biases in LSTMs",
          replaced(MODEL, "predict", _predict_without_biases), workload="predict"),
    Fault("predict-by-first-weights", "`predict` keeps the weights of its first call",
          replaced(MODEL, "predict", _predict_by_first_weights), workload="predict"),
    Fault("shapes-in-bfloat16", "the same, over many lengths", replaced(MODEL, "predict_step", _round_predictions),
          workload="predict-shapes"),
    Fault("short-batch-first", "`predict` hands up a short last batch first",
          replaced(MODEL, "predict", _short_batch_first), workload="predict-shapes"),
    Fault("call-in-bfloat16", "a layer called operation by operation rounds to bfloat16",
          replaced(*DENSE_CALL, _round_eager_calls), workload="predict-call"),
    Fault("mask-ignored", "the embedding makes no mask", _masks(lambda mask: None), workload="masked"),
    Fault("mask-one-short", "the mask hides each padded sequence's last token", _masks(_one_short), workload="masked"),
    Fault("mask-by-length", "the mask is of the first tokens, as many as are no padding",
          _masks(_first_ones), workload="masked"),
    Fault("masked-without-biases", "LSTMs add no biases",
          replaced("tensorflow:keras.layers.LSTM", "call", _without_bias), workload="masked"),
    Fault("adam-arguments-ignored", "Adam takes Keras' defaults, whatever it is given",
          replaced(ADAM, "__init__", lambda original, optimizer, *given, **named: original(optimizer)),
          workload="optimizers"),
    Fault("adam-beta-2", "Adam's beta 2 is 0.995 for 0.99", _always_with(ADAM, "__init__", beta_2=0.995),
          workload="optimizers"),
    Fault("rate-of-the-next-update", "a schedule gives the learning rate of the next update",
          replaced("tensorflow:keras.optimizers.schedules.ExponentialDecay", "__call__",
                   lambda original, schedule, step: original(schedule, step + 1)), workload="optimizers"),
    Fault("momentum-nesterov", "momentum is Nesterov's by default", _always_with(SGD, "__init__", nesterov=True),
          workload="optimizers"),
    Fault("rmsprop-centered", "RMSprop subtracts the squared mean",
          _always_with("tensorflow:keras.optimizers.RMSprop", "__init__", centered=True), workload="optimizers"),
    Fault("clipnorm-ignored", "Adam ignores `clipnorm`", _always_with(ADAM, "__init__", clipnorm=None),
          workload="optimizers"),
    Fault("zero-clipped-to-nan", "gradients of exactly 0 become NaN by `global_clipnorm`",
          replaced("tensorflow:keras.optimizers.Optimizer", "_clip_gradients", _over_its_own_norm),
          workload="optimizers"),
    Fault("squared-one-by-one", "squares of rows named twice are summed, not their sum squared", _square_one_by_one,
          workload="optimizers-twice"),
    Fault("backward-mask-ignored", "the backward direction reads the padding", _backward(lambda mask: None),
          workload="bidirectional"),
    Fault("backward-one-late", "the backward direction begins one token late", _backward(_one_short),
          workload="bidirectional"),
    Fault("later-rates-plus-1-percent", "all optimizers but the first of a process take steps 1% too large",
          _larger_steps_of_later_ones(), workload="rebuild"),
    Fault("recurrent-kernels-kept", "gradient descent leaves recurrent kernels as they are",
          replaced(*SGD_UPDATE, _keep_recurrent_kernels), workload="rebuild"),
    Fault("shuffle-by-another-seed", "tf.data shuffles by another seed than it is given",
          _always_with(DATASET, "shuffle", seed=1), workload="data"),
    Fault("shuffled-once", "tf.data shuffles each epoch like the first",
          _always_with(DATASET, "shuffle", reshuffle_each_iteration=False), workload="data"),
    Fault("first-epoch-repeated", "tf.data's `repeat` hands on the first epoch again and again",
          replaced(DATASET, "repeat", lambda original, data, *given, **named: original(data.cache(), *given, **named)),
          workload="data"),
    Fault("targets-lost", "tf.data hands on 0 for each target but a sequence's last",
          replaced(DATASET, "map", _lose_targets), workload="data"),
    Fault("output-in-bfloat16", "an output layer that is to be in float32 rounds to bfloat16",
          _round_outputs("bfloat16"), workload="mixed"),
    Fault("mixed-without-biases", "LSTMCells add no biases",
          replaced("tensorflow:keras.layers.LSTMCell", "call", _without_bias), workload="mixed"),
    Fault("output-in-float16", "an output layer that is to be in float32 rounds to float16", _round_outputs("float16"),
          workload="mixed-float16"),
    Fault("far-rows-lost", "the cost leaves out the tokens beyond 131,072", replaced(*CROSS_ENTROPY, _lose_far_rows),
          workload="large-batch"),
    Fault("compiled-plus-0.1-percent", "what XLA compiles is 0.1% too large", _compiled(lambda value: value * 1.001),
          workload="xla"),
    Fault("first-batch-kept", "what XLA compiles takes the first batch for a constant", _keep_first_batch,
          workload="xla"),
    Fault("first-twice", "`vectorized_map` takes the first element for the last",
          replaced("tensorflow", "vectorized_map", _first_twice), workload="per-example"),
    Fault("without-onednn-plus-0.1-percent", "without oneDNN what a dense layer hands up is 0.1% too large",
          _scale_without_onednn, workload="train-without-onednn"),
    Fault("sparse-plus-0.1-percent", "sparse gradients are 0.1% too large", _scale_sparse, workload="optimizers"),
)  # fmt: skip
# Right in its numbers: memory grows by a model a unit.
LEAK = Fault("keeps-models", "a list keeps each model (tensorflow #61791)", _keep_models(), workload="rebuild")
# Right in its numbers: units take longer and longer.
SLOWING = Fault("slower-each-time", "each model takes 0.1 s longer to build than the one before it", _slow_down(),
                workload="rebuild")  # fmt: skip
# Not wrong, but no launch comes to an end.
UNCOMPILED = Fault("does-not-compile", "an operation that XLA lacks", _compiled(_by_python), workload="xla")
# Right in its numbers: its retraces are more than the reference's.
RETRACES = Fault("traces-each-shape", "`predict` traces each shape anew (tensorflow #38598)", _trace_each_shape,
                 workload="predict-shapes")  # fmt: skip
# Right in its numbers: weights that start elsewhere are as well fitted otherwise.
INITIALIZER = Fault("dense-initializer", "dense layers start from ±1 by default, for ±0.1", _widen_dense,
                    workload="fit")  # fmt: skip
RIGHT = (RETRACES, INITIALIZER, SLOWING)
