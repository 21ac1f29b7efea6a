"""Errors that users can mend, each in one line with the right exit code."""

import argparse
import errno
import sys
from collections.abc import Callable

from bench.drive.lock import LockedError
from bench.drive.process import WorkerError

USAGE, FAILED = 2, 4
INTERRUPTED_LINE = "interrupted: what was measured so far is kept"


class UsageError(ValueError):
    """Options that make no sense, or not together."""


def guarded(command: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """Runs a command; turns what a user can mend into a line on standard error and an exit code.

    ValueError covers every error class of the project that stands for bad input (ConfigError, CorpusError, FormatError, …).
    """
    try:
        return command(options)
    except KeyboardInterrupt:
        return _fail(INTERRUPTED_LINE, FAILED)
    except WorkerError as error:
        return _fail(str(error), FAILED)
    except (LockedError, FileExistsError) as error:
        return _fail(str(error), USAGE)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full" if full else error.strerror or str(error)
        return _fail(f"{error.filename or 'writing'}: {what}", FAILED if full else USAGE)
    except ValueError as error:
        return _fail(str(error), USAGE)


def _fail(message: str, code: int) -> int:
    print("tfgate: error: " + " ".join(message.split()), file=sys.stderr)
    return code
