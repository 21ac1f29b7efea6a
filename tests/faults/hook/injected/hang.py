"""A training step that never returns.

Not in the catalogue: nothing is computed wrongly, and the orchestrator has to notice.
"""

import time
from typing import Any

from .fault import STEP, Fault, wrap

HANGS_AT = 20  # calls of the step


def _patch() -> None:
    from tensorflow.python.eager.polymorphic_function.polymorphic_function import Function

    def make(original: Any) -> Any:
        calls = 0

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += self.python_function.__name__ == STEP
            if calls > HANGS_AT:
                time.sleep(24 * 3600)
            return original(self, *args, **kwargs)

        return call

    wrap(Function, "__call__", make)


FAULT = Fault("hangs", f"the training step never returns after its call {HANGS_AT}", _patch)
