"""The selection of cases. Imports no TensorFlow."""

import dataclasses
from collections.abc import Sequence

from lm.config import DEVICE, IMPLEMENTATIONS, MODES, OWN
from lm.workloads.registry import workload

GPU = "gpu:0"


@dataclasses.dataclass(frozen=True)
class Selection:
    """Every combination of these is a case."""

    configs: Sequence[str] = ("notebook",)
    implementations: Sequence[str] = IMPLEMENTATIONS
    devices: Sequence[str] = ("cpu:0",)
    modes: Sequence[str] = MODES
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
    def first(self) -> str:
        """Returns the first subject: its cases gate, and no other's where it can't be timed."""
        return f"{self.configs[0]} {self.implementations[0]} on {self.devices[0]}"

    @property
    def gpus(self) -> tuple[str, ...]:
        """Returns the GPUs among the devices."""
        return tuple(device for device in self.devices if device.startswith("gpu"))

    @property
    def logical_cpus(self) -> int:
        """Returns the number of CPU devices that TensorFlow needs: cpu:1 is a logical device, made on request."""
        matches = (DEVICE.fullmatch(device) for device in self.devices)
        return 1 + max((int(match[2]) for match in matches if match and match[1] == "cpu"), default=0)


def selection(*, require_gpu: bool = False, **asked: Sequence[str] | None) -> Selection:
    """Returns what was asked for, by the fields of Selection, and the defaults of the rest. Repetitions count once.

    `require_gpu` takes gpu:0 where no GPU is among the devices, so that what is required is timed.
    """
    devices = asked.get("devices") or ()
    if require_gpu and not any(device.startswith("gpu") for device in devices):
        asked["devices"] = (*devices, GPU)
    return Selection(**{kind: tuple(dict.fromkeys(names)) for kind, names in asked.items() if names})
