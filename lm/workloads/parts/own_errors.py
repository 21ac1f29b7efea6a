"""Turns what a user's code raises into one line: where, in which phase, the cause, and a hint."""

import contextlib
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from lm.workloads.protocol import NotCopiedError

MOST_CHARACTERS = 300  # of an exception's line
# Of TensorFlow's and Keras' messages: a place with its line of code, and lines that say nothing of the cause.
PLACE = re.compile(r'^( *)File "([^"]*)", line (\d+).*\n?(?:\1 +\S.*\n?)?', re.MULTILINE)
FRAME = re.compile(r"in user code:|Graph execution error|Detected at node|Node: |Exception encountered|\[\[")
COLOUR = re.compile(r"\x1b\[\d*m")
NARROW, WIDE = re.compile(r"\bfloat(32|\b)"), re.compile(r"\b(float64|double)\b")  # types in a message
# Of an operation without float64, in a graph and outside one. Where types are mixed, it isn't input #0 that is wrong.
FLOAT32_ALONE = re.compile(r"allowed values|expected type of float32|input #0\S* was expected to be a float tensor")
TYPED = re.compile(r"\w+(Error|Exception): ")
# Exceptions that the machine may have caused, but for a missing file.
MACHINES = (OSError, MemoryError, tf.errors.ResourceExhaustedError, tf.errors.InternalError)


class ModelError(RuntimeError):
    """A user's file that failed, or returned what can't be used; the message names the file, the line and the phase."""


class MachineError(ModelError):
    """A ModelError that the machine may have caused (memory, disk, network), so that another try may succeed."""


@contextlib.contextmanager
def phase(path: Path, name: str) -> Iterator[None]:
    """Turns what the user's code raises in the block into a ModelError that names the line and the phase.

    What the machine may have caused becomes a MachineError.
    """
    try:
        yield
    except (ModelError, NotCopiedError):
        raise
    except (Exception, SystemExit) as error:
        machines = isinstance(error, MACHINES) and not isinstance(error, FileNotFoundError)
        kind = MachineError if machines else ModelError
        # What a StopIteration caused, contextlib takes for the generator's own end, and raises that again (PEP 479).
        cause = None if isinstance(error, StopIteration) else error
        raise kind(f"{_place(path, error)} {name}: {_telling(error)}{_hint(error)}") from cause


def _place(path: Path, error: BaseException) -> str:
    """Returns the last line of the user's code that an exception went through, "mine.py:12"; of none, the file's name.

    Files next to the user's are the user's, too. AutoGraph and graphs tell their places in the message.
    """
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    places = [*frames, *((found[2], found[3]) for found in PLACE.finditer(str(error)))]
    own = [f"{Path(name).name}:{line}" for name, line in places if Path(name).parent == path.parent]
    return own[-1] if own else path.name


def _telling(error: BaseException) -> str:
    """Returns the exception's type, and the first line of its message that says something of the cause, with those that
    a colon announces.
    """
    lines = map(str.strip, PLACE.sub("", COLOUR.sub("", str(error))).splitlines())
    first, *others = [line for line in lines if line and not FRAME.match(line)] or [""]
    said = (" ".join((first, *others)) if first.endswith(":") else first)[:MOST_CHARACTERS]
    return said if TYPED.match(said) else f"{type(error).__name__}: {said}".removesuffix(": ")


def _hint(error: BaseException) -> str:
    """Returns what mends a file that finds neither its data nor a package where tfgate runs it, or that mixes types in
    float64 or has an operation without it; "" of others.
    """
    if isinstance(error, FileNotFoundError) and not os.path.isabs(error.filename or ""):
        return "; the file runs in a folder of its own: open data by absolute paths, or next to __file__"
    if isinstance(error, ModuleNotFoundError) and (package := str(error.name).partition(".")[0]) not in sys.modules:
        return (
            f'; name the package that has {package} on both sides, as in --from "tensorflow-cpu==2.20.0 PACKAGE" --to …'
        )
    if tf.keras.backend.floatx() == "float64" and NARROW.search(str(error)) and WIDE.search(str(error)):
        if FLOAT32_ALONE.search(str(error)):
            mend = "cast what it takes to float32, and what it returns to tf.keras.backend.floatx()"
            return f"; the reference runs the file in float64, too, and this operation has no float64: {mend}"
        return "; the reference runs the file in float64, too: write tf.keras.backend.floatx() in the place of float32"
    return ""
