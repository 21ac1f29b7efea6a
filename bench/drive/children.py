"""Programs that a command starts and waits for, which end with it."""

import ctypes
import errno
import os
import signal
from collections.abc import Callable

PR_SET_PDEATHSIG = 1  # of <linux/prctl.h>
LIBC = ctypes.CDLL(None)  # opened here: a child must not, between fork and exec
# What the machine has run out of. It says nothing of the interpreter that was to be started.
EXHAUSTED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE})


def ending_with_us() -> Callable[[], None]:
    """Returns a `preexec_fn` by which Linux kills the child when the thread that started it ends: killed, that thread
    can end nothing itself, and a child that is stopped doesn't notice a closed pipe.
    """
    parent = os.getpid()

    def arranged() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it has ended meanwhile
            os._exit(1)

    return arranged


def not_started(python: str, error: OSError) -> str:
    """Returns why an interpreter can't be started. Raises the error itself where the machine has no room for any."""
    if error.errno in EXHAUSTED:
        raise error
    return f"interpreter {python} can't be started: {error.strerror}; name another"
