"""The selection of cases. Imports no TensorFlow."""

import dataclasses
from collections.abc import Sequence

from lm.config import DEVICE, IMPLEMENTATIONS, MODES, OWN
from lm.workloads.registry import workload

CONFIGS = ("notebook",)
DEVICES = ("cpu:0",)
GPU = "gpu:0"


@dataclasses.dataclass(frozen=True)
class Selection:
    """Every combination of these is a case."""

    configs: Sequence[str]
    implementations: Sequence[str]
    devices: Sequence[str]
    modes: Sequence[str]
    workloads: Sequence[str] = ()  # whose units are timed

    @property
    def units(self) -> list[tuple[str, str]]:
        """Returns (workload, configuration) of each case that times a unit."""
        return [
            (name, config)
            for name in self.workloads
            for config in (OWN.name, *self.configs)
            if config in workload(name).plans
        ]

    @property
    def gpus(self) -> tuple[str, ...]:
        """Returns the GPUs among the devices."""
        return tuple(device for device in self.devices if device.startswith("gpu"))

    @property
    def logical_cpus(self) -> int:
        """Returns the number of CPU devices that TensorFlow needs: cpu:1 is a logical device, made on request."""
        matches = (DEVICE.fullmatch(device) for device in self.devices)
        return 1 + max((int(match[2]) for match in matches if match and match[1] == "cpu"), default=0)


def selection(
    configs: Sequence[str] | None = None,
    implementations: Sequence[str] | None = None,
    devices: Sequence[str] | None = None,
    modes: Sequence[str] | None = None,
    workloads: Sequence[str] | None = None,
    *,
    require_gpu: bool = False,
) -> Selection:
    """Returns what was asked for, or the defaults. Repetitions count once.

    `require_gpu` takes gpu:0 where no GPU is among the devices, so that what is required is timed.
    """
    if require_gpu and not any(device.startswith("gpu") for device in devices or ()):
        devices = (*(devices or ()), GPU)
    asked = (
        configs or CONFIGS,
        implementations or IMPLEMENTATIONS,
        devices or DEVICES,
        modes or MODES,
        workloads or (),
    )
    return Selection(*(tuple(dict.fromkeys(names)) for names in asked))
