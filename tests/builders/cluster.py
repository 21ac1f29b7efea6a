"""Hosts on this machine, a Dask scheduler and workers, each a process with a timing lock of its own; calls for them."""

import contextlib
import io
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.commands.errors import guarded
from bench.drive.folders import held_folder
from bench.drive.lock import host_lock, lock_path

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ("--cluster", "tcp://head:8786")  # of which nobody asks whether it is there
PATIENCE_SECONDS = 600.0  # for what comes at once, unless the machine is busy


class Processes:
    """A scheduler and its hosts, by name. `kill` ends one as a power cut does."""

    def __init__(self, folder: Path, *hosts: str) -> None:
        (folder / "temporary").mkdir(parents=True)
        self._folder = folder
        self._by_name: dict[str, subprocess.Popen[bytes]] = {}
        told = folder / "scheduler.json"  # it chooses its port itself: one found free may be taken before it binds it
        place = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(told))
        self._start("scheduler", "scheduler", *place, "--no-dashboard")
        wait_until(lambda: _address(told))
        self.address = _address(told)
        for name in hosts:
            # The words of docs/survey.md; without a nanny, which would start the worker that a test kills again.
            words = (self.address, "--resources", "timing=1", "--nthreads", "1", "--no-nanny", "--no-dashboard")
            self._start(name, "worker", *words, "--local-directory", str(folder / "temporary"))

    def _start(self, name: str, *words: str) -> None:
        own = {"PYTHONPATH": str(ROOT), "TMPDIR": str(self._folder / "temporary"), "PYTHONWARNINGS": "ignore"}
        own["TFGATE_LOCK"] = str(self._folder / name)
        with (self._folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "dask", *words]
            self._by_name[name] = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        process = self._by_name.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def end(self) -> None:
        for name in [*self._by_name]:
            self.kill(name)


def _address(told: Path) -> str:
    """Returns the address that a scheduler has told; "" until it is there."""
    with contextlib.suppress(OSError, ValueError):
        return str(json.loads(told.read_text())["address"])
    return ""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def wait_until(what: Callable[[], object]) -> None:
    """Returns once something is so; fails where it never comes to be."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Tells whether a process runs."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def noted(folder: Path, log: str, name: str, seconds: float) -> int:
    """A call that takes so long, alone on its host, and notes in a log when it begins and ends."""
    with host_lock():
        _note(log, "begin", name)
        time.sleep(seconds)
        _note(log, "end", name)
    (folder / "name").write_text(name)
    return 0


def holding(folder: Path, log: str, name: str) -> int:
    """A call that isn't over before ten minutes, and holds a temporary folder; a signal ends it as it ends commands."""

    def hold() -> int:
        with held_folder():
            return noted(folder, log, name, 600.0)

    return guarded(hold)


def stuck_once(folder: Path, log: str, name: str) -> int:
    """A call that doesn't end the first time that it is made."""
    return noted(folder, log, name, 0.0 if _begun(log, name) else 600.0)


def failing(folder: Path, log: str, name: str, times: int) -> int:
    """A call that fails the first `times` times that it is made."""
    fails = _begun(log, name) < times
    noted(folder, log, name, 0.0)
    if fails:
        print("first\ntfgate: error: the disk is full", file=sys.stderr)
    return 4 if fails else 0


def silent(folder: Path) -> int:
    """A call that fails without a word."""
    return 4


def variables(folder: Path) -> int:
    """Leaves the environment variables of its process."""
    (folder / "variables").write_text(json.dumps(dict(os.environ)))
    return 0


def meeting(folder: Path, place: str, name: str) -> int:
    """A call that ends once two of its kind run at the same time."""
    (Path(place) / name).touch()
    wait_until(lambda: len(list(Path(place).iterdir())) == 2)
    (folder / "deep").mkdir()
    (folder / "deep" / name).touch()
    return 0


def _note(log: str, what: str, name: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{what} {name} {lock_path().name} {os.getpid()}\n".encode())
    os.close(descriptor)


def _begun(log: str, name: str) -> int:
    """Returns how often a call has begun."""
    path = Path(log)
    return path.read_text().count(f"begin {name} ") if path.exists() else 0


def in_this_process(
    folder: Path, told: list[Any], wanted: Callable[[], Mapping[Any, Any]]
) -> Iterator[tuple[Any, SimpleNamespace]]:
    """Stands for a cluster's `Hosts.results`, without Dask: this process is the host, and adds each call's key."""
    while calls := wanted():
        key, call = next(iter(calls.items()))
        function, arguments = pickle.loads(pickle.dumps(call))
        kept = folder / str(len(told)) / "kept"
        kept.mkdir(parents=True)
        told.append(key)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            code = function(kept, *arguments)
        files = {str(file.relative_to(kept)): file.read_bytes() for file in kept.rglob("*") if file.is_file()}
        problem = f"{said.getvalue().splitlines()[-1].removeprefix('tfgate: error: ')} (on here)" if code else ""
        yield key, SimpleNamespace(files=files, problem=problem, code=code)
