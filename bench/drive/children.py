"""Programs that a command starts and waits for, which end with it."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def ending_with_us() -> Callable[[], None]:
    """Returns a `preexec_fn` by which Linux ends the child with the thread that started it: killed, that thread can end
    nothing itself.
    """
    parent = os.getpid()

    def arranged() -> None:
        if LIBC:
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it has ended meanwhile
                os._exit(1)

    return arranged
