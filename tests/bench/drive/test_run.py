"""Runs: which launches there are, what is on disk after each, and what Ctrl-C leaves."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.drive.launch import Launch
from bench.drive.plan import Plan
from bench.drive.run import measure_run
from bench.drive.watch import CpuWatch
from bench.record.files import read_record
from bench.record.types import INCOMPLETE, SCHEMA, Record, Run

Fake = Callable[[str], str]

ROOT = Path(__file__).resolve().parents[3]
PLANS = [Plan("tiny", 10, speed=False), Plan("small", 5, speed=False)]


class Listener:
    """Keeps what it hears, and what the run's file holds at that moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[tuple[str, int, int]] = []
        self.on_disk: list[tuple[int, tuple[str, ...]]] = []

    def step(self, plan: Plan, launch: Launch, steps: int) -> None:
        self.heard.append((plan.config, launch.number, steps))

    def record(self, record: Record) -> None:
        stored = read_record(Run, self.path)
        self.on_disk.append((len(stored.records), stored.warnings))


def run_with(python: str, output: Path, launches: int = 2) -> tuple[Run, Listener]:
    listener = Listener(output / "run.json")
    run = measure_run(PLANS, launches, python, {}, output, ("tfgate", "run"), listener, jitter=70, warnings=("a warning",))
    return run, listener


def test_every_plan_has_its_launches(fake_session: Fake, tmp_path: Path) -> None:
    run, listener = run_with(fake_session(""), tmp_path / "out")
    assert (run.schema, run.command, run.warnings) == (SCHEMA, ("tfgate", "run"), ("a warning",))
    found = [(record.subject.config, record.launch, record.jitter, bool(record.numerics)) for record in run.records]
    assert found == [("tiny", 0, 70, True), ("tiny", 1, 71, False), ("small", 0, 70, True), ("small", 1, 71, False)]
    assert listener.heard == [("tiny", 0, 5), ("tiny", 0, 10), ("tiny", 1, 5), ("tiny", 1, 10), ("small", 0, 5), ("small", 1, 5)]
    assert read_record(Run, tmp_path / "out" / "run.json") == run


def test_the_file_holds_what_there_is_and_says_what_is_missing(fake_session: Fake, tmp_path: Path) -> None:
    """The listener hears of a launch before that is written: it finds the launches before it."""
    _, listener = run_with(fake_session(""), tmp_path)
    before = f"{INCOMPLETE}the run was interrupted before its first launch was over"
    after = [f"{INCOMPLETE}the run was interrupted after {done} of 4 launches" for done in (1, 2, 3)]
    assert listener.on_disk == [(done, ("a warning", said)) for done, said in enumerate([before, *after])]


@pytest.mark.parametrize(("others", "warned"), [(0.31, True), (0.04, False), (None, False)])
def test_a_timed_launch_holds_what_others_had_of_the_cpu(
    fake_session: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others: float | None, warned: bool
) -> None:
    monkeypatch.setattr(CpuWatch, "others", lambda self: others)  # what the machine is doing beside the tests isn't theirs to choose
    timed = measure_run([Plan("tiny", 10)], 1, fake_session(""), {}, tmp_path / "timed", (), Listener(tmp_path / "timed" / "run.json"))
    assert (timed.records[0].others_cpu, timed.records[0].disturbed) == (others, warned)
    assert timed.warnings == (
        ("tiny-synthetic-cells-cpu0 launch 1: other processes had 31% of the machine's CPU: its speed is disturbed",) if warned else ()
    )


def test_an_untimed_launch_may_share_the_machine(fake_session: Fake, tmp_path: Path) -> None:
    run, _ = run_with(fake_session(""), tmp_path)
    assert {record.others_cpu for record in run.records} == {None}


def test_a_failed_launch_ends_its_plan_alone(fake_session: Fake, tmp_path: Path) -> None:
    failing = """
class Session(Session):
    def open(self, config, **more):
        if config == "tiny":
            raise MemoryError("no room")
        return super().open(config, **more)
"""
    run, _ = run_with(fake_session(failing), tmp_path)
    found = [(record.subject.config, record.launch, record.failure and record.failure.message) for record in run.records]
    assert found == [("tiny", 0, "MemoryError: no room"), ("small", 0, None), ("small", 1, None)]
    assert read_record(Run, tmp_path / "run.json") == run


def test_a_folder_that_holds_a_run_is_left_alone(fake_session: Fake, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("precious")
    with pytest.raises(FileExistsError, match="exists already"):
        run_with(fake_session(""), tmp_path)
    assert (tmp_path / "run.json").read_text() == "precious"


# Its second launch says that it has begun, by a file beside the interpreter, and never ends.
SECOND_LAUNCH_HANGS = """
class Session(Session):
    def open(self, **asked):
        if asked["jitter"] == 1001:
            open(sys.argv[0] + ".began", "w").close()
            time.sleep(1000)
        return super().open(**asked)
"""


def test_ctrl_c_keeps_what_was_measured(fake_session: Fake, tmp_path: Path, temporary: Path) -> None:
    python, output = fake_session(SECOND_LAUNCH_HANGS), tmp_path / "out"
    command = [sys.executable, "-m", "bench", "run", "--config", "tiny", "--launches", "2", "--python", python, "--output", str(output)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        wait_for(Path(f"{python}.began"), process)
        assert len(list(processes_of(temporary))) == 3  # the orchestrator, the worker and the yardstick
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=600)
    assert process.returncode == 4
    assert printed == ""
    assert [line for line in said.splitlines() if line.startswith("tfgate: ")] == [
        "tfgate: error: interrupted: launches that were over are kept"
    ]
    assert "Traceback" not in said
    run = read_record(Run, output / "run.json")
    assert [record.launch for record in run.records] == [0]
    assert run.warnings[-1] == f"{INCOMPLETE}the run was interrupted after 1 of 2 launches"
    assert os.listdir(output) == ["run.json"]
    assert list(processes_of(temporary)) == []
    assert os.listdir(temporary) == []


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Waits until the file is there; fails if the process ends before."""
    while not path.exists():
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"exit code {process.wait(0.02)}: {process.stderr.read() if process.stderr else ''}")


def processes_of(temporary: Path) -> Iterator[int]:
    """The processes that make their temporary files there, this one aside."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            if f"TMPDIR={temporary}".encode() in variables and int(folder.name) != os.getpid():
                yield int(folder.name)


def test_a_failed_run_exits_with_4_and_is_kept(tmp_path: Path, temporary: Path) -> None:
    output = tmp_path / "out"
    command = [sys.executable, "-m", "bench", "run", "--config", "tiny", "--python", str(tmp_path / "none"), "--output", str(output)]
    finished = subprocess.run([*command, "--json"], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert finished.returncode == 4
    assert "can't be started" in finished.stderr
    assert json.loads(finished.stdout) == json.loads((output / "run.json").read_text())
    assert len(read_record(Run, output / "run.json").records) == 1
