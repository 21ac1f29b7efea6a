"""Configurations: what they are pinned to, what is derived from them, and by which names they are found."""

import dataclasses
from typing import Any

import pytest

from lm.config import (
    CONFIGS,
    LAUNCH_PLANS,
    Config,
    ConfigError,
    config_by_name,
)

TINY, NOTEBOOK, MEDIUM = CONFIGS["tiny"], CONFIGS["notebook"], CONFIGS["medium"]

# Each literal pins every field: a changed one would be compared with baselines that measured something else.
FINGERPRINTS = {
    "tiny": "902a2966c3d2795d",
    "notebook": "c2bf624ffeccdfd2",
    "small": "1b7ed82948e41166",
    "medium": "7a32956a711a3b4c",
    "large": "63f44ff1326a4f38",
}

OTHERS: dict[str, Any] = {
    "name": "other", "vocabulary_size": 501, "embedding_size": 25, "layer_sizes": (32, 17), "batch_size": 9,
    "num_steps": 11, "initializer": "glorot_orthogonal", "init_scale": 0.2, "forget_bias": 1.0, "clip_norm": 5.05,
    "keep_probability": 0.9,
    "learning_rate": 0.999, "decay": 0.5, "decay_after_epoch": 1, "epochs": 2, "seed": 1,
}  # fmt: skip


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TINY.learning_rate = 0.5  # type: ignore[misc]  # what is refused


@pytest.mark.parametrize(("name", "fingerprint"), FINGERPRINTS.items())
def test_the_reference_configurations_are_pinned(name: str, fingerprint: str) -> None:
    assert CONFIGS[name].name == name
    assert CONFIGS[name].fingerprint("c", "w") == fingerprint


def test_nothing_is_left_unpinned() -> None:
    assert list(CONFIGS) == list(FINGERPRINTS) == list(LAUNCH_PLANS)


@pytest.mark.parametrize("name", CONFIGS)
def test_blocks_leave_steps_to_time_and_are_counterbalanced(name: str) -> None:
    """Even numbers of quads: as many ABBA as BAAB."""
    blocks = LAUNCH_PLANS[name].blocks
    assert min(blocks.steps, blocks.evaluation_steps) > blocks.dropped
    assert (blocks.quads % 2, blocks.evaluation_quads % 2) == (0, 0)


@pytest.mark.parametrize(("field", "value"), OTHERS.items())
def test_every_field_is_part_of_the_fingerprint(field: str, value: Any) -> None:
    assert dataclasses.replace(TINY, **{field: value}).fingerprint("c", "w") != TINY.fingerprint("c", "w")


def test_corpus_and_weights_are_part_of_the_fingerprint() -> None:
    assert set(OTHERS) == {field.name for field in dataclasses.fields(Config)}
    assert (
        len(
            {
                TINY.fingerprint("c", "w"),
                TINY.fingerprint("d", "w"),
                TINY.fingerprint("c", "x"),
                TINY.fingerprint("w", "c"),
            }
        )
        == 4
    )


def test_weight_shapes_are_in_order() -> None:
    assert list(NOTEBOOK.weight_shapes().items()) == [
        ("embedding", (10_000, 200)),
        ("lstm0/kernel", (200, 1024)),  # 4 gates × 256
        ("lstm0/recurrent", (256, 1024)),
        ("lstm0/bias", (1024,)),
        ("lstm1/kernel", (256, 512)),
        ("lstm1/recurrent", (128, 512)),
        ("lstm1/bias", (512,)),
        ("output/kernel", (128, 10_000)),
        ("output/bias", (10_000,)),
    ]


def test_state_shapes_are_in_order() -> None:
    assert list(NOTEBOOK.state_shapes().items()) == [
        ("lstm0/h", (30, 256)),
        ("lstm0/c", (30, 256)),
        ("lstm1/h", (30, 128)),
        ("lstm1/c", (30, 128)),
    ]


def test_mask_shapes() -> None:
    assert MEDIUM.mask_shapes() == ((20, 35, 650),) * 3  # after the embedding, between the layers, after the last
    assert dataclasses.replace(TINY, keep_probability=0.5).mask_shapes() == ((8, 10, 24), (8, 10, 32), (8, 10, 16))
    assert NOTEBOOK.mask_shapes() == ()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("tiny", 500 * 24 + 128 * (24 + 32 + 1) + 64 * (32 + 16 + 1) + 500 * (16 + 1)),
        ("notebook", 3_955_088),  # as the notebook's summary has it
        ("small", 4_651_600),  # 2000 thousand + 2 × 800 × 401 + 10000 × 201
        ("medium", 19_775_200),  # 10000 × 650 + 2 × 2600 × 1301 + 10000 × 651
        ("large", 66_022_000),  # 10000 × 1500 + 2 × 6000 × 3001 + 10000 × 1501
    ],
)
def test_parameter_counts(name: str, count: int) -> None:
    assert CONFIGS[name].parameter_count() == count


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("tiny", {1: 1.0, 9: 1.0}),
        ("notebook", {1: 1.0, 5: 1.0, 6: 0.5, 7: 0.25, 15: 2.0**-10}),
        ("small", {1: 1.0, 4: 1.0, 5: 0.5, 6: 0.25, 13: 2.0**-9}),
        ("medium", {1: 1.0, 6: 1.0, 7: 0.8, 8: 0.8**2, 39: 0.8**33}),
        ("large", {1: 1.0, 14: 1.0, 15: 1 / 1.15, 55: (1 / 1.15) ** 41}),
    ],
)
def test_learning_rate_schedules(name: str, rates: dict[int, float]) -> None:
    assert {epoch: CONFIGS[name].epoch_learning_rate(epoch) for epoch in rates} == rates


def test_tokens_per_step() -> None:
    assert NOTEBOOK.tokens_per_step == 600  # 30 × 20


def test_configurations_by_name() -> None:
    assert config_by_name("small") is CONFIGS["small"]
    with pytest.raises(
        ConfigError, match="no configuration is called 'huge'; there are tiny, notebook, small, medium, large"
    ):
        config_by_name("huge")
