"""The part of a workload's work that asks TensorFlow for its device."""

from lm import runtime
from lm.workloads.protocol import Opening, Work


class OnDevice(Work):
    """Work on the device that it is opened with, by that configuration and jitter."""

    def __init__(self, opening: Opening) -> None:
        """Raises DeviceError."""
        runtime.require_device(opening.device)
        self.config, self.device, self.jitter = opening.config, opening.device, opening.jitter

    def wait(self) -> None:
        """Blocks until the device has done all that was asked of it."""
        runtime.wait(self.device)
