"""Faults that a training step with gradient descent doesn't show: each is of a workload."""

from collections.abc import Callable
from typing import Any

from .fault import Fault, scaled, wrap

PREDICT, CALL, SHAPES, MASKED = "predict", "predict-call", "predict-shapes", "masked"
OPTIMIZERS, TWICE, SAVE = "optimizers", "optimizers-twice", "save"
FIT = "fit"


def _rounded(value: Any) -> Any:
    """Returns a float32 tensor with bfloat16's digits."""
    import tensorflow as tf

    return tf.cast(tf.cast(value, tf.bfloat16), tf.float32)


def _round_predictions() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        return lambda self, data: _rounded(original(self, data))

    wrap(tf.keras.Model, "predict_step", make)


def _round_eager_calls() -> None:
    import tensorflow as tf

    def make(original: Any) -> Any:
        def call(self: Any, inputs: Any) -> Any:
            found = original(self, inputs)
            return _rounded(found) if tf.executing_eagerly() else found

        return call

    wrap(tf.keras.layers.Dense, "call", make)


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


def _made_with(optimizer: str, **changed: Any) -> Callable[[], None]:
    """Returns a patch: the optimizer is made with other arguments than it was given."""

    def patch() -> None:
        import tensorflow as tf

        def make(original: Any) -> Any:
            return lambda self, *given, **named: original(self, *given, **{**named, **changed})

        wrap(getattr(tf.keras.optimizers, optimizer), "__init__", make)

    return patch


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
            kept = [variable.numpy() for variable in self.trainable_variables]
            for variable, value in zip(self.trainable_variables, kept, strict=True):
                variable.assign(_rounded(tf.constant(value)))
            original(self, *given, **named)
            for variable, value in zip(self.trainable_variables, kept, strict=True):
                variable.assign(value)

        return save_weights

    wrap(tf.keras.Model, "save_weights", make)


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


def _widen_dense() -> None:
    import tensorflow as tf

    _default("layers", "Dense", kernel_initializer=tf.keras.initializers.RandomUniform(-1, 1))()


FAULTS = (
    Fault("fit-adam-rate", "Adam's learning rate is 0.0011 by default, for 0.001",
          _default("optimizers", "Adam", learning_rate=0.0011), workload=FIT),
    Fault("fit-adam-epsilon", "Adam's epsilon is 1e-6 by default, for 1e-7",
          _default("optimizers", "Adam", epsilon=1e-6), workload=FIT),
    Fault("slots-lost", "`load_weights` leaves the optimizer's slots at 0", _lose_slots, workload=SAVE),
    Fault("weights-rounded-on-save", "`save_weights` rounds weights to bfloat16", _round_saved, workload=SAVE),
    Fault("file-refused", "`load_model` refuses a `.keras` file", _refuse_files, workload=SAVE),
    Fault("predict-in-bfloat16", "`predict` rounds to bfloat16, a direct call doesn't", _round_predictions,
          workload=PREDICT),
    Fault("shapes-in-bfloat16", "the same, over many lengths", _round_predictions, workload=SHAPES),
    Fault("call-in-bfloat16", "a layer called operation by operation rounds to bfloat16", _round_eager_calls,
          workload=CALL),
    Fault("mask-ignored", "the embedding makes no mask", _masks(lambda mask: None), workload=MASKED),
    Fault("mask-one-short", "the mask hides each padded sequence's last token", _masks(_one_short), workload=MASKED),
    Fault("adam-beta-2", "Adam's beta 2 is 0.9995 for 0.999", _made_with("Adam", beta_2=0.9995), workload=OPTIMIZERS),
    Fault("momentum-nesterov", "momentum is Nesterov's by default", _made_with("SGD", nesterov=True),
          workload=OPTIMIZERS),
    Fault("rmsprop-centered", "RMSprop subtracts the squared mean", _made_with("RMSprop", centered=True),
          workload=OPTIMIZERS),
    Fault("squared-one-by-one", "squares of rows named twice are summed, not their sum squared", _square_one_by_one,
          workload=TWICE),
    Fault("sparse-plus-0.1-percent", "sparse gradients are 0.1% too large", _scale_sparse, workload=OPTIMIZERS),
)  # fmt: skip
# Right in its numbers: its retraces are more than the reference's.
RETRACES = Fault("traces-each-shape", "`predict` traces each shape anew (tensorflow #38598)", _trace_each_shape,
                 workload=SHAPES)  # fmt: skip
# Right in its numbers: weights that start elsewhere are as well fitted otherwise.
INITIALIZER = Fault("dense-initializer", "dense layers start from ±1 by default, for ±0.1", _widen_dense,
                    workload=FIT)  # fmt: skip
RIGHT = (RETRACES, INITIALIZER)
