"""Workload `data`: a tf.data pipeline with a seed (shuffle, map, batch, prefetch): order and throughput.

NumPy doesn't know tf.data's shuffle. The order is that of TensorFlow 2.12.1, kept here, and the same in 2.21.0.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lm.arrays import Tokens
from lm.config import Blocks, Config, LaunchPlan, unit_plans
from lm.data.ids import random_ids
from lm.training.initial import weights_sha256
from lm.workloads import protocol
from lm.workloads.parts.untraced import Untraced
from lm.workloads.protocol import Answers, Opening

if TYPE_CHECKING:
    import tensorflow as tf

EPOCHS = "epochs"  # the one case: two passes, each in an order of its own
SEQUENCES, BUFFER, SEED = 120, 50, 20200401  # SEQUENCES: whole batches of each configuration
BATCHES = 60  # of a unit
ORDERS = (  # of the sequences in each epoch, a byte each, in hexadecimal
    "042d08262c291d1f1a252307141b0f0e0337330a151e381c44422132394a122a0d0230502f35452b184d48573e1752205613"
    "36645d00403a5968104c433b58015f5b7134703f6b28665e4e69727760755405746a164b736d1927491147673d610c4f6f62"
    "3c46245c225a31656c065376632e514109556e0b",
    "0631181f1e0508022128323309250c37401b39003a240417102e20340342262a3f1c4f49122b1a5057563c4b58150b3d0f27"
    "48512c0d0a3e5d555c474e434d6f354a5323366859653022077566776d5b6219545e0e44144660702d11387401696467712f"
    "735a6a7216525f296c636e76453b416b611d4c13",
)


class Workload(protocol.Workload):
    """Implements lm.workloads.protocol.Workload."""

    metrics: tuple[str, ...] = (
        *("step time on one core", "step time", "peak memory", "memory growth"),
        *("cpu time", "import", "build", "first step"),
    )
    plans: Mapping[str, LaunchPlan] = unit_plans(tiny=Blocks(20, 10, 2), notebook=Blocks(20, 10, 2))
    cases = (EPOCHS,)
    cap = 0.0  # ids are equal, or wrong

    def open(self, opening: Opening) -> "Work":
        """Returns the work. Raises DeviceError."""
        return Work(opening)

    def expected(self, opening: Opening, case: str, kind: type[np.floating[Any]]) -> Answers:
        """Returns the ids of both epochs in the order that is kept."""
        ids = sequences(opening.config).astype(kind)
        orders = [list(bytes.fromhex(order)) for order in ORDERS]
        return named([(ids[order, :-1], ids[order, 1:]) for order in orders])


def sequences(config: Config) -> Tokens:
    """Returns ids [SEQUENCES, steps + 1]: inputs, and the targets one step later."""
    return random_ids(config, 0, (SEQUENCES, config.num_steps + 1))


def named(epochs: list[tuple[Any, Any]]) -> dict[str, dict[str, Any]]:
    """Returns answers of each epoch's inputs and targets, both [SEQUENCES, steps], in the order that they came in."""
    return {
        quantity: {f"epoch {number}": ids for number, ids in enumerate(of, 1)}
        for quantity, of in zip(("inputs", "targets"), zip(*epochs, strict=True), strict=True)
    }


class Work(Untraced):
    """Implements lm.workloads.protocol.Answering."""

    retraces = 0

    def __init__(self, opening: Opening) -> None:
        import tensorflow as tf

        from lm.runtime import require_device

        require_device(opening.device)
        self._tf, self.config, self.device = tf, opening.config, opening.device
        self.tokens = BATCHES * self.config.tokens_per_step
        self._sequences = sequences(self.config)
        digest = weights_sha256({"sequences": self._sequences.astype(np.float32)})
        self.fingerprint = self.config.fingerprint("data", digest)

    def build(self) -> None:
        """Builds the pipeline."""
        self._pipeline = self._built()

    def _built(self) -> "tf.data.Dataset":
        data = self._tf.data
        shuffled = data.Dataset.from_tensor_slices(self._sequences).shuffle(BUFFER, seed=SEED)
        mapped = shuffled.map(lambda ids: (ids[:-1], ids[1:]), num_parallel_calls=data.AUTOTUNE)
        return mapped.batch(self.config.batch_size).prefetch(data.AUTOTUNE)

    def start(self) -> None:
        """Puts the pipeline at its beginning."""
        self._batches = iter(self._pipeline.repeat())

    def prepare(self, unit: int) -> None:
        """Returns nothing: the pipeline goes on."""

    def do(self, prepared: None) -> float:
        """Takes the next batches; returns the sum of the last one's targets."""
        for _ in range(BATCHES):
            _, targets = next(self._batches)
        return float(targets.numpy().sum())

    def relocate(self) -> None:
        """Does nothing: there are no weights."""

    def answers(self, case: str) -> Mapping[str, Mapping[str, Any]]:
        """Returns the ids of two epochs of a pipeline of its own."""
        pipeline = self._built()
        epochs = [zip(*pipeline, strict=True) for _ in ORDERS]
        return named([(np.concatenate(inputs), np.concatenate(targets)) for inputs, targets in epochs])
