"""Progress: a bar on a terminal, and where there is none a plain line for each launch."""

import dataclasses
import os
import pty
import sys
import threading

import pytest

from bench.commands.messages import say
from bench.commands.progress import RunProgress, UpgradeProgress
from bench.drive.launch import Launch
from bench.drive.plan import Plan
from bench.record.types import Failure
from tests.builders.paired import pair, paired_run
from tests.builders.records import SUBJECT, record
from tests.builders.so_far import so_far
from tests.builders.verdicts import comparison


def test_a_line_for_each_launch(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan("notebook", 10)
    failed = record(launch=1, failure=Failure("crashed", "killed\x1b[2J\nby SIGKILL"))
    again, untimed = (dataclasses.replace(record(launch=launch), step_seconds=()) for launch in (1, 2))
    with RunProgress([plan], 3) as progress:
        progress.step(plan, Launch(0), 5)
        for over, one in ((1, record()), (1, failed), (2, again), (3, untimed)):
            progress.record(one, over)
    # 300 tokens in 0.1 s
    assert capsys.readouterr().err.splitlines() == [
        f"[1/3] {SUBJECT.name} launch 1: 3,000 words/s; under a minute left",
        f"[1/3] {SUBJECT.name} launch 2: killed [2J by SIGKILL; under a minute left",
        f"[2/3] {SUBJECT.name} launch 2: done; under a minute left",
        f"[3/3] {SUBJECT.name} launch 3: done",
    ]


def test_a_line_for_each_phase_and_pair(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Also in a CI job, whose log is no terminal though it shows colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    failed = Failure("crashed", "killed\x1b[2J\nby SIGKILL")
    with UpgradeProgress(so_far()) as progress:
        progress.phase("speed", 12)
        progress.step(1)
        progress.pair(paired_run([pair(0, step=0.1)]))
        progress.pair(paired_run([pair(0), pair(1, failure=failed)]))
        progress.pair(paired_run([dataclasses.replace(pair(2), steps=())]))
    # noise of launch 0 (tests.builders.paired) on top of a tenth in logarithms
    assert capsys.readouterr().err.splitlines() == [
        "speed",
        "launch 1, all cores: step time +11.0%",
        "launch 2, all cores: the candidate failed: killed [2J by SIGKILL",
        "launch 3, all cores: step time –",
    ]


def test_a_launch_s_line_has_the_estimate_so_far_and_the_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    with UpgradeProgress(so_far([comparison("step time", 0.0, 0.03)], (120.0, 540.0))) as progress:
        progress.pair(paired_run([pair(0, step=0.1)]))
    assert capsys.readouterr().err.splitlines() == [
        "launch 1, all cores: step time +11.0%; last look +0.00% (95% CI -9.1% to +10.0%), margin 5.0%; 2 to 9 min left"
    ]


def test_a_terminal_s_bar_has_the_time_left_and_no_thread(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    before = threading.active_count()
    with UpgradeProgress(so_far(seconds=(120.0, 540.0))) as progress:
        progress.pair(paired_run([pair(0)]))
        progress.phase("launch 2", 12)
        assert threading.active_count() == before
    assert "launch 2, 2 to 9 min left" in capsys.readouterr().err


def test_a_terminal_that_goes_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a signal, as `disown` has it: each write to it fails."""
    for name, value in {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "120"}.items():
        monkeypatch.setenv(name, value)
    there, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with UpgradeProgress(so_far()) as progress:
            assert progress.on_terminal
            os.close(there)
            progress.phase("launch 2", 12)
            progress.pair(paired_run([pair(0)]))
        say("kept")
        stream.flush()
