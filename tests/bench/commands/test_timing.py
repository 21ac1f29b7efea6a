"""A timed command has this host to itself, from before its environments are built."""

import threading
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench.commands.timing import timing
from bench.drive.doctor import Finding
from bench.drive.lock import host_lock, lock_path
from tests.builders.commands import Tfgate, noisy_side
from tests.builders.locks import held_by_another, is_held

FOUND = (Finding("load", "2.0", "a load of 2.0"), Finding("swap", "0 MiB used"))


def test_the_machine_is_looked_at_under_the_lock_and_before_the_block_loads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[tuple[str, bool]] = []

    def examine() -> tuple[Finding, ...]:
        order.append(("looked at", is_held()))
        return FOUND

    monkeypatch.setattr("bench.commands.timing.examine", examine)
    with timing() as disturbed:
        order.append(("block", is_held()))
    assert order == [("looked at", True), ("block", True)]
    assert (disturbed, is_held()) == (("a load of 2.0",), False)


def test_what_is_not_timed_needs_no_lock_and_nothing_disturbs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.commands.timing.examine", lambda: FOUND)
    with host_lock(), timing(timed=False) as disturbed:
        assert disturbed == ()


def test_another_job_is_waited_for_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with held_by_another(lock_path()) as holder:
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            holder.kill()

        threading.Timer(0.2, kill).start()
        with timing():
            assert killed.is_set()
            assert is_held()
    said = f"process {holder.pid} is already measuring on this host ({lock_path()})"
    said += ": waiting for it, and for jobs that wait already\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    "words",
    [
        ["gate", "--from", "{a}", "--to", "{b}"],
        ["upgrade", "--from", "{a}", "--to", "{b}"],
        ["micro", "--from", "{a}", "--to", "{b}"],
        ["profile", "--from", "{a}", "--to", "{b}"],
        ["survey", "--from", "{a}", "--to", "{b}"],
        ["bisect", "--good", "{a}", "--bad", "{b}", "--metric", "step time"],
        ["blame", "--from", "2.20.0", "--to", "2.21.0", "--metric", "step time"],
    ],
    ids=lambda words: words[0],
)
def test_beside_another_timing_job_nothing_is_built_and_nothing_is_kept(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, monkeypatch: pytest.MonkeyPatch, words: Sequence[str]
) -> None:
    """A build would load the machine for that job's steps."""
    built: list[object] = []
    monkeypatch.setattr("bench.commands.sides.prepare", lambda what, *_, **__: built.append(what))
    monkeypatch.setattr("bench.commands.timing.say", Mock(side_effect=KeyboardInterrupt))  # Ctrl-C while it waits
    sides = {name: noisy_side(tmp_path / name) for name in "ab"}
    out = tmp_path / "out"
    with host_lock():
        found = tfgate(*(word.format(**sides) for word in words), "--baselines", baselines, "--output", out)
    assert (found.code, built) == (4, []), found
    assert not out.exists()
