"""Draws wrong files, and looks at what a command makes of each.

A wrong file is right to be refused, in one line that names it and by exit code 2, or to be taken where it says the same
as the whole one. A format without a seal may hold another valid value: a flipped digit is one.
"""

import contextlib
import functools
import io
import json
import random
import resource
import signal
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.record.files import unsealed
from experiments.abuse.mutations import ESCAPE
from experiments.abuse.outcomes import EQUAL, OTHER, REFUSED, Outcome
from experiments.abuse.stored import WHEELS_NAME, Kind, Reader
from tests.builders.records import SUBJECT

MOST_SECONDS = 30  # that a command may take over a wrong file; the whole ones take a tenth of a second
MOST_BYTES = 2**30  # that it may ask for beyond what the process has
MOST_CHARACTERS = 1500  # of a message
ERROR = "tfgate: error: "


class TooLong(BaseException):
    """A command took longer than any file is worth."""


def draw_file(kind: Kind, seed: int, folder: Path) -> Outcome:
    """Makes the kind's file in a laid-out folder wrong, has it read, and puts it right again."""
    draw = random.Random(f"{kind.name} {seed}")
    mutation, reader = draw.choice(kind.mutations), draw.choice(kind.readers)
    path = folder / kind.path
    whole = path.read_bytes()
    sealed = kind.sealed and (not kind.path.endswith(".json") or draw.random() < 0.5)
    source = unsealed(whole.decode()).encode() if kind.sealed and not sealed else whole
    wrong = mutation.change(source, draw)
    before, usual = _names(folder), _usual(reader, folder)
    try:
        path.write_bytes(wrong)
        code, out, error = captured(lambda: reader(folder))
    finally:
        path.write_bytes(whole)
    held = _held(kind, wrong)
    same = (code, out) == usual if held is None else held == _held(kind, source)
    may_differ = not sealed and not (mutation.refused and kind.ours and (kind.finite or "NaN" not in mutation.name))
    what = f"{mutation.name}: "
    if strange := _names(folder) - before:
        return Outcome(kind.name, seed, "escaped", f"{what}wrote {sorted(strange)[:3]}")
    if "Traceback" in error:
        lines = [line for line in error.splitlines() if line and not line.startswith(ERROR)]
        return Outcome(kind.name, seed, "traceback", what + lines[-1][:200])
    if code == kind.refusal and error.startswith(ERROR):
        return Outcome(kind.name, seed, REFUSED, _flaw_of_message(what, kind, out, error))
    if code not in (0, 1, 3, 4):
        return Outcome(kind.name, seed, "exit code", f"{what}exit code {code}: {error[:200]}")
    if same:
        return Outcome(kind.name, seed, EQUAL)
    return Outcome(kind.name, seed, OTHER, "" if may_differ else f"{what}wrong data is taken, exit code {code}")


@functools.cache
def _usual(reader: Reader, folder: Path) -> tuple[int | str, str]:
    """Returns what a command makes of a laid-out folder, in which each draw puts its file right again."""
    return captured(lambda: reader(folder))[:2]


def _flaw_of_message(what: str, kind: Kind, out: str, error: str) -> str:
    """Returns what a refusal says that it should not, or does not say; "" for a good one."""
    lines = error.splitlines()
    if out or len(lines) != 1:
        return f"{what}{len(lines)} lines, and {len(out)} characters of output"
    if len(error) > MOST_CHARACTERS:
        return f"{what}a message of {len(error)} characters"
    path = Path(kind.path)
    folder = [f"/{path.parent.name}"] if path.parent.name else []
    names = (path.name, *folder, SUBJECT.name, "can't be compared")  # or what sets two files apart
    named = kind.name == WHEELS_NAME or any(name in error for name in names)  # a message quotes the name that was drawn
    return "" if named else f"{what}the message does not name the file: {error[:200]}"


def captured(command: Callable[[], int]) -> tuple[int | str, str, str]:
    """Returns (exit code, standard output, standard error) of a command in this process, within time and memory.

    An exception that comes out has a traceback.
    """
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    error = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace")
    code: int | str
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error), _limited():
        try:
            code = command()
        except SystemExit as left:
            code = str(left.code)
        except BaseException as raised:
            code = f"Traceback: {type(raised).__name__}"
            print(f"Traceback of\n{type(raised).__name__}: {raised}\n", file=error)
    texts = []
    for stream in (out, error):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8", "replace"))
    return code, texts[0], texts[1]


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Ends the block by an exception after too long, and has it run out of memory soon."""

    def too_long(*_: object) -> None:
        raise TooLong(f"after {MOST_SECONDS} s")

    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    handler = signal.signal(signal.SIGALRM, too_long)
    resource.setrlimit(resource.RLIMIT_AS, (size + MOST_BYTES, limits[1]))
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGALRM, handler)


def _names(folder: Path) -> set[str]:
    """Returns what lies in the folder and around it but for the command's output, and what an archive would write."""
    there, own = (*folder.rglob("*"), *folder.parent.iterdir(), *Path("/tmp").glob(ESCAPE)), folder / "out"
    return {str(path) for path in there if own not in (path, *path.parents) or path.name == ESCAPE}


def _held(kind: Kind, data: bytes) -> Any:
    """Returns what text says, without its seal, in a form that tells 1 from 1.0; None where only a reader can tell."""
    try:
        if kind.path.endswith(".json"):
            plain = json.loads(data)
            if isinstance(plain, dict) and kind.sealed:
                plain.pop("sha256", None)
            return repr(plain)
        return repr(tomllib.loads(data.decode())) if kind.path.endswith(".toml") else None
    except (ValueError, RecursionError):
        return None
