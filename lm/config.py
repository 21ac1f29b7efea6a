"""The pinned reference configurations, as frozen dataclasses.

Sources: the TensorFlow PTB tutorial (small, medium, large), the notebook that this project starts from (notebook);
`tiny` is ours, for tests.
"""

import dataclasses
import hashlib
import json
import math
import re
from typing import Literal

Initializer = Literal["uniform", "glorot_orthogonal"]

# Names that are checked before TensorFlow is loaded.
IMPLEMENTATIONS = ("cells", "layers", "fused")
DEVICE = re.compile(r"(cpu|gpu):(\d{1,2})")
Mode = Literal["eager", "graph"]  # of a hot path: operation by operation, or as one tf.function
MODES: tuple[Mode, ...] = ("eager", "graph")


class ConfigError(ValueError):
    """A configuration or workload that there isn't, or a file that can't be one.

    The message says what there is, or what mends the file.
    """


@dataclasses.dataclass(frozen=True)
class Config:
    """One stacked LSTM language model and the way it is trained."""

    name: str
    vocabulary_size: int
    embedding_size: int
    layer_sizes: tuple[int, ...]
    batch_size: int
    num_steps: int
    initializer: Initializer
    init_scale: float  # bound of the uniform draws; for glorot_orthogonal it bounds the embedding alone
    forget_bias: float  # initial value of the forget gate's bias
    clip_norm: float
    keep_probability: float
    learning_rate: float
    decay: float
    decay_after_epoch: int
    epochs: int
    seed: int = 20200401

    @property
    def tokens_per_step(self) -> int:
        """Returns the predictions of one step: batch × steps."""
        return self.batch_size * self.num_steps

    def epoch_learning_rate(self, epoch: int) -> float:
        """Returns the rate of an epoch counted from 1, in the tutorial lr_decay ** max(epoch − max_epoch, 0)."""
        return self.learning_rate * self.decay ** max(epoch - self.decay_after_epoch, 0)

    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the shapes of the trainable weights by name, in the order in which every implementation holds them.

        Kernels act on row vectors ([in, out]); the four gates lie side by side in Keras' order: input, forget, cell,
        output.
        """
        shapes: dict[str, tuple[int, ...]] = {"embedding": (self.vocabulary_size, self.embedding_size)}
        width = self.embedding_size
        for layer, size in enumerate(self.layer_sizes):
            shapes[f"lstm{layer}/kernel"] = (width, 4 * size)
            shapes[f"lstm{layer}/recurrent"] = (size, 4 * size)
            shapes[f"lstm{layer}/bias"] = (4 * size,)
            width = size
        shapes["output/kernel"] = (width, self.vocabulary_size)
        shapes["output/bias"] = (self.vocabulary_size,)
        return shapes

    def state_shapes(self) -> dict[str, tuple[int, int]]:
        """Returns the shapes [batch, size] of the recurrent state by name, layer by layer: output h, then cell c."""
        shapes = {}
        for layer, size in enumerate(self.layer_sizes):
            shapes[f"lstm{layer}/h"] = (self.batch_size, size)
            shapes[f"lstm{layer}/c"] = (self.batch_size, size)
        return shapes

    def mask_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """Returns the shapes of a step's dropout masks, [batch, steps, width], of the embedding and of each layer."""
        if self.keep_probability == 1:
            return ()
        return tuple((self.batch_size, self.num_steps, width) for width in (self.embedding_size, *self.layer_sizes))

    def parameter_count(self) -> int:
        """Returns the number of trainable values."""
        return sum(math.prod(shape) for shape in self.weight_shapes().values())

    def fingerprint(self, data: str, start: str) -> str:
        """Returns 16 hexadecimal digits that identify what is computed: every field, on which data, from which start.

        `data` is a corpus' sha256, or a workload's name; `start` the sha256 of initial weights, or their stand-in.
        """
        parts = {**dataclasses.asdict(self), "corpus": data, "weights": start}
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Blocks:
    """How the steps of a launch are divided into blocks that both sides take in turn (measured in docs/protocol.md)."""

    quads: int  # four blocks of training steps each; an even number, so that ABBA and BAAB come equally often
    steps: int  # per block, with those that are dropped
    dropped: int  # at the start of each block, while caches are cold
    evaluation_quads: int = 0
    evaluation_steps: int = 0  # per block of an evaluation, with those that are dropped


@dataclasses.dataclass(frozen=True)
class LaunchPlan:
    """The measurement plan of a reference configuration's launches. It is no part of the fingerprint."""

    steps: int  # training steps of a launch of the gate: docs/baselines.md has the measurements
    blocks: Blocks  # of a paired launch on all cores
    one_core: Blocks  # of one on one pinned core
    upgrade_steps: int = 60  # training steps of an upgrade's launches against the oracle
    oracle_every: int = 17  # the oracle checks one step in so many; a prime, so that a periodic fault can't hide
    gated: bool = False  # `tfgate gate` measures it by default


def unit_plans(**blocks: Blocks) -> dict[str, LaunchPlan]:
    """Returns the plans of a workload's units by configuration, of like launches on all cores and on one."""
    return {config: LaunchPlan(1, of, of) for config, of in blocks.items()}


# The TensorFlow PTB tutorial's: two layers as wide as the embedding, no forget bias, rate 1.
SMALL = Config(
    "small", vocabulary_size=10_000, embedding_size=200, layer_sizes=(200, 200), batch_size=20, num_steps=20,
    initializer="uniform", init_scale=0.1, forget_bias=0.0, clip_norm=5.0, keep_probability=1.0, learning_rate=1.0,
    decay=0.5, decay_after_epoch=4, epochs=13,
)  # fmt: skip
MEDIUM = dataclasses.replace(
    SMALL, name="medium", embedding_size=650, layer_sizes=(650, 650), num_steps=35, init_scale=0.05,
    keep_probability=0.5, decay=0.8, decay_after_epoch=6, epochs=39,
)  # fmt: skip
LARGE = dataclasses.replace(
    MEDIUM, name="large", embedding_size=1500, layer_sizes=(1500, 1500), init_scale=0.04, clip_norm=10.0,
    keep_probability=0.35, decay=1 / 1.15, decay_after_epoch=14, epochs=55,
)  # fmt: skip

LIKE_NOTEBOOK = LaunchPlan(
    400,
    Blocks(quads=16, steps=3, dropped=1, evaluation_quads=6, evaluation_steps=3),
    Blocks(quads=10, steps=3, dropped=1),
    gated=True,
)

# A configuration and its launches are an entry here; margins and baselines are data, in baselines/.
REFERENCES: tuple[tuple[Config, LaunchPlan], ...] = (
    (
        Config(
            "tiny", vocabulary_size=500, embedding_size=24, layer_sizes=(32, 16), batch_size=8, num_steps=10,
            initializer="uniform", init_scale=0.1, forget_bias=0.0, clip_norm=5.0, keep_probability=1.0,
            learning_rate=1.0, decay=1.0, decay_after_epoch=0, epochs=1,
        ),
        LaunchPlan(
            2000,
            Blocks(quads=40, steps=12, dropped=2, evaluation_quads=12, evaluation_steps=24),
            Blocks(quads=60, steps=12, dropped=2),
            upgrade_steps=2000,
            oracle_every=1,
            gated=True,
        ),
    ),
    (
        Config(
            "notebook", vocabulary_size=10_000, embedding_size=200, layer_sizes=(256, 128), batch_size=30, num_steps=20,
            initializer="glorot_orthogonal", init_scale=0.05, forget_bias=1.0, clip_norm=5.0, keep_probability=1.0,
            learning_rate=1.0, decay=0.5, decay_after_epoch=5, epochs=15,
        ),
        LIKE_NOTEBOOK,
    ),
    (SMALL, LIKE_NOTEBOOK),
    (
        MEDIUM,
        LaunchPlan(
            20,
            Blocks(quads=8, steps=2, dropped=0, evaluation_quads=6, evaluation_steps=2),
            Blocks(quads=6, steps=2, dropped=0),
        ),
    ),
    (
        LARGE,
        LaunchPlan(
            8,
            Blocks(quads=6, steps=1, dropped=0, evaluation_quads=6, evaluation_steps=1),
            Blocks(quads=6, steps=1, dropped=0),
        ),
    ),
)  # fmt: skip

CONFIGS: dict[str, Config] = {config.name: config for config, _ in REFERENCES}
# The placeholder configuration of a user's own model, whose file says what is built. Its sizes are never used.
OWN = Config(
    "own", vocabulary_size=1, embedding_size=1, layer_sizes=(1,), batch_size=1, num_steps=1, initializer="uniform",
    init_scale=1.0, forget_bias=0.0, clip_norm=1.0, keep_probability=1.0, learning_rate=1.0, decay=1.0,
    decay_after_epoch=0, epochs=1,
)  # fmt: skip
LAUNCH_PLANS: dict[str, LaunchPlan] = {config.name: launch for config, launch in REFERENCES}


def config_by_name(name: str) -> Config:
    """Returns the reference configuration of that name. Raises ConfigError, which names those that there are."""
    if name == OWN.name:
        return OWN
    try:
        return CONFIGS[name]
    except KeyError:
        raise ConfigError(f"no configuration is called {name!r}; there are {', '.join(CONFIGS)}") from None
