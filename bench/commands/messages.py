"""Prints what commands say: progress on standard error, nothing of it with `--quiet`; answers as JSON."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import IO

from bench.report.lines import one_line

_quiet = False  # whether the command has --quiet; a process runs one at a time


@contextlib.contextmanager
def quieted(*, quiet: bool) -> Iterator[None]:
    """Silences `say` within the block if `quiet`; errors are still printed."""
    global _quiet
    before, _quiet = _quiet, quiet
    try:
        yield
    finally:
        _quiet = before


def is_quiet() -> bool:
    """Tells whether the command that runs has --quiet."""
    return _quiet


def say(line: str) -> None:
    """Prints a line on standard error, unless the command has --quiet; in a log of both, below the answers before it.

    An answer that can't be written is told at the end.
    """
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    if not is_quiet():
        print_error(one_line(line))


def print_error(text: str) -> None:
    """Prints a text on standard error, if it can be written: Python's own exit code would be 1, REGRESSION."""
    with writing(sys.stderr):
        print(text, file=sys.stderr)


@contextlib.contextmanager
def writing(stream: IO[str]) -> Iterator[None]:
    """Lets the block write to a stream, whose reader may have left, and goes on where it has."""
    with contextlib.suppress(OSError):
        yield
    flush(stream)


def flush(stream: IO[str]) -> None:
    """Writes what a stream holds. What can't be written is dropped: it would fail again at exit, whose code is 120."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def print_json(answers: Sequence[object]) -> None:
    """Prints the only answer, or a list of all."""
    print(json.dumps(answers[0] if len(answers) == 1 else answers, allow_nan=False))
