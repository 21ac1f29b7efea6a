"""Workers as they should be, and every way in which a process can fail its orchestrator: named, reaped, nothing left
behind.
"""

import errno
import importlib.util
import itertools
import json
import os
import re
import selectors
import subprocess
import sys
import threading
import time
import unittest.mock
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.drive import process
from bench.drive.folders import sweep
from bench.drive.patience import Deadlines, Patience
from bench.drive.plan import Plan
from bench.drive.process import STDERR_TAIL_BYTES, Worker, WorkerError, kill_workers
from bench.record.lockstep import Prepared
from bench.record.paired import CANDIDATE, REFERENCE
from bench.record.replies import Description
from bench.record.types import DIVERGED, NO_ORACLE, NO_ROOM, NO_TENSORFLOW, OWN_CODE, UNCOMPILED, Failure, Memory
from tests.builders.cluster import lives, wait_until
from tests.builders.fake_interpreter import Fake
from tests.builders.programs import write_program

pytestmark = pytest.mark.usefixtures("nothing_left")

ROOT = Path(__file__).resolve().parents[3]
SECONDS = 600.0  # deadline of what should be over soon; long, for machines that do other things as well


def failure_of(python: str, operation: str = "work", seconds: float | None = None, kind: Any = None) -> Failure:
    """How a worker of that interpreter fails an operation."""
    with pytest.raises(WorkerError) as caught, Worker(python, "tensorflow") as worker:
        worker.request(kind, operation, seconds=seconds)
    assert str(caught.value) == caught.value.failure.message
    return caught.value.failure


def reply_of(python: str, kind: Any) -> Any:
    with Worker(python, "tensorflow") as worker:
        return worker.request(kind, "work")


class TestFailures:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ("os.kill(os.getpid(), signal.SIGSEGV)", "the worker was killed by SIGSEGV during work"),
            (
                "os.kill(os.getpid(), signal.SIGKILL)",
                "the worker was killed by SIGKILL (as the kernel does when memory runs out) during work",
            ),
            ("os.kill(os.getpid(), signal.SIGRTMIN + 2)", "the worker was killed by signal 36 during work"),
            ("os.abort()", "the worker was killed by SIGABRT during work"),
            ("os._exit(3)", "the worker exited with code 3 during work"),
            ("os._exit(0)", "the worker exited with code 0 during work"),
            ("send('{\"reply\": '); os._exit(0)", "the worker exited with code 0 during work"),
            (
                "1 / 0",
                "the worker exited with code 1 during work; its last output: ZeroDivisionError: division by zero",
            ),
        ],
        ids=[
            "SIGSEGV",
            "SIGKILL",
            "a signal without a name",
            "abort",
            "exit code",
            "exit",
            "half a line",
            "exception outside a request",
        ],
    )
    def test_a_process_that_ends_has_crashed(self, fake_interpreter: Fake, body: str, message: str) -> None:
        failure = failure_of(fake_interpreter(body))
        assert (failure.kind, failure.message) == ("crashed", message)

    def test_the_end_of_what_it_printed_is_kept(self, fake_interpreter: Fake) -> None:
        """Both streams count: TensorFlow prints to either. The last 4,000 bytes of 9,000 numbered lines are kept."""
        body = (
            "for n in range(9000): print(n, file=(sys.stdout, sys.stderr)[n % 2], flush=True)\n"
            "print('\\n', flush=True); os._exit(7)"
        )
        failure = failure_of(fake_interpreter(body))
        assert failure.message == "the worker exited with code 7 during work; its last output: 8999"
        assert failure.stderr_tail.endswith("8997\n8998\n8999\n\n\n")
        assert len(failure.stderr_tail) == STDERR_TAIL_BYTES == 4000

    def test_a_process_that_has_ended_before_it_is_asked_has_crashed(self, fake_interpreter: Fake) -> None:
        with Worker(fake_interpreter("send('{\"reply\": null}\\n'); os._exit(5)"), "tensorflow") as worker:
            worker.request(None, "first")
            with pytest.raises(WorkerError) as caught:
                worker.request(None, "second")
        assert caught.value.failure == Failure("crashed", "the worker exited with code 5 during second")

    def test_a_process_that_says_nothing_in_time_hangs(self, fake_interpreter: Fake) -> None:
        failure = failure_of(fake_interpreter("print('at work', flush=True); time.sleep(1000)"), seconds=0.3)
        assert (failure.kind, failure.message) == ("hung", "the worker did not respond for 0 s during work")

    @pytest.mark.parametrize(
        ("body", "seconds", "message"),
        [
            ("time.sleep(1000)", 0.1, "the worker did not respond for 0 s during work; the reference took 0.1 s"),
            ("os._exit(3)", 100.0, "the worker exited with code 3 during work"),
        ],
        ids=["hangs", "crashes"],
    )
    def test_the_reference_s_time_is_told_of_a_candidate_that_hangs(
        self, fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch, body: str, seconds: float, message: str
    ) -> None:
        monkeypatch.setattr("bench.drive.patience.GRACE_SECONDS", 0.0)
        patience = Patience()
        patience.note("work", seconds)
        deadlines = Deadlines(patience, CANDIDATE)
        python = fake_interpreter(body)
        with pytest.raises(WorkerError) as caught, Worker(python, "tensorflow", deadlines=deadlines) as worker:
            worker.request(None, "work")
        assert caught.value.failure.message == message

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            (None, "the oracle failed: interpreter "),
            ("os._exit(3)", "the oracle failed: the worker exited with code 3 during work"),
            ("send('noise\\n')", "the oracle failed: the worker wrote b'noise' where its reply to work should be"),
            (
                """send('{"error": {"type": "ModelError", "message": "no data", "traceback": ""}}\\n')""",
                "the oracle failed: no data",
            ),
        ],
        ids=["not started", "ended", "garbage", "raised"],
    )
    def test_a_process_that_is_named_fails_under_its_name_and_as_its_kind(
        self, fake_interpreter: Fake, tmp_path: Path, body: str | None, message: str
    ) -> None:
        python = fake_interpreter(body) if body else str(tmp_path / "missing")
        with (
            pytest.raises(WorkerError) as caught,
            Worker(python, "oracle", whose="the oracle", failing_as=NO_ORACLE) as worker,
        ):
            worker.request(None, "work")
        assert caught.value.failure.kind == NO_ORACLE
        assert caught.value.failure.message.startswith(message)

    def test_a_process_that_says_nothing_more_hangs(self, fake_interpreter: Fake) -> None:
        failure = failure_of(fake_interpreter("send('{\"event\": 1}\\n'); time.sleep(1000)"), seconds=0.3)
        assert failure.kind == "hung"

    def test_each_event_starts_the_silence_anew(self, fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of the reference no silence is noted as longer than between two events. Each reading moves the clock."""
        waits: list[float | None] = []

        class Selector(selectors.DefaultSelector):
            def select(self, timeout: float | None = None) -> Any:
                waits.append(timeout)
                return super().select()

        python = fake_interpreter("for n in range(50): send('{\"event\": 1}\\n')\nsend('{\"reply\": 7}\\n')")
        patience = Patience()
        monkeypatch.setattr("bench.drive.patience.ALONE_SECONDS", 5.0)
        with Worker(python, "tensorflow", deadlines=Deadlines(patience, REFERENCE)) as worker:
            worker.send("work")
            clock = itertools.count()
            with monkeypatch.context() as patched:
                patched.setattr("bench.drive.process.selectors.DefaultSelector", Selector)
                patched.setattr(time, "monotonic", lambda: next(clock))
                assert worker.receive(int, "work") == 7
        assert set(waits) == {5.0}
        assert 0 < (patience.longest("work") or 0) < 10

    def test_a_pause_of_our_own_is_nobody_s_silence(
        self, fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As of Ctrl-Z: a wait ends late, when what it waited for has come, and says that there is nothing."""

        waits: list[float | None] = []

        class Paused(selectors.DefaultSelector):
            def select(self, timeout: float | None = None) -> Any:
                waits.append(timeout)
                found = super().select()
                return [] if timeout else found

        python = fake_interpreter("send('{\"reply\": 7}\\n')")
        monkeypatch.setattr("bench.drive.process.selectors.DefaultSelector", Paused)
        with Worker(python, "tensorflow") as worker:
            assert worker.request(int, "work", seconds=15.0) == 7
        assert waits == [10.0, 5.0, 0]  # of a pause of any length, ten seconds count

    def test_a_process_that_closes_its_pipe_but_lives_is_ended(
        self, fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process, "CLOSE_SECONDS", 0.1)
        failure = failure_of(fake_interpreter("os.close(replies); time.sleep(1000)"))
        assert failure == Failure("crashed", "the worker closed its pipe during work")

    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("Segmentation fault?", "the worker wrote b'Segmentation fault?' where its reply to work should be"),
            ("\\xff\\xfe", "where its reply to work should be"),
            ("", "the worker wrote b'' where"),
            ("[1]", "the worker wrote b'[1]' where"),
            ("{}", "the worker wrote b'{}' where its reply to work should be"),
            ('{"answer": 1}', "the worker wrote b'{\"answer\": 1}' where"),
            (
                '{"error": 1}',
                "the worker's reply to work is not what it should be: the whole: expected an object, found 1",
            ),
            (
                '{"error": {"type": "E"}}',
                "the worker's reply to work is not what it should be: Raised: field 'message' is missing",
            ),
            (
                '{"reply": {"peak_rss_bytes": 1}}',
                "not what it should be: Memory: field 'slope_bytes_per_step' is missing",
            ),
            (
                '{"reply": {"peak_rss_bytes": 1.5, "slope_bytes_per_step": 0}}',
                "peak_rss_bytes: expected an integer of at least 0, found 1.5",
            ),
        ],
    )
    def test_what_is_no_reply_is_garbage(self, fake_interpreter: Fake, line: str, found: str) -> None:
        failure = failure_of(fake_interpreter(f"os.write(replies, b'''{line}\\n'''); time.sleep(1000)"), kind=Memory)
        assert failure.kind == "garbage"
        assert found in failure.message

    def test_an_interpreter_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        missing = str(tmp_path / "no" / "python")
        wanted = f"interpreter {missing} can't be started: No such file or directory; name another"
        assert failure_of(missing) == Failure(NO_TENSORFLOW, wanted)

    def test_an_interpreter_that_is_no_program_is_named(self, tmp_path: Path) -> None:
        assert (
            failure_of(str(tmp_path)).message
            == f"interpreter {tmp_path} can't be started: Permission denied; name another"
        )

    @pytest.mark.parametrize(
        "code", [errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE]
    )
    @pytest.mark.parametrize(("thing", "name"), [(Path, "mkdir"), (Path, "symlink_to"), (subprocess, "Popen")])
    def test_an_exhausted_machine_is_not_the_interpreters_fault(
        self, fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch, thing: Any, name: str, code: int
    ) -> None:
        """No WorkerError, which could be judged: the system's own error, and nothing left behind."""
        python = fake_interpreter("send('{\"reply\": 1}\\n')")
        refused = OSError(code, os.strerror(code))
        with monkeypatch.context() as patched:
            patched.setattr(thing, name, unittest.mock.Mock(side_effect=refused))
            with pytest.raises(OSError, match=re.escape(os.strerror(code))) as caught:
                Worker(python, "tensorflow")
        assert caught.value.errno == code

    def test_what_the_system_has_against_an_interpreter_is_the_interpreters(
        self, fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused = OSError(errno.ENOEXEC, "Exec format error")
        monkeypatch.setattr(subprocess, "Popen", unittest.mock.Mock(side_effect=refused))
        assert "can't be started: Exec format error" in failure_of(fake_interpreter("")).message

    @pytest.mark.skipif(importlib.util.find_spec("tensorflow") is not None, reason="this Python has a TensorFlow")
    def test_an_interpreter_without_tensorflow_is_named_with_the_remedy(self) -> None:
        failure = failure_of(sys.executable, "describe", kind=Description)
        assert failure.kind == NO_TENSORFLOW
        assert failure.message.startswith(f"{sys.executable}: No module named 'tensorflow'; install TensorFlow there")

    def test_an_exception_in_a_request_comes_with_its_traceback(self) -> None:
        with Worker(sys.executable, "referee") as worker:
            with pytest.raises(WorkerError) as caught:
                worker.request(None, "prepare", **Plan("huge", 1).data())
            failure = caught.value.failure
            assert failure.kind == "exception"
            assert failure.message.startswith("ConfigError: no configuration is called 'huge'")
            assert failure.stderr_tail.startswith("Traceback (most recent call last)")
            with pytest.raises(WorkerError, match="AttributeError: 'Session' object has no attribute 'fly'"):
                worker.request(None, "fly")

    @pytest.mark.parametrize(
        "message",
        [
            "[Errno 28] No space left on device: 'weights.h5'",
            "[Errno 122] Disk quota exceeded",
            "Can't decrement id ref count (unable to close file, errno = 28, error message = '…')",
            "weights.data; No space left on device",
        ],
    )
    def test_a_full_disk_is_the_machine_s(self, fake_interpreter: Fake, message: str) -> None:
        raised = json.dumps({"error": {"type": "RuntimeError", "message": message, "traceback": ""}})
        failure = failure_of(fake_interpreter(f"send({raised!r} + '\\n')"))
        assert (failure.kind, failure.message) == (NO_ROOM, f"RuntimeError: {message}")

    @pytest.mark.parametrize(
        ("kind", "of", "message"),
        [
            ("DivergenceError", DIVERGED, "DivergenceError: no data"),
            ("CompilationError", UNCOMPILED, "CompilationError: no data"),
            ("ModelError", OWN_CODE, "no data"),
            ("MachineError", "exception", "no data"),
            ("PreloadError", NO_TENSORFLOW, "no data"),
        ],
    )
    def test_what_decides_something_is_known_by_its_kind(
        self, fake_interpreter: Fake, kind: str, of: str, message: str
    ) -> None:
        """A fault of a user's own file or library, or of the machine, is told in its own words."""
        error = {"type": kind, "message": "no data", "traceback": ""}
        failure = failure_of(fake_interpreter(f"send({json.dumps({'error': error})!r} + '\\n')"))
        assert (failure.kind, failure.message) == (of, message)


class TestReplies:
    def test_a_real_worker_answers_again_and_again(self) -> None:
        with Worker(sys.executable, "referee") as worker:
            tiny, notebook = (
                worker.request(Prepared, "prepare", **Plan(name, 1).data()) for name in ("tiny", "notebook")
            )
        assert tiny.tensors == notebook.tensors
        assert 0 < tiny.bytes < notebook.bytes

    def test_a_reply_larger_than_a_pipe_holds(self, fake_interpreter: Fake) -> None:
        numbers = reply_of(
            fake_interpreter("send(json.dumps({'reply': list(range(100000))}) + '\\n')"), tuple[int, ...]
        )
        assert numbers == tuple(range(100000))

    def test_events_come_in_order_before_the_reply(self, fake_interpreter: Fake) -> None:
        """In one write, and cut in the middle of a character."""
        python = fake_interpreter(
            "text = ''.join(json.dumps({'event': n}) + '\\n' for n in range(500)) + '{\"reply\": \"\\u00e4\"}\\n'\n"
            "data = text.encode(); os.write(replies, data[:-4]); time.sleep(0.1); os.write(replies, data[-4:])"
        )
        heard: list[int] = []
        with Worker(python, "tensorflow") as worker:
            assert worker.request(str, "work", on_event=heard.append) == "ä"
        assert heard == list(range(500))

    def test_the_request_is_what_was_asked(self, fake_interpreter: Fake) -> None:
        with Worker(
            fake_interpreter("send(json.dumps({'reply': {'kind': kind, **request}}) + '\\n')"), "referee"
        ) as worker:
            asked = worker.request(dict[str, str], "work", config="tiny")
        assert asked == {"kind": "referee", "op": "work", "config": "tiny"}


class TestTurns:
    """A thread that works on after the reply takes time from nobody's turn but its own process'."""

    BUSY = (
        "import threading\nseen = [0]\n"
        "def work():\n    while True: seen[0] += 1\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "line = ''\n"
        "while 'close' not in line:\n"
        "    send(json.dumps({'reply': seen[0]}) + '\\n'); line = requests.readline()\n"
    )

    def test_a_worker_that_takes_turns_is_stopped_between_them(self, fake_interpreter: Fake) -> None:
        with Worker(fake_interpreter(self.BUSY), "tensorflow", takes_turns=True) as worker:
            worker.request(int, "work")
            before = ticks(worker)
            time.sleep(0.3)
            assert ticks(worker) - before <= 3  # of some 30: what it was at when the signal came, as the kernel counts
            worker.request(int, "work")

    def test_others_work_on(self, fake_interpreter: Fake) -> None:
        with Worker(fake_interpreter(self.BUSY), "tensorflow") as worker:
            worker.request(int, "work")
            before, deadline = ticks(worker), time.monotonic() + SECONDS
            while ticks(worker) - before < 5:
                assert time.monotonic() < deadline
                time.sleep(0.01)


def ticks(worker: Worker) -> int:
    """CPU time of the worker's process, in clock ticks."""
    fields = Path(f"/proc/{worker._process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


class TestEnd:
    def test_a_worker_that_will_not_close_is_killed(
        self, fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process, "CLOSE_SECONDS", 0.1)
        assert reply_of(fake_interpreter("send('{\"reply\": 1}\\n'); time.sleep(1000)"), int) == 1

    def test_a_worker_is_killed_with_its_children(self, fake_interpreter: Fake) -> None:
        python = fake_interpreter(
            "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\n"
            "send(json.dumps({'reply': [os.getpid(), child.pid]}) + '\\n')\n"
            "time.sleep(1000)"
        )
        worker = Worker(python, "tensorflow")
        pids = worker.request(tuple[int, ...], "work")
        assert all(map(lives, pids))
        worker.kill()
        wait_until(lambda: not any(map(lives, pids)))  # the child is for the system to reap, in its own time

    def test_an_error_in_the_block_kills_it_without_a_question(self, fake_interpreter: Fake) -> None:
        """Asked to close, it would leave a file before it ends."""
        python = fake_interpreter(
            "send('{\"reply\": 1}\\n'); requests.readline(); open(sys.argv[0] + '.asked', 'w').close()"
        )
        worker = Worker(python, "tensorflow")
        worker.request(int, "work")
        with pytest.raises(KeyboardInterrupt), worker:
            raise KeyboardInterrupt
        assert not Path(f"{python}.asked").exists()
        with Worker(python, "tensorflow") as worker:
            worker.request(int, "work")
        assert Path(f"{python}.asked").exists()

    def test_a_worker_that_is_stopped_goes_on_to_close(self, fake_interpreter: Fake) -> None:
        """Or it would be killed ten seconds later, and a launch that much longer."""
        python = fake_interpreter(
            "send('{\"reply\": 1}\\n'); requests.readline(); open(sys.argv[0] + '.asked', 'w').close()"
        )
        with Worker(python, "tensorflow", takes_turns=True) as worker:
            worker.request(int, "work")
        assert Path(f"{python}.asked").exists()

    def test_ctrl_c_while_it_closes_ends_it_too(self, fake_interpreter: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
        python = fake_interpreter(
            "send(json.dumps({'reply': os.getpid()}) + '\\n'); requests.readline()\n"
            "os.kill(os.getppid(), signal.SIGINT); time.sleep(1000)"
        )
        with pytest.raises(KeyboardInterrupt), Worker(python, "tensorflow") as worker:
            pid = worker.request(int, "work")
        assert not lives(pid)

    def test_all_workers_are_killed_at_once(self, fake_interpreter: Fake) -> None:
        """Each in a thread of its own, which hears of it; also a process that is stopped."""
        python = fake_interpreter(
            "send(json.dumps({'reply': os.getpid()}) + '\\n'); requests.readline(); time.sleep(1000)"
        )
        began = threading.Barrier(3)

        def drive(takes_turns: bool) -> tuple[int, Failure]:
            with Worker(python, "tensorflow", takes_turns=takes_turns) as worker:
                pid = worker.request(int, "work")
                began.wait()
                with pytest.raises(WorkerError) as caught:
                    worker.receive(int, "more")
            return pid, caught.value.failure

        with ThreadPoolExecutor() as pool:
            driven = pool.map(drive, (False, True))
            began.wait()
            kill_workers()
            for pid, failure in driven:
                assert (failure.kind, lives(pid)) == ("crashed", False)
                assert "was killed by SIGKILL" in failure.message
        kill_workers()  # none is left to be killed

    @pytest.mark.parametrize("takes_turns", [False, True])
    def test_a_worker_ends_when_its_orchestrator_is_killed(self, takes_turns: bool) -> None:
        """Even one that is stopped, and hears of nothing. Its folder alone stays behind, until the next command."""
        script = ORCHESTRATOR.format(takes_turns=takes_turns)
        killed = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        pid, folder = killed.communicate(timeout=SECONDS)[0].split()
        wait_until(lambda: not lives(int(pid)))
        assert Path(folder).is_dir()
        sweep()
        assert not Path(folder).exists()

    def test_a_worker_that_is_stopped_before_its_first_line_ends_with_its_orchestrator(self, tmp_path: Path) -> None:
        python = write_program(tmp_path / "python", "#!/bin/sh\nkill -STOP $$\n")
        script = STOPPED_EARLY.format(python=python)
        killed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
        wait_until(lambda: not lives(int(killed.stdout)))
        sweep()


# Kills itself once its worker has stopped itself.
STOPPED_EARLY = """
import os
from bench.drive.process import Worker
worker = Worker({python!r}, "tensorflow")
os.waitid(os.P_PID, worker._process.pid, os.WSTOPPED | os.WNOWAIT)
print(worker._process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


# Kills itself while its worker is at work, or stopped.
ORCHESTRATOR = """
import os, sys
from bench.drive.process import Worker
worker = Worker(sys.executable, "referee", takes_turns={takes_turns})
worker.request(None, "prepare", config="tiny", corpus="synthetic", corpus_path=None)
print(worker._process.pid, worker._home, flush=True)
if not {takes_turns}:
    os.write(worker._commands, b'{{"op": "prepare", "config": "large", "corpus": "synthetic", "corpus_path": null}}\\n')
os.kill(os.getpid(), 9)
"""
