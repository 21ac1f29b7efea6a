"""Fake workers, and processes of the oracle, as forks of pytest's.

It has imported what they import, which takes longer than all that most of them do. Elsewhere commands start workers as
programs: tests/bench/drive/test_process.py and tests/bench/drive/test_private.py have those.
"""

import contextlib
import functools
import gc
import os
import signal
import subprocess
import sys
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import bench.measure.answers
import bench.measure.oracle
import bench.measure.referee  # noqa: F401  # for the forks, as the two above
from bench.measure.worker import KINDS

PYTHON = sys.executable  # tests name others in its place
OURS = set(KINDS) - {"tensorflow"}  # kinds of workers that the orchestrator's own interpreter runs
SERVED = "import sys; from bench.measure.worker import main; sys.exit(main(sys.argv[3:]))"


def popen(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    pass_fds: Sequence[int],
    preexec_fn: Callable[[], None] | None,
    **how: Any,
) -> subprocess.Popen[bytes]:
    """Starts a worker as subprocess.Popen does; if its interpreter is a test's program, or ours, in a fork."""
    text = SERVED if command[0] == PYTHON and command[-1] in OURS else _program(command[0])
    if text:
        kept = {0, 1, 2, *pass_fds}
        preexec_fn = functools.partial(_run, _compiled(text), list(command), dict(env), kept, preexec_fn)
    return subprocess.Popen(command, env=env, pass_fds=pass_fds, preexec_fn=preexec_fn, **how)


# Stands for the module in bench.drive.process, which needs no more of it.
SUBPROCESS = types.SimpleNamespace(DEVNULL=subprocess.DEVNULL, Popen=popen, TimeoutExpired=subprocess.TimeoutExpired)


def _program(interpreter: str) -> str:
    """Returns the text of what stands for an interpreter; "" for a real one, or none."""
    try:
        with open(interpreter, "rb") as file:
            begin = file.readline(1000)
            return (begin + file.read()).decode() if begin.startswith(f"#!{PYTHON}".encode()) else ""
    except OSError:
        return ""


@functools.cache
def _compiled(text: str) -> types.CodeType:
    return compile(text, "fake", "exec")


def _run(
    code: types.CodeType,
    command: list[str],
    variables: dict[str, str],
    kept: set[int],
    first: Callable[[], None] | None,
) -> NoReturn:
    """Runs a program in the forked process, which has its folder and standard streams already, and ends with it."""
    status = 1
    try:
        gc.disable()  # what pytest has made stays where it is
        if first:
            first()
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            with contextlib.suppress(OSError):
                signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for name in os.listdir("/proc/self/fd"):
            if int(name) not in kept:
                with contextlib.suppress(OSError):  # the listing's own
                    os.close(int(name))
        os.environ.clear()
        os.environ.update(variables)
        sys.argv = command
        sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, closefd=False) for stream in (1, 2))
        exec(code, {"__name__": "__main__"})
        status = 0
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else bool(left.code)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
