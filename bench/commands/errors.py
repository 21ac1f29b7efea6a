"""Errors that users can mend, each in one line with the right exit code."""

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable

from bench.drive.lock import LockedError
from bench.drive.process import EXHAUSTED, WorkerError
from bench.drive.requests import BuildError
from bench.judge.types import FAILED_CODE
from bench.report.lines import one_line

USAGE = 2
INTERRUPTED_LINE = "interrupted: launches that were over are kept"


def guarded(command: Callable[[], int]) -> int:
    """Runs a command and returns its exit code; what a user can mend becomes a line on standard error and a code.

    SIGTERM, by which CI cancels a job, ends a command as Ctrl-C does: workers are reaped and what was measured is kept.
    ValueError covers every error class of the project that stands for bad input (UsageError, CorpusError, …).
    """
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = command()
        sys.stdout.flush()  # here, where a full disk or a reader that left can still be answered
        return code
    except KeyboardInterrupt:
        return _fail(INTERRUPTED_LINE, FAILED_CODE)
    except (BuildError, LockedError, WorkerError) as error:
        return _fail(str(error), FAILED_CODE)
    except BrokenPipeError:
        # What is left to print must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail("nobody reads the output any more", FAILED_CODE)
    except OSError as error:
        if error.errno is None:  # our own words, from bench.record.files
            return _fail(str(error), USAGE)
        return _fail(_system_line(error), FAILED_CODE if error.errno in EXHAUSTED else USAGE)
    except ValueError as error:
        return _fail(str(error), USAGE)
    except Exception:  # a fault of our own: Python's exit code would be 1, which says REGRESSION
        traceback.print_exc()
        return _fail("this is a fault of tfgate's own: please report the lines above", FAILED_CODE)
    finally:
        signal.signal(signal.SIGTERM, handler)


def _system_line(error: OSError) -> str:
    """Returns what the system refused, and where. A process that can't be started has no file to name."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename or 'writing'}: the disk is full"
    place = "this machine" if error.errno in EXHAUSTED else "writing"
    return f"{error.filename or place}: {error.strerror or error}"


def _fail(message: str, code: int) -> int:
    print("tfgate: error: " + one_line(message), file=sys.stderr)
    return code
