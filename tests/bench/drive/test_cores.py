"""The core that one-core launches are pinned to, on machines made of a folder."""

import errno
import os
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench.drive.cores import PinnedCore, core_to_pin, keeping_to
from bench.machine import affinity


def machine(root: Path, monkeypatch: pytest.MonkeyPatch, cpus: set[int], siblings: dict[int, str]) -> Path:
    """A machine on which this process may use these CPUs, with what the kernel tells of their hardware threads."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: cpus)
    monkeypatch.setattr(os, "sched_setaffinity", lambda thread, wanted: None)
    for cpu, text in siblings.items():
        folder = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("cpus", "siblings", "expected"),
    [
        ({0, 1}, {1: "1"}, PinnedCore(1, (0,), shared=False)),
        ({0, 1, 2, 3}, {3: "2-3"}, PinnedCore(3, (0, 1), shared=False)),
        ({0, 1, 2, 3}, {3: "1,3"}, PinnedCore(3, (0, 2), shared=False)),
        ({0, 1}, {1: "0-1"}, PinnedCore(1, (0,), shared=True)),
        ({4, 6}, {}, PinnedCore(6, (4,), shared=False)),
        ({0, 1}, {1: "nonsense"}, PinnedCore(1, (0,), shared=False)),
    ],
    ids=[
        "two cores",
        "four threads",
        "numbered apart",
        "two threads of one core",
        "the kernel tells nothing",
        "damaged",
    ],
)
def test_the_last_core_is_pinned_and_the_orchestrator_keeps_off_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cpus: set[int],
    siblings: dict[int, str],
    expected: PinnedCore,
) -> None:
    assert core_to_pin(machine(tmp_path, monkeypatch, cpus, siblings)) == expected


def test_one_core_alone_is_none_to_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert core_to_pin(machine(tmp_path, monkeypatch, {3}, {})) is None


def test_a_proc_that_does_not_show_this_process_has_none_to_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a PID namespace that /proc isn't of: its numbers are those of other threads."""
    monkeypatch.setattr(threading, "get_native_id", lambda: 0)
    assert core_to_pin(machine(tmp_path, monkeypatch, {0, 1}, {})) is None


def test_where_the_system_refuses_to_pin_there_is_none_to_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a sandbox may: it is asked once, and everything is put back."""
    asked: list[set[int]] = []

    def refuse(thread: int, wanted: set[int] | tuple[int, ...]) -> None:
        asked.append(set(wanted))
        if len(wanted) == 1:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    root = machine(tmp_path, monkeypatch, {0, 1, 2}, {})
    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    assert core_to_pin(root) is None
    assert (asked[0], asked[-1]) == ({2}, {0, 1, 2})


def test_a_core_that_can_be_pinned_is_tried_and_left_again() -> None:
    before = affinity()
    pinned = core_to_pin()
    if pinned is None:
        pytest.skip("no core can be pinned here")
    assert (pinned.core, affinity()) == (before[-1], before)


def test_a_refusal_is_heard_and_the_block_goes_on() -> None:
    """Before the block, and after it where the CPUs have changed meanwhile."""
    heard: list[OSError] = []
    with keeping_to({max(affinity()) + 1000}, heard.append):
        assert [error.errno for error in heard] == [errno.EINVAL]
    assert len(heard) == 1
    with pytest.MonkeyPatch.context() as patched, keeping_to(affinity(), heard.append):
        patched.setattr("bench.drive.cores.pin", Mock(side_effect=OSError(errno.EINVAL, "Invalid argument")))
    assert len(heard) == 2


def test_every_thread_keeps_to_the_cores_for_the_block_alone() -> None:
    """A thread that was there before, too: a progress bar has one."""
    before, last = affinity(), {affinity()[-1]}
    started, stop = threading.Event(), threading.Event()
    found: list[int] = []

    def run() -> None:
        found.append(threading.get_native_id())
        started.set()
        stop.wait()

    thread = threading.Thread(target=run)
    thread.start()
    started.wait()
    try:
        with keeping_to(last, Mock(side_effect=AssertionError)):
            assert os.sched_getaffinity(found[0]) == last == os.sched_getaffinity(0)
        assert os.sched_getaffinity(found[0]) == set(before)
    finally:
        stop.set()
        thread.join()
