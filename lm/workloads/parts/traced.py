"""Work whose unit is one call of one traced function."""

from typing import Any


class Traced:
    """The part of lm.workloads.protocol.Work that the function, `_function`, answers for."""

    device: str
    _function: Any  # a tf.function, once it is traced

    def wait(self) -> None:
        """Blocks until the function has done its work: a device works in the order in which it is asked."""
        if not self.device.startswith("cpu"):
            import tensorflow as tf

            tf.test.experimental.sync_devices()

    @property
    def retraces(self) -> int:
        """Returns how often the function was traced beyond the first time."""
        return max(int(self._function.experimental_get_tracing_count()) - 1, 0)

    def graph_operations(self) -> dict[str, int]:
        """Counts the operations of the function's graph by type."""
        from lm.runtime import operations

        return operations(self._function.get_concrete_function().graph)
