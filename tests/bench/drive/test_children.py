"""Programs that are started end with the process that started them, however it ends."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.drive.test_process import SECONDS, alive

ROOT = Path(__file__).resolve().parents[3]
# Starts a child that sleeps, stopped or not, and is killed.
KILLED = """
import os, signal, subprocess, sys
from bench.drive.children import ending_with_us
child = subprocess.Popen(["sleep", "1000"], preexec_fn=ending_with_us(), start_new_session=True)
if {stopped}:
    child.send_signal(signal.SIGSTOP)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_a_child_ends_when_its_parent_is_killed(stopped: bool) -> None:
    code = KILLED.format(stopped=stopped)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    deadline = time.monotonic() + SECONDS
    while alive(int(done.stdout)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
