"""Errors that users can fix, each in one line with the right exit code."""

import errno
import signal
import sys
import traceback
from collections.abc import Callable
from typing import Any

from bench.commands.messages import flush, print_error
from bench.drive.children import EXHAUSTED
from bench.record.failed import FailedError
from bench.report.lines import one_line
from bench.stats.outcome import FAILED_CODE, USAGE_CODE

MOST_CHARACTERS = 1000  # of a message
FAILING = EXHAUSTED | {errno.EIO, errno.ESTALE, errno.ENOTCONN}  # the machine, or a disk of it, not what was asked for
# CI cancels a job by the first; a terminal that is closed, or a connection to it that breaks, sends the second.
ENDING = (signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with a line that says what the command leaves behind."""


def guarded(command: Callable[[], int], *, ends_process: bool = False) -> int:
    """Runs a command and returns its exit code; an error that the user can fix becomes a line on standard error.

    SIGTERM and SIGHUP end a command as Ctrl-C does: workers are reaped and what was measured is kept.
    ValueError covers every error class of the project that stands for bad input (UsageError, CorpusError, …).
    `ends_process`: no command follows, and a later signal must not change the exit code.
    """
    handlers = {signal.SIGINT: signal.getsignal(signal.SIGINT), **_interrupt_by_ending_signals()}
    try:
        code = command()
        sys.stdout.flush()  # here, where a full disk or a reader that left can still be answered
        return code
    except KeyboardInterrupt as error:
        for number in handlers:  # another one must not come between this line and the exit code
            signal.signal(number, signal.SIG_IGN)
        return _fail(str(error) or "interrupted", FAILED_CODE)
    except FailedError as error:
        return _fail(str(error), FAILED_CODE)
    except BrokenPipeError:  # the reader, `head` say, has read enough
        flush(sys.stdout)
        return FAILED_CODE
    except OSError as error:
        if error.errno is None:  # our own words, from bench.record.files
            return _fail(str(error), USAGE_CODE)
        return _fail(_system_line(error), FAILED_CODE if error.errno in FAILING else USAGE_CODE)
    except ValueError as error:
        return _fail(str(error), USAGE_CODE)
    except Exception:  # a fault of our own: Python's exit code would be 1, which says REGRESSION
        print_error(traceback.format_exc().rstrip("\n"))
        return _fail("internal error of tfgate: please report the lines above", FAILED_CODE)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_IGN if ends_process else handler)


def _interrupt_by_ending_signals() -> dict[signal.Signals, Any]:
    """Has them raise KeyboardInterrupt, but one that is ignored (nohup). Returns their handlers from before."""
    signals = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, signal.default_int_handler) for number in signals}


def _system_line(error: OSError) -> str:
    """Returns what the system refused, and where. A process that can't be started has no file to name."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error.filename or 'writing'}: the disk is full"
    place = "this machine" if error.errno in EXHAUSTED else "writing"
    return f"{error.filename or place}: {error.strerror or error}"


def _fail(message: str, code: int) -> int:
    flush(sys.stdout)
    line = one_line(message)  # which may quote a damaged file
    print_error(f"tfgate: error: {line if len(line) <= MOST_CHARACTERS else line[:MOST_CHARACTERS] + '…'}")
    return code
