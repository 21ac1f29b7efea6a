"""Programs that a command starts and waits for, which end with it."""

import os
from collections.abc import Callable

from bench.machine import end_with_parent


def ending_with_us() -> Callable[[], None]:
    """Returns a `preexec_fn` by which Linux ends the child with the thread that started it: killed, that thread can end
    nothing itself.
    """
    parent = os.getpid()

    def arranged() -> None:
        end_with_parent()
        if os.getppid() != parent:  # it has ended meanwhile
            os._exit(1)

    return arranged
