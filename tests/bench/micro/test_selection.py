"""Cases that are asked for."""

import pytest

from bench.micro.selection import selection
from lm.config import IMPLEMENTATIONS


def test_the_defaults_are_the_notebook_with_every_implementation() -> None:
    chosen = selection()
    assert (chosen.configs, chosen.implementations, chosen.devices) == (("notebook",), IMPLEMENTATIONS, ("cpu:0",))
    assert chosen.modes == ("eager", "graph")
    assert chosen.logical_cpus == 1


def test_repetitions_count_once() -> None:
    assert selection(configs=["tiny", "small", "tiny"]).configs == ("tiny", "small")


def test_a_cpu_beyond_the_first_asks_for_logical_devices() -> None:
    """cpu:2 is the third; a GPU's number asks for none."""
    assert selection(devices=["cpu:2", "gpu:5"]).logical_cpus == 3


@pytest.mark.parametrize(
    ("devices", "taken", "gpus"),
    [
        (None, ("gpu:0",), ("gpu:0",)),
        (["cpu:0"], ("cpu:0", "gpu:0"), ("gpu:0",)),
        (["gpu:1", "cpu:0", "gpu:2"], ("gpu:1", "cpu:0", "gpu:2"), ("gpu:1", "gpu:2")),
    ],
)
def test_a_gpu_that_is_required_is_timed(
    devices: list[str] | None, taken: tuple[str, ...], gpus: tuple[str, ...]
) -> None:
    """Where one is named, nothing is added."""
    chosen = selection(devices=devices, require_gpu=True)
    assert (chosen.devices, chosen.gpus) == (taken, gpus)
    assert selection(devices=devices).gpus == tuple(device for device in devices or () if device.startswith("gpu"))
