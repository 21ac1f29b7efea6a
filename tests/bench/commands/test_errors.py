"""Exceptions to a line and an exit code."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.commands.errors import ENDING, Interrupted, guarded
from bench.commands.usage import UsageError
from bench.drive.lock import LockedError
from bench.drive.process import WorkerError
from bench.drive.requests import BuildError, ClusterError, RequestError
from bench.record.codec import FormatError
from bench.record.files import write_record
from bench.record.types import Failure
from tests.builders.records import records, run

ROOT = Path(__file__).resolve().parents[3]
# Python keeps what it prints until it has much, or ends, as it does for users.
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
NO_ROOM = OSError(errno.ENOSPC, "No space left on device", "/there/run.json")


def raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("--launches is 0"), 2, "--launches is 0"),
        (FormatError("run.json is damaged"), 2, "run.json is damaged"),
        (LockedError("process 7 measures"), 4, "process 7 measures"),
        (FileExistsError("run.json exists already"), 2, "run.json exists already"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "run.json"),
            2,
            "run.json: No such file or directory",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/there"), 2, "/there: Permission denied"),
        (NO_ROOM, 4, "/there/run.json: the disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), 4, "writing: the disk is full"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), 4, "this machine: Cannot allocate memory"),
        (
            BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
            4,
            "this machine: Resource temporarily unavailable",
        ),
        (OSError(errno.EMFILE, "Too many open files", "/there"), 4, "/there: Too many open files"),
        (OSError(errno.EIO, "Input/output error", "/there"), 4, "/there: Input/output error"),
        (OSError(errno.ESTALE, "Stale file handle", "/there"), 4, "/there: Stale file handle"),
        (OSError(errno.ENOTCONN, "Not connected", "/there"), 4, "/there: Not connected"),
        (WorkerError(Failure("crashed", "the worker was killed")), 4, "the worker was killed"),
        (RequestError("there is no such wheel file"), 2, "there is no such wheel file"),
        (BuildError("the environment can't be built"), 4, "the environment can't be built"),
        (ClusterError("the scheduler went away"), 4, "the scheduler went away"),
        (KeyboardInterrupt(), 4, "interrupted"),
        (Interrupted("interrupted: nothing is kept"), 4, "interrupted: nothing is kept"),
        (UsageError("two\nlines\x1b[2J"), 2, "two lines [2J"),
    ],
)
def test_each_error_is_one_line_and_a_code(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(error)) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"tfgate: error: {line}\n")


def test_an_error_of_our_own_making_is_shown_whole_and_is_no_regression(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(ZeroDivisionError("by nothing"))) == 4
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-2:] == [
        "ZeroDivisionError: by nothing",
        "tfgate: error: internal error of tfgate: please report the lines above",
    ]


def show(folder: Path, output: int, many: int = 50) -> subprocess.CompletedProcess[bytes]:
    write_record(folder / "run.json", run(records() * many))  # 50: more than a pipe holds
    command = [sys.executable, "-m", "bench", "show", str(folder), "--json"]
    return subprocess.run(command, cwd=ROOT, env=BUFFERED, stdout=output, stderr=subprocess.PIPE, check=False)


def test_a_reader_that_leaves_is_told_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    found = show(tmp_path, writer)
    os.close(writer)
    assert (found.returncode, found.stderr) == (4, b"")


on_a_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")


@on_a_full_disk
@pytest.mark.parametrize("many", [1, 50])
def test_an_output_on_a_full_disk_is_a_failure(tmp_path: Path, many: int) -> None:
    with open("/dev/full", "wb") as full:
        found = show(tmp_path, full.fileno(), many)
    assert (found.returncode, found.stderr) == (4, b"tfgate: error: writing: the disk is full\n")


@on_a_full_disk
@pytest.mark.parametrize("words", [(), ("frobnicate",)])
def test_an_error_that_can_t_be_written_is_no_regression(words: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "bench", *words]
        assert subprocess.run(command, cwd=ROOT, env=BUFFERED, stderr=full, check=False).returncode == 2


# A command at work with a folder that it has to clear away.
COMMAND = """
import signal, sys, tempfile, time
from bench.commands.errors import guarded

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # pytest may run under nohup

def command():
    with tempfile.TemporaryDirectory() as folder:
        print(folder, flush=True)
        time.sleep(1000)

sys.exit(guarded(command))
"""


@pytest.mark.parametrize("number", ENDING)
def test_a_cancelled_job_and_a_closed_terminal_end_as_ctrl_c_does(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    assert folder.is_dir()
    process.send_signal(number)
    assert process.communicate()[1] == "tfgate: error: interrupted\n"
    assert process.returncode == 4
    assert not folder.exists()


@pytest.mark.parametrize("number", ENDING)
def test_afterwards_a_signal_is_what_it_was(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    guarded(lambda: 0)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_as_the_process_ends_a_signal_changes_no_exit_code(number: signal.Signals) -> None:
    code = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"  # pytest may run under nohup
        "from bench.cli import main\n"
        "code = main()\n"
        f"os.kill(os.getpid(), {int(number)})\n"
        "sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "frobnicate"]
    assert subprocess.run(command, cwd=ROOT, stderr=subprocess.DEVNULL, check=False).returncode == 2


def test_under_nohup_a_closed_terminal_ends_nothing() -> None:
    def command() -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        return 0

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert guarded(command) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
