"""Work whose unit is one call of one traced function."""

from typing import Any

from lm import runtime
from lm.workloads.parts.on_device import OnDevice


class Traced(OnDevice):
    """Work that the function, `_function`, answers for."""

    _function: Any  # a tf.function, once it is traced

    @property
    def retraces(self) -> int:
        """Returns how often the function was traced beyond the first time."""
        return runtime.retraces(self._function)

    def graph_operations(self) -> dict[str, int]:
        """Counts the operations of the function's graph by type."""
        return runtime.operations(self._function.get_concrete_function().graph)
