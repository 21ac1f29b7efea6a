"""Prints what commands say: progress on standard error, nothing of it with `--quiet`; answers as JSON."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import TextIO

from bench.report.lines import one_line

_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)


@contextlib.contextmanager
def quieted(*, quiet: bool) -> Iterator[None]:
    """Leaves out, if `quiet`, what would be said within the block. Errors are said by bench.commands.errors all the
    same.
    """
    before = _QUIET.set(quiet)
    try:
        yield
    finally:
        _QUIET.reset(before)


def is_quiet() -> bool:
    """Tells whether this thread's command has --quiet; a thread that it starts has to be told."""
    return _QUIET.get()


def say(line: str) -> None:
    """Prints a line on standard error, unless the command has --quiet."""
    if not is_quiet():
        print(one_line(line), file=sys.stderr, flush=True)


def print_error(text: str) -> None:
    """Prints a text on standard error, if it can be written: Python's own exit code would be 1, REGRESSION."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)
    flush(sys.stderr)


def flush(stream: TextIO) -> None:
    """Writes what a stream holds. What can't be written is dropped: it would fail again at exit, whose code is 120."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_json(answers: Sequence[object]) -> None:
    """Prints the only answer, or a list of all."""
    print(json.dumps(answers[0] if len(answers) == 1 else answers, allow_nan=False))
