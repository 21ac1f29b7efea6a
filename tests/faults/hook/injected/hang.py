"""A training step that never returns.

Not in the catalogue: nothing is computed wrongly, and the orchestrator has to notice.
"""

import itertools
import time
from collections.abc import Callable
from typing import Any

from .fault import Fault, calling

HANGS_AT = 20  # calls of the step


def _hanging() -> Callable[[], None]:
    calls = itertools.count(1)

    def make(_: Any, call: Callable[[], Any]) -> Any:
        if next(calls) > HANGS_AT:
            time.sleep(24 * 3600)
        return call()

    return calling(make)


FAULT = Fault("hangs", f"the training step never returns after its call {HANGS_AT}", _hanging())
