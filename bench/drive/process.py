"""Worker processes: started in a private folder, driven over pipes of their own, never outliving their orchestrator."""

import contextlib
import dataclasses
import json
import os
import re
import selectors
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from bench.drive.children import ending_with_us, not_started
from bench.drive.patience import ALONE, Deadlines, Wait
from bench.drive.private import private_environment, private_folder
from bench.record.codec import FormatError, from_plain
from bench.record.failed import FailedError
from bench.record.replies import Raised
from bench.record.types import DIVERGED, HUNG, NO_ROOM, NO_TENSORFLOW, OWN_CODE, UNCOMPILED, Failure

T = TypeVar("T")

STDERR_TAIL_BYTES = 4000
CLOSE_SECONDS = 10.0
# Types of exceptions whose message names a user's own file or library. For the second the machine may be to blame.
OWN = ("ModelError", "MachineError", "PreloadError")
# Kinds of failures, by the exception's type.
KINDS = {
    "DivergenceError": DIVERGED,
    "CompilationError": UNCOMPILED,
    "ModelError": OWN_CODE,
    "PreloadError": NO_TENSORFLOW,
}


# What Python, HDF5 and TensorFlow say of a full disk, or of a user's full share of it.
FULL = re.compile(r"\[Errno (28|122)\]|\berrno = (28|122)\b|No space left on device|Disk quota exceeded")
SLICE_SECONDS = 10.0  # of waiting: of a pause of our own, as by Ctrl-Z or of our container, no more counts


class WorkerError(FailedError):
    """A worker that did not do what it was asked; `failure` says how it failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def changed(name: str) -> WorkerError:
    """Returns the error of a user's own file that is no longer what it was when the command began."""
    return WorkerError(Failure(OWN_CODE, f"{name} was changed while it was measured: measure anew"))


_live: set["Worker"] = set()
_live_lock = threading.Lock()


def kill_workers() -> None:
    """Kills all processes of this orchestrator's workers at once.

    The threads that drive them hear of it, and clean up.
    """
    with _live_lock:
        for worker in _live:
            worker.end()


class Worker:
    """One measured process. As a context manager it is closed, or killed, at the end of the block.

    It ends with the thread that started it (bench.drive.children), so that thread has to outlive it.
    """

    def __init__(
        self,
        python: str,
        kind: str,
        device: str = "cpu:0",
        variables: Mapping[str, str] | None = None,
        deadlines: Deadlines = ALONE,
        *,
        whose: str = "",
        failing_as: str = "",
        takes_turns: bool = False,
    ) -> None:
        """Starts `<python> -m bench.measure.worker` of that kind.

        `whose` begins the message of each of its failures, where that may come from any of several processes;
        `failing_as` is the kind of them all, "" for their own. `takes_turns`: the process is stopped (SIGSTOP) while it
        waits for a request, so that its threads take no CPU time from the other side. Raises WorkerError if the
        interpreter can't be started, OSError where the machine has no room for any.
        """
        self._deadlines, self._whose, self._failing_as = deadlines, whose, failing_as
        self._takes_turns = takes_turns
        # The process starts in another folder. Not resolve(): a virtual environment's interpreter is a link that must
        # not be followed.
        self._python = os.path.abspath(python) if os.sep in python else python
        self._folder = private_folder()
        self._home = self._folder.path
        self._buffer = b""
        commands, self._commands = os.pipe()
        self._replies, replies = os.pipe()
        try:
            environment = private_environment(self._home, device, variables or {})
            command = [self._python, "-m", "bench.measure.worker", str(commands), str(replies), kind]
            self._process = self._started(command, environment, (commands, replies))
        except BaseException:
            self._dispose()
            raise
        finally:
            os.close(commands)
            os.close(replies)
        with _live_lock:
            _live.add(self)

    def _started(
        self, command: list[str], environment: Mapping[str, str], descriptors: tuple[int, int]
    ) -> subprocess.Popen[bytes]:
        with (self._home / "stderr").open("wb") as stderr:
            try:
                return subprocess.Popen(
                    command,
                    cwd=self._home,
                    env=environment,
                    pass_fds=descriptors,
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    start_new_session=True,
                    preexec_fn=ending_with_us(),
                )
            except OSError as error:
                raise self._error(Failure(NO_TENSORFLOW, not_started(self._python, error))) from error

    def request(
        self,
        kind: type[T] | None,
        operation: str,
        *,
        per: int = 1,
        seconds: float | None = None,
        on_event: Callable[[Any], None] | None = None,
        **arguments: Any,
    ) -> T:
        """Returns the reply to an operation: see `receive`. Raises WorkerError; the worker is useless then."""
        self.send(operation, **arguments)
        return self.receive(kind, operation, per=per, seconds=seconds, on_event=on_event)

    def send(self, operation: str, **arguments: Any) -> None:
        """Asks for an operation without waiting, so that two workers can be busy at once. Raises WorkerError."""
        line = json.dumps({"op": operation, **arguments}) + "\n"
        self._signal(signal.SIGCONT)
        try:
            os.write(self._commands, line.encode())
        except BrokenPipeError:
            raise self._died(operation) from None

    def receive(
        self,
        kind: type[T] | None,
        operation: str,
        *,
        per: int = 1,
        seconds: float | None = None,
        on_event: Callable[[Any], None] | None = None,
    ) -> T:
        """Waits for the reply to what was sent, and returns it decoded as `kind` (None: no reply is expected).

        The worker may be silent for `seconds`, or else as long as its deadlines say (see Deadlines.wait); each event
        starts the silence anew. Raises WorkerError; the worker is useless then.
        """
        wait = Wait(seconds) if seconds is not None else self._deadlines.wait(operation, per=per)
        while True:
            line = self._line(operation, wait)
            answer: Any = None
            with contextlib.suppress(ValueError):
                answer = json.loads(line)
            match answer:
                case {"event": event}:
                    wait.heard()
                    if on_event:
                        on_event(event)
                case {"error": error}:
                    raise self._raised(self._decoded(Raised, error, operation))
                case {"reply": reply}:
                    self._signal(signal.SIGSTOP)
                    value: T = self._decoded(kind, reply, operation)
                    wait.heard()
                    return value
                case _:
                    wrote = f"the worker wrote {line[:60]!r} where its reply to {operation} should be"
                    raise self._failed("garbage", wrote)

    def said(self) -> str:
        """Returns what the process and its libraries have printed so far."""
        return (self._home / "stderr").read_bytes().decode(errors="replace")

    def _decoded(self, kind: Any, plain: Any, operation: str) -> Any:
        try:
            return None if kind is None else from_plain(kind, plain)
        except FormatError as error:
            raise self._failed(
                "garbage", f"the worker's reply to {operation} is not what it should be: {error}"
            ) from error

    def _raised(self, raised: Raised) -> WorkerError:
        kind = NO_ROOM if FULL.search(raised.message) else KINDS.get(raised.type, "exception")
        message = raised.message if raised.type in OWN else f"{raised.type}: {raised.message}".removesuffix(": ")
        if raised.type == "ModuleNotFoundError" and "'tensorflow'" in raised.message:
            message = f"{self._python}: {raised.message}; install TensorFlow there, or name another interpreter"
            return self._error(Failure(NO_TENSORFLOW, message))
        return self._error(Failure(kind, message, raised.traceback[-STDERR_TAIL_BYTES:]))

    def _line(self, operation: str, wait: Wait) -> bytes:
        """Returns the next line from the worker."""
        while b"\n" not in self._buffer:
            if not self._hears(wait.seconds):
                silent = f"the worker did not respond for {wait.seconds:.0f} s during {operation}"
                raise self._failed(HUNG, silent + wait.told)
            data = os.read(self._replies, 1 << 16)
            if not data:
                raise self._died(operation)
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _hears(self, seconds: float) -> bool:
        """Waits for so long, pauses of our own left out, and tells whether there is anything to read."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._replies, selectors.EVENT_READ)
            while seconds > 0:
                if selector.select(min(seconds, SLICE_SECONDS)):
                    return True
                seconds -= SLICE_SECONDS
            return bool(selector.select(0))  # what came in a pause at the end

    def _died(self, operation: str) -> WorkerError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_SECONDS)
        return self._failed("crashed", f"the worker {how_it_ended(self._process.poll())} during {operation}")

    def _failed(self, kind: str, message: str) -> WorkerError:
        tail = self.said()[-STDERR_TAIL_BYTES:]
        last = next((line for line in reversed(tail.splitlines()) if line.strip()), "")
        return self._error(
            Failure(kind, f"{message}; its last output: {last[:200]}" if last and kind == "crashed" else message, tail)
        )

    def _error(self, failure: Failure) -> WorkerError:
        """Returns a failure of this process under its name, and of the kind that all of its failures have."""
        message = f"{self._whose} failed: {failure.message}" if self._whose else failure.message
        return WorkerError(dataclasses.replace(failure, kind=self._failing_as or failure.kind, message=message))

    def _signal(self, number: signal.Signals) -> None:
        """Stops the process and its children, or has them go on, if it takes turns."""
        if self._takes_turns:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Ends the process, by asking first; removes what it left."""
        too_long = threading.Timer(CLOSE_SECONDS, self.end)  # wait(timeout) polls, up to 50 ms too long
        try:
            self._signal(signal.SIGCONT)
            with contextlib.suppress(OSError):
                os.write(self._commands, b'{"op": "close"}\n')
            too_long.start()
            self._process.wait()
        finally:  # Ctrl-C may come while we wait
            too_long.cancel()
            self.kill()

    def kill(self) -> None:
        """Ends the process and its children at once; removes what they left."""
        with _live_lock:
            _live.discard(self)
        self.end()
        self._process.wait()
        self._dispose()

    def end(self) -> None:
        """Ends the process and its children at once, and leaves the rest to the thread that drives it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _dispose(self) -> None:
        for descriptor in (self._commands, self._replies):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._folder.remove()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.kill()


def how_it_ended(code: int | None) -> str:
    """Returns what subprocess' return code says."""
    if code is None:
        return "closed its pipe"
    if code >= 0:
        return f"exited with code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = " (as the kernel does when memory runs out)" if -code == signal.SIGKILL else ""
    return f"was killed by {name}{hint}"
