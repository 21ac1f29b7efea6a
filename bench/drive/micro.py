"""Launches of the micro-benchmarks: each a fresh pytest in a measured environment, which leaves a pytest-benchmark JSON file."""

import contextlib
import dataclasses
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from bench.drive.plan import Plan
from bench.drive.process import STDERR_TAIL_BYTES, Worker, WorkerError, how_it_ended, private_environment
from bench.drive.watch import CpuWatch
from bench.record.micro import MicroLaunch, read_launch, told_beside
from bench.record.replies import Timed
from bench.record.types import NO_TENSORFLOW, Failure

LAUNCH_SECONDS = 1800.0
YARDSTICK_SECONDS = 300.0  # deadline of a request
YARDSTICK_STEPS = 5  # before each launch and after it; the first is dropped
USAGE_ERROR, NOTHING_COLLECTED = 4, 5  # pytest's exit codes

WITHOUT_PYTEST = re.compile(r"No module named pytest$", re.MULTILINE)  # what Python says of -m; an import that fails quotes the name

# What pytest says in one line: of a failed test (--tb=line), of a usage error, of pytest.exit, of a skip (-rs); what Python says of a
# module that is missing.
REASONS = tuple(
    re.compile(pattern)
    for pattern in (
        r"E\s+(.*)",
        r"/.*?:\d+: (.*)",
        r"ERROR: (.*)",
        r"!+ _pytest\.outcomes\.Exit: (.*?) !+",
        r"SKIPPED \[\d+\] \S+ (.*)",
        r".*(No module named .*)",
    )
)


@dataclasses.dataclass(frozen=True)
class Side:
    """An environment: what its files are called, its interpreter, and the variables its processes get besides."""

    role: str
    python: str
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Suite:
    """Which cases a launch times; nothing named of a kind: bench/micro's default."""

    configs: Sequence[str] = ()
    implementations: Sequence[str] = ()
    devices: Sequence[str] = ()
    modes: Sequence[str] = ()
    targets: Sequence[str] = ()
    require_gpu: bool = False

    @property
    def takes_gpu(self) -> bool:
        """Whether a GPU is timed: --require-gpu alone takes one (bench.micro.selection)."""
        return self.require_gpu or any(name.startswith("gpu") for name in self.devices)

    def arguments(self, folder: Path) -> list[str]:
        """Pytest's arguments, the cases' files in `folder`."""
        files = [str(folder / f"test_{target}.py") for target in self.targets] or [str(folder)]
        chosen = (("config", self.configs), ("implementation", self.implementations), ("device", self.devices), ("mode", self.modes))
        options = [f"--{name}={value}" for name, values in chosen for value in values]
        return [*files, *options, *(["--require-gpu"] if self.require_gpu else [])]


def measure_suite(sides: Sequence[Side], suite: Suite, launches: int, folder: Path) -> Generator[tuple[str, MicroLaunch | Failure]]:
    """Yields (role, file, or why there is none) after each launch; files are `folder`/ROLE-NN.json. The caller may stop between launches.

    Two sides take turns: which goes first alternates from launch to launch. One side alone will be held against other days: its launches
    hold how long NumPy's step of `notebook` took around them. Raises FileExistsError if the folder holds launches, OSError, and WorkerError
    if NumPy's step can't be opened.
    """
    with contextlib.ExitStack() as workers:
        yardstick = workers.enter_context(Worker(sys.executable, "yardstick")) if len(sides) == 1 else None
        if yardstick:
            yardstick.request(None, "open", YARDSTICK_SECONDS, **Plan("notebook", 1).data())
        for number in range(launches):
            for side in sides if number % 2 == 0 else reversed(sides):
                try:
                    found: MicroLaunch | Failure = measure_launch(side, suite, folder / f"{side.role}-{number:02}.json", yardstick)
                except WorkerError as error:
                    found = error.failure
                yield side.role, found


def measure_launch(side: Side, suite: Suite, path: Path, yardstick: Worker | None = None) -> MicroLaunch:
    """Times the suite in one fresh process, the yardstick's steps before and after. Raises FileExistsError, WorkerError, OSError."""
    path = path.absolute()
    if path.exists():
        raise FileExistsError(f"{path} exists already and is not overwritten: choose another place by --output")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tfgate-") as home:
        part = Path(home) / "benchmarks.json"
        beside = _yardstick_seconds(yardstick)
        watch = CpuWatch()
        output = _run_pytest(side, suite, Path(home), part)
        others = watch.others()  # before the yardstick works again: its process is no ended child
        if not part.is_file() or not part.stat().st_size:
            raise _failure(NO_TENSORFLOW, f"{side.python} timed nothing: {_reason(output)}", output)
        read_launch(part)
        beside += _yardstick_seconds(yardstick)
        told = told_beside(part, yardstick_seconds=statistics.median(beside), others_cpu=others) if beside else part.read_text("utf-8")
        path.write_text(told, encoding="utf-8")
    return read_launch(path)


def _yardstick_seconds(yardstick: Worker | None) -> list[float]:
    return list(yardstick.request(Timed, "steps", YARDSTICK_SECONDS, count=YARDSTICK_STEPS).seconds[1:]) if yardstick else []


def _run_pytest(side: Side, suite: Suite, home: Path, result: Path) -> str:
    """What pytest printed. Raises WorkerError unless all cases passed or were skipped."""
    python = os.path.abspath(side.python) if os.sep in side.python else side.python
    environment = private_environment(home, "gpu:0" if suite.takes_gpu else "cpu:0", side.variables)
    (home / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider\n", encoding="utf-8")
    command = [python, "-m", "pytest", "-c", str(home / "pytest.ini"), "--rootdir", str(home / "imports"), "-q", "-rs", "--tb=line"]
    command += [f"--variable={name}={value}" for name, value in side.variables.items()]
    command += [f"--benchmark-json={result}", *suite.arguments(home / "imports" / "bench" / "micro")]
    try:
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        message = f"interpreter {side.python} can't be started: {error.strerror}; name another by --python"
        raise _failure(NO_TENSORFLOW, message) from error
    try:
        output, _ = process.communicate(timeout=LAUNCH_SECONDS)
    except subprocess.TimeoutExpired:
        raise _failure("hung", f"{side.python} did not finish the micro-benchmarks within {LAUNCH_SECONDS:.0f} s") from None
    finally:  # Ctrl-C may come while we wait
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode not in (0, NOTHING_COLLECTED):
        how = how_it_ended(process.returncode) if process.returncode < 0 else _reason(output)
        how += "; install pytest and pytest-benchmark there" if WITHOUT_PYTEST.search(output) else ""
        raise _failure(_kind(process.returncode, output), f"micro-benchmarks under {side.python}: {how}", output)
    return output


def _kind(code: int, output: str) -> str:
    """A Failure's kind: killed, unable to run any case, or a case that failed."""
    if code < 0:
        return "crashed"
    return NO_TENSORFLOW if code == USAGE_ERROR or WITHOUT_PYTEST.search(output) else "failed"


def _reason(output: str) -> str:
    """The line of pytest's output that says why it failed, or why it timed nothing: the first that the most telling pattern finds."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    found = (match[1].strip() for pattern in REASONS for line in lines if (match := pattern.fullmatch(line)))
    return next(found, lines[-1] if lines else "it printed nothing")


def _failure(kind: str, message: str, output: str = "") -> WorkerError:
    return WorkerError(Failure(kind, message, output[-STDERR_TAIL_BYTES:]))
