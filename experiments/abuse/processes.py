"""Runs a command, disturbs it, has what is left looked at; then runs it again."""

import contextlib
import dataclasses
import fcntl
import functools
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from experiments.abuse.left import TOKEN, left_files, left_processes, lost, result, words
from experiments.abuse.outcomes import PROCESSES, REAL_PROCESSES, ROOT, Outcome
from experiments.abuse.scenarios import Command, Disturbance, Furniture, drawn, line_of

FIRST = 1.5  # times what a command takes that does nothing: until then Python starts, and answers by itself
PAUSE_SECONDS = 0.3  # between two signals
MOST_SECONDS = 900.0  # of a command
FAILED = 4
VERDICTS = (0, 1, 3)  # exit codes of a command that measured
HELD_SECONDS = 2.0
HUNG = 124  # the exit code of a command that had to be killed, as timeout(1) has it
# Runs a command on a disk of its own, and copies what it leaves there, since the disk goes with the shell.
MOUNTED = 'mount -t tmpfs -o {options} none "$0" && {then} "$@"; code=$?; cp -a "$0/." "$0.kept" 2>&-; exit $code'
UNSHARED = ("unshare", "--user", "--map-root-user", "--mount")
ON_IT = 'mkdir "$0/tmp"; export TMPDIR="$0/tmp" TFGATE_ENVIRONMENTS="$0/environments";'


@dataclasses.dataclass
class Ended:
    """The end of a command."""

    code: int
    error: str
    seconds: float


class Processes:
    """Draws disturbances of commands, on stand-ins for TensorFlow or on a real one."""

    def __init__(self, furniture: Furniture, python: str, *, real: bool) -> None:
        self.furniture, self.python, self.real = furniture, python, real
        self._usual: dict[str, tuple[Ended, dict[str, Any]]] = {}  # by command: undisturbed
        self._first: float | None = None
        self._token = ""
        self._late = False  # the last disturbance's signals found no process

    def draw(self, seed: int) -> Outcome:
        """Disturbs a command as the seed says."""
        command, disturbance, draw = drawn(seed, real=self.real)
        name = REAL_PROCESSES if self.real else PROCESSES
        what = f"{disturbance.name}, {command.name}"
        if (disturbance.room_kib[1] or disturbance.read_only) and not _can_mount():
            return Outcome(name, seed, f"not possible here, {command.name}")
        folder = self.furniture.home / f"draw {seed}"
        try:
            usual, wanted = self._undisturbed(command)
            broken = self._disturbed(command, disturbance, draw, folder, usual, wanted)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        end = f"too late, {command.name}" if self._late else what
        return Outcome(name, seed, end, f"{what}: {broken}" if broken else "")

    def _undisturbed(self, command: Command) -> tuple[Ended, dict[str, Any]]:
        """Returns how a command ends, and its result. Raises ValueError where a real TensorFlow can't be measured."""
        if command.name not in self._usual:
            folder = self.furniture.home / f"undisturbed {command.name}"
            ended = self._run(command, folder)
            if self.real and ended.code not in VERDICTS:
                raise ValueError(f"{command.name}, undisturbed: exit code {ended.code}: {ended.error[-300:]}")
            self._usual[command.name] = ended, result(folder / "out")
            shutil.rmtree(folder)
        return self._usual[command.name]

    def _disturbed(
        self,
        command: Command,
        disturbance: Disturbance,
        draw: random.Random,
        folder: Path,
        usual: Ended,
        wanted: Mapping[str, Any],
    ) -> str:
        """Returns what is broken."""
        moment = draw.uniform(min(self._first_seconds(folder), usual.seconds / 2), usual.seconds)
        if disturbance.cache:
            self._run(command, folder)
            _cut_short(folder / "environments", draw)
        ended = self._run(command, folder, disturbance, moment, draw)
        killed = disturbance.signals[-1:] == (signal.SIGKILL,) and disturbance.whom in ("orchestrator", "both")
        if problem := _flaw(command, disturbance, ended, usual):
            return problem
        if left := left_processes(self._token):
            return f"processes are left: {left}"
        if killed:
            self._next_command(folder)
        before = result(folder / "out")
        if problem := left_files(folder):
            return problem
        again = self._again(command, folder)
        if (again.code, bool(again.error and "Traceback" in again.error)) != (usual.code, False):
            return f"again: exit code {again.code} where {usual.code} is right: {again.error[-300:]}"
        return lost(before, result(folder / "out"), wanted)

    def _again(self, command: Command, folder: Path) -> Ended:
        """Runs the same command: on from what it kept, or else into a new folder."""
        begun = command.again and (any((folder / "out").glob("*.json")) or (folder / "out" / "checkpoint.npz").exists())
        if not begun:
            shutil.rmtree(folder / "out", ignore_errors=True)
        return self._run(
            dataclasses.replace(command, words=f"{command.words} {command.again if begun else ''}"), folder
        )

    def _first_seconds(self, folder: Path) -> float:
        """Returns the first moment at which a command is disturbed."""
        if self._first is None:
            started = time.monotonic()
            self._next_command(folder)
            self._first = FIRST * (time.monotonic() - started)
        return self._first

    def _next_command(self, folder: Path) -> None:
        """Starts a command that does nothing, after which nothing of a killed one may be left."""
        environment = self._environment(folder)
        subprocess.run(
            [sys.executable, "-m", "bench", "env", "list"], cwd=ROOT, env=environment, capture_output=True, check=False
        )

    def _environment(self, folder: Path) -> dict[str, str]:
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        wheels = {
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.furniture.home / "wheelhouse"),
            "UV_CACHE_DIR": str(folder / "uv"),
            "UV_NO_CONFIG": "1",
        }
        return {
            **os.environ,
            **({} if self.real else wheels),
            "TMPDIR": str(folder / "tmp"),
            "TFGATE_LOCK": str(folder / "lock"),
            "TFGATE_ENVIRONMENTS": str(folder / "environments"),
            "PYTHONPATH": str(ROOT),
            TOKEN: self._token,
        }

    def _run(
        self,
        command: Command,
        folder: Path,
        disturbance: Disturbance | None = None,
        moment: float = 0.0,
        draw: random.Random | None = None,
    ) -> Ended:
        """Runs a command to its end, disturbed or not."""
        self._token = uuid.uuid4().hex
        asked, draw = disturbance or Disturbance("none"), draw or random.Random(0)
        environment = self._environment(folder)
        if command.name == "record":
            shutil.copytree(self.furniture.home / "baselines", folder / "out" / "baselines", dirs_exist_ok=True)
        line = line_of(command, self.furniture, folder / "out", self.python, asked.before)
        if asked.room_kib[1] or asked.read_only:
            line = _on_a_small_disk(line, folder, asked, draw)
        started = time.monotonic()
        with _lock_held(folder / "lock", asked.lock):
            pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
            process = subprocess.Popen(line, cwd=ROOT, env=environment, **pipes)
            other = subprocess.Popen(line, cwd=ROOT, env=environment, **pipes) if asked.twice else None
            if disturbance:
                self._late = _signal(process, asked, moment, draw)
            code, error = _end(process)
            seconds = time.monotonic() - started
            if other:
                second, also = _end(other)
                code = HUNG if second == HUNG else code
                error += also if second == HUNG or "Traceback" in also else ""
        if (folder / "out.kept").exists():
            shutil.rmtree(folder / "out")  # where it was mounted
            (folder / "out.kept").rename(folder / "out")
            shutil.rmtree(folder / "out" / "environments", ignore_errors=True)
        return Ended(code, error, seconds)


def _end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Returns the exit code of a command, and its errors; one that hangs is killed, with what it has started."""
    try:
        _, error = process.communicate(timeout=MOST_SECONDS)
        return process.returncode, error
    except subprocess.TimeoutExpired:
        children = _descendants(process.pid)
        with process:  # which closes its pipes
            process.kill()
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return HUNG, f"no end after {MOST_SECONDS:g} s\n"


def _signal(process: subprocess.Popen[str], asked: Disturbance, moment: float, draw: random.Random) -> bool:
    """Waits for the moment and sends the signals; returns whether there was no process left to send any to."""
    if not asked.signals:
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment)
        return True
    children = _descendants(process.pid)
    if asked.whom == "uv":
        children = [pid for pid in children if "uv" in words(pid).split("\0")[0]]
    if asked.whom != "orchestrator" and not children:
        return True
    first = process.pid if asked.whom == "orchestrator" else draw.choice(children)
    last = process.pid if asked.whom == "both" else first
    late = True
    for pid, number in zip((first, last), asked.signals, strict=False):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            late = False
        time.sleep(PAUSE_SECONDS)
    return late


def _on_a_small_disk(line: list[str], folder: Path, asked: Disturbance, draw: random.Random) -> list[str]:
    """Returns a command line whose output folder, and temporary folders, lie on a disk of a few KiB, or of none."""
    place = folder / "out"
    place.mkdir(parents=True, exist_ok=True)
    options = "ro" if asked.read_only else f"size={4 * (draw.randint(*asked.room_kib) // 4 + 1)}k"
    then = ON_IT if asked.room_kib[1] and draw.random() < 0.5 else ""
    script = MOUNTED.format(options=options, then=then)
    return [*UNSHARED, "sh", "-c", script, str(place), *line]


@functools.cache
def _can_mount() -> bool:
    """Returns whether this system lets a process mount a disk of its own."""
    with tempfile.TemporaryDirectory() as place, contextlib.suppress(OSError):
        mount = [*UNSHARED, "mount", "-t", "tmpfs", "none", place]
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0
    return False


@contextlib.contextmanager
def _lock_held(path: Path, who: str) -> Iterator[None]:
    """Has a process hold the host's lock for HELD_SECONDS, or leaves it as one that died has."""
    if who == "dead":
        path.write_text("4194303")
    if who != "alive":
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(str(os.getpid()))
        file.flush()
        ending = threading.Timer(HELD_SECONDS, fcntl.flock, (file, fcntl.LOCK_UN))
        ending.start()
        yield
        ending.join()


def _cut_short(environments: Path, draw: random.Random) -> None:
    """Cuts a file of a built environment to half of its length."""
    files = sorted(path for path in environments.rglob("*") if path.is_file() and not path.is_symlink())
    path = draw.choice([path for path in files if path.stat().st_size > 1 and ".locks" not in path.parts])
    data = path.read_bytes()
    path.unlink()  # uv's cache may share it
    path.write_bytes(data[: len(data) // 2])


def _descendants(pid: int) -> list[int]:
    """Returns the living processes that a process, or one of those, has started."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def _flaw(command: Command, disturbance: Disturbance, ended: Ended, usual: Ended) -> str:
    """Returns what is wrong with a command's answer."""
    if "Traceback" in ended.error:
        return f"a traceback: {ended.error[-400:]}"
    no_room = command.no_room if disturbance.room_kib[1] else ()
    if ended.code not in {usual.code, *disturbance.codes, *no_room}:
        return f"exit code {ended.code} where {usual.code} is usual: {ended.error[-300:]}"
    if ended.code == -signal.SIGKILL:
        return ""
    said = [line for line in ended.error.splitlines() if line.startswith("tfgate: error: ")]
    if ended.code in (2, FAILED) and len(said) != 1 and ended.code != usual.code:
        return f"exit code {ended.code} and {len(said)} lines that say why: {ended.error[-300:]}"
    return ""
