"""Runs: which launches there are, what is on disk after each, and what Ctrl-C leaves."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
import unittest.mock
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.drive import oracle
from bench.drive.launch import Launch
from bench.drive.patience import Deadlines, Patience, Wait
from bench.drive.plan import Plan
from bench.drive.process import kill_workers
from bench.drive.run import RunRequest, _SoFar, measure_run
from bench.drive.watch import CpuWatch
from bench.record.files import keeper, read_record
from bench.record.paired import Side
from bench.record.types import SCHEMA, Failure, Record, Run
from tests.builders.fake_interpreter import Fake
from tests.builders.records import record

ROOT = Path(__file__).resolve().parents[3]
PLANS = [Plan("tiny", 10, speed=False), Plan("small", 5, speed=False)]


class Listener:
    """Keeps what it hears, and what the run's file holds at that moment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[tuple[str, int, int]] = []
        self.on_disk: list[tuple[int, str]] = []
        self.over: list[int] = []

    def step(self, plan: Plan, launch: Launch, steps: int) -> None:
        self.heard.append((plan.config, launch.number, steps))

    def record(self, record: Record, over: int) -> None:
        self.over.append(over)
        stored = read_record(Run, self.path)
        self.on_disk.append((len(stored.records), stored.incomplete))


def side(python: str) -> Side:
    return Side("a", python, {})


def run_with(python: str, output: Path, launches: int = 2, side_by_side: int = 1) -> tuple[Run, Listener]:
    listener = Listener(output / "run.json")
    keep, command = keeper(output / "run.json"), ("tfgate", "run")
    request = RunRequest(PLANS, launches, side(python), command, 70, ("a warning",), side_by_side)
    return measure_run(request, keep, listener), listener


def test_every_plan_has_its_launches(fake_session: Fake, tmp_path: Path) -> None:
    """The listener hears of a launch once that is written."""
    run, listener = run_with(fake_session(""), tmp_path / "out")
    assert (run.schema, run.command, run.warnings) == (SCHEMA, ("tfgate", "run"), ("a warning",))
    found = [(record.subject.config, record.launch, record.jitter, bool(record.numerics)) for record in run.records]
    assert found == [("tiny", 0, 70, True), ("tiny", 1, 71, False), ("small", 0, 70, True), ("small", 1, 71, False)]
    assert listener.heard == [
        ("tiny", 0, 5),
        ("tiny", 0, 10),
        ("tiny", 1, 5),
        ("tiny", 1, 10),
        ("small", 0, 5),
        ("small", 1, 5),
    ]
    assert listener.on_disk == [(done, f"the run was interrupted after {done} of 4 launches") for done in range(1, 5)]
    assert {record.others_cpu for record in run.records} == {None}  # untimed launches may share the machine
    assert read_record(Run, tmp_path / "out" / "run.json") == run


def test_a_timed_launch_holds_what_others_had_of_the_cpu(
    fake_session: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.drive.watch.usable_cores", lambda: 2)
    monkeypatch.setattr(CpuWatch, "others", lambda self: 0.31)  # what the machine does beside the tests isn't theirs
    path = tmp_path / "timed" / "run.json"
    request = RunRequest([Plan("tiny", 10)], 1, side(fake_session("")), ())
    timed = measure_run(request, keeper(path), Listener(path))
    assert (timed.records[0].others_cpu, timed.records[0].is_disturbed) == (0.31, True)
    assert timed.warnings == (
        "tiny-synthetic-cells-cpu0 launch 1: other processes used 0.62 of 2 CPUs, which disturbs its speed",
    )


def test_a_failed_launch_ends_its_plan_alone(fake_session: Fake, tmp_path: Path) -> None:
    failing = """
class Session(Session):
    def open(self, config, **more):
        if config == "tiny":
            raise MemoryError("no room")
        return super().open(config, **more)
"""
    run, _ = run_with(fake_session(failing), tmp_path)
    found = [
        (record.subject.config, record.launch, record.failure and record.failure.message) for record in run.records
    ]
    assert found == [*2 * [("tiny", 0, "MemoryError: no room")], ("small", 0, None), ("small", 1, None)]
    assert read_record(Run, tmp_path / "run.json") == run
    assert read_record(Run, tmp_path / "run.json").warnings == ("a warning",)


# Each launch of tiny fails the first time, by files beside the interpreter.
FIRST_TRIES_FAIL = """
class Session(Session):
    def open(self, config, jitter, **more):
        tried = f"{sys.argv[0]}.{jitter}"
        if config == "tiny" and not os.path.exists(tried):
            open(tried, "w").close()
            os._exit(3)
        return super().open(config, jitter=jitter, **more)
"""


@pytest.mark.parametrize("side_by_side", [1, 2])
def test_a_launch_that_fails_is_run_once_more_and_both_are_kept(
    fake_session: Fake, tmp_path: Path, side_by_side: int
) -> None:
    run, listener = run_with(fake_session(FIRST_TRIES_FAIL), tmp_path, side_by_side=side_by_side)
    found = [
        (record.subject.config, record.launch, record.jitter, record.failure is not None) for record in run.records
    ]
    tiny = [("tiny", launch, 70 + launch, failed) for launch in (0, 1) for failed in (True, False)]
    assert found == [*tiny, ("small", 0, 70, False), ("small", 1, 71, False)]
    last = "the run was interrupted after 4 of 4 launches"  # a failure and its repeat are one
    assert listener.on_disk[-1][1] == last
    assert listener.over == [0, 1, 1, 2, 3, 4] or (side_by_side == 2 and listener.over[-1] == 4)


def test_a_launch_that_failed_once_is_repeated_though_another_has_ended_its_plan(
    fake_session: Fake, tmp_path: Path
) -> None:
    """As where both were at work at once: one failure is no answer."""
    python, crash = fake_session(""), Failure("crashed", "the worker was killed")
    whole, _ = run_with(python, tmp_path / "whole")
    first, second, *others = whole.records
    broken = [dataclasses.replace(one, failure=crash) for one in (first, first, second)]
    begun = dataclasses.replace(whole, records=(*broken, *others), incomplete="interrupted")
    request = RunRequest(PLANS, 3, side(python), whole.command, 70, begun=begun)
    listener = Listener(tmp_path / "run.json")
    run = measure_run(request, keeper(tmp_path / "run.json"), listener)
    found = [(one.subject.config, one.launch, one.failure) for one in run.records if one.subject.config == "tiny"]
    assert found == [("tiny", 0, crash), ("tiny", 0, crash), ("tiny", 1, crash), ("tiny", 1, None)]  # and no third


# Says by a file that it is at work, and goes on when as many are as there should be.
MEET = """
import glob
class Session(Session):
    def open(self, **asked):
        open(f"{sys.argv[0]}.{asked['config']}-{asked['jitter']}", "w").close()
        while len(glob.glob(sys.argv[0] + ".*")) < 2:
            time.sleep(0.01)
        return super().open(**asked)
"""


class TestSideBySide:
    def test_launches_meet_and_are_sorted_in_the_end(self, fake_session: Fake, tmp_path: Path) -> None:
        """One at a time would wait for ever.

        The first launches come first, with all cores. The others have one thread; one of the first plan is checked.
        """
        run, listener = run_with(fake_session(MEET), tmp_path, launches=3, side_by_side=2)
        found = [(record.subject.config, record.launch, bool(record.numerics)) for record in run.records]
        checked = {("tiny", 0), ("tiny", 1), ("small", 0)}
        places = [(config, launch) for config in ("tiny", "small") for launch in range(3)]
        assert found == [(*place, place in checked) for place in places]
        threads = [record.environment.threads for record in run.records if record.environment]
        assert threads == [2, 1, 1, 2, 1, 1]  # of the fake, 0 are two
        began = list(dict.fromkeys((config, launch) for config, launch, _ in listener.heard))
        assert set(began[:2]) <= {("tiny", 0), ("small", 0), ("tiny", 1)}
        assert {("tiny", 0), ("small", 0)} <= set(began[:3])
        assert {record.failure for record in run.records} == {None}
        assert len(listener.on_disk) == 6
        assert read_record(Run, tmp_path / "run.json") == run

    def test_the_first_plan_that_trains_is_checked_on_one_thread(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever is named before it."""
        taken: set[tuple[str, int, bool]] = set()

        def take(plan: Plan, launch: Launch, *others: object) -> Record:
            taken.add((plan.name, launch.number, launch.numerics))
            return record(launch=launch.number)

        monkeypatch.setattr("bench.drive.run.measure_launch", take)
        predict = Plan("tiny", 10, workload="predict", answers=True, speed=False)
        once = Plan("tiny", 10, workload="train-without-onednn", one_launch=True, speed=False)
        plans = [predict, once, *PLANS]
        path = tmp_path / "run.json"
        measure_run(RunRequest(plans, 2, side("python"), (), side_by_side=2), keeper(path), Listener(path))
        second = {name: numerics for name, number, numerics in taken if number == 1}
        assert second == {"predict-tiny": False, "tiny": True, "small": False}

    def test_threads_that_a_plan_names_are_kept(self, fake_session: Fake, tmp_path: Path) -> None:
        plan = Plan("tiny", 10, threads=7, speed=False)
        path = tmp_path / "run.json"
        request = RunRequest([plan], 2, side(fake_session("")), (), side_by_side=2)
        run = measure_run(request, keeper(path), Listener(path))
        assert [record.environment.threads for record in run.records if record.environment] == [7, 7]

    def test_deadlines_are_scaled(self, fake_session: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A step of the reference took a second on all cores, of which a launch alone has all."""
        waits = []

        def wait(self: Deadlines, operation: str, original: Any = Deadlines.wait, **terms: Any) -> Wait:
            found: Wait = original(self, operation, **terms)
            if operation == "take":
                waits.append(found.seconds)
            return found

        monkeypatch.setattr(Deadlines, "wait", wait)
        monkeypatch.setattr("bench.drive.run.cores_at_once", lambda: 64)
        patience = Patience()
        patience.note("steps", 1.0)
        for plans, side_by_side in ((PLANS[:1], 1), (PLANS[:1], 64), (PLANS, 64)):
            path = tmp_path / f"{len(plans)}-{side_by_side}.json"
            request = RunRequest(plans, 1, side(fake_session("")), (), side_by_side=side_by_side)
            measure_run(request, keeper(path), Listener(path), {plan.name: patience for plan in plans})
        # Each step of a launch that is compared with the oracle is asked for by itself.
        alone, all_steps = PLANS[0].steps, sum(plan.steps for plan in PLANS)
        assert waits == [*2 * alone * [3 + 60], *all_steps * [3 * 64 + 60]]

    def test_deadlines_are_those_of_the_plan(
        self, fake_session: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A step of tiny's reference took a second, which tells nothing of small."""
        waits: dict[str, set[float]] = {}

        def opened(self: Deadlines, operation: str, original: Any = Deadlines.wait, **terms: Any) -> Wait:
            found: Wait = original(self, operation, **terms)
            if operation == "take":
                waits.setdefault("tiny" if self.patience is patience else "other", set()).add(found.seconds)
            return found

        monkeypatch.setattr(Deadlines, "wait", opened)
        patience = Patience()
        patience.note("steps", 1.0)
        path = tmp_path / "run.json"
        request = RunRequest(PLANS, 1, side(fake_session("")), ())
        measure_run(request, keeper(path), Listener(path), {"tiny": patience})
        assert waits == {"tiny": {3 + 60}, "other": {300}}

    @pytest.mark.parametrize(("room", "at_once"), [(0.4, 1), (2.9, 2), (9.0, 4)])
    def test_as_many_are_at_work_as_have_memory(
        self, fake_session: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: float, at_once: int
    ) -> None:
        """Of four launches. Where one is at work at a time, their threads are the same."""
        pools = unittest.mock.Mock(wraps=ThreadPoolExecutor)
        monkeypatch.setattr("bench.drive.run.ThreadPoolExecutor", pools)
        path = tmp_path / "run.json"
        request = RunRequest(PLANS, 2, side(fake_session("")), (), side_by_side=64, room=room)
        found = measure_run(request, keeper(path), Listener(path))
        pools.assert_called_once_with(at_once)
        assert [record.environment.threads for record in found.records if record.environment] == [2, 1, 2, 1]

    def test_an_error_of_keep_ends_all(self, fake_session: Fake, tmp_path: Path, nothing_left: None) -> None:
        """Of two launches side by side the second never ends by itself."""
        hanging = SECOND_LAUNCH_HANGS.replace("1001", "71")

        def keep(run: Run) -> None:
            if run.records:
                raise OSError("the disk is full")

        listener = unittest.mock.Mock()
        with pytest.raises(OSError, match="the disk is full"):
            measure_run(RunRequest(PLANS[:1], 2, side(fake_session(hanging)), (), 70, side_by_side=2), keep, listener)
        assert listener.record.call_count == 0  # neither what isn't kept nor that one was killed is told

    @pytest.mark.parametrize(
        ("name", "original", "twice"),
        [
            ("kill_workers", kill_workers, False),
            ("kill_workers", kill_workers, True),
            ("_SoFar.stop", _SoFar.stop, True),
        ],
    )
    def test_ctrl_c_kills_all_at_once(
        self,
        fake_session: Fake,
        tmp_path: Path,
        nothing_left: None,
        monkeypatch: pytest.MonkeyPatch,
        name: str,
        original: Callable[..., None],
        twice: bool,
    ) -> None:
        """Two launches at work and two to come; sent by a thread when both are at work. A second one comes as what
        lives is about to be killed, or as it waits for what is being kept.
        """
        hanging = MEET.replace("return super", "time.sleep(1000)\n        return super")
        python, seconds = fake_session(hanging), iter([True] * twice)

        def interrupted(*given: Any) -> None:
            if next(seconds, False):
                raise KeyboardInterrupt
            original(*given)

        def interrupt() -> None:
            while len(list(tmp_path.glob("interpreter.*"))) < 2:
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGINT)

        kept: list[Run] = []
        monkeypatch.setattr(f"bench.drive.run.{name}", interrupted)
        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(KeyboardInterrupt):
            measure_run(RunRequest(PLANS, 2, side(python), (), side_by_side=2), kept.append, unittest.mock.Mock())
        thread.join()
        assert next(seconds, None) is None
        assert len(list(tmp_path.glob("interpreter.*"))) == 2  # no other was started
        assert [run.records for run in kept] == [()]


# Its second launch says that it has begun, by a file beside the interpreter, and never ends.
SECOND_LAUNCH_HANGS = """
class Session(Session):
    def open(self, **asked):
        if asked["jitter"] == 1001:
            open(sys.argv[0] + ".began", "w").close()
            time.sleep(1000)
        return super().open(**asked)
"""


# The command line, with the process at a path as the oracle's.
WITH_ORACLE = """
import sys
from bench.drive import oracle
oracle.INTERPRETER = sys.argv.pop(1)
from bench.cli import main
sys.exit(main())
"""


def test_ctrl_c_keeps_what_was_measured(fake_session: Fake, tmp_path: Path, temporary: Path) -> None:
    python, output = fake_session(SECOND_LAUNCH_HANGS), tmp_path / "out"
    options = ["--config", "tiny", "--launches", "2", "--python", python, "--output", str(output)]
    command = [sys.executable, "-c", WITH_ORACLE, oracle.INTERPRETER, "run", *options]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        wait_for(Path(f"{python}.began"), process)
        assert len(list(processes_of(temporary))) == 2  # the orchestrator and the worker
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=600)
    assert process.returncode == 4
    assert printed == ""
    assert [line for line in said.splitlines() if line.startswith("tfgate: ")] == [
        f"tfgate: error: interrupted: what was finished is kept in {output}"
    ]
    assert "Traceback" not in said
    run = read_record(Run, output / "run.json")
    assert [record.launch for record in run.records] == [0]
    assert run.incomplete == "the run was interrupted after 1 of 2 launches"
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
