"""A timed command has this host to itself, from before its environments are built."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench.commands import clustered, searches
from bench.commands.timing import timing
from bench.drive.doctor import Finding
from bench.drive.lock import LockedError, host_lock
from tests.builders.commands import Tfgate, noisy_side

FOUND = (Finding("load", "2.0", "a load of 2.0"), Finding("swap", "0 MiB used"))


def is_held() -> bool:
    """Tells whether a timing job has this host."""
    try:
        with host_lock():
            return False
    except LockedError:
        return True


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


@pytest.mark.parametrize("wait", [False, True])
def test_it_waits_for_another_job_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, wait: bool) -> None:
    asked: list[bool] = []

    def lock(*, wait: bool) -> contextlib.AbstractContextManager[None]:
        asked.append(wait)
        return contextlib.nullcontext()

    monkeypatch.setattr("bench.commands.timing.host_lock", lock)
    with timing(wait=wait):
        pass
    assert asked == [wait]


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
    sides = {name: noisy_side(tmp_path / name) for name in "ab"}
    out = tmp_path / "out"
    with host_lock():
        found = tfgate(*(word.format(**sides) for word in words), "--baselines", baselines, "--output", out)
    assert (found.code, built) == (4, []), found
    assert "is already measuring on this host" in found.error
    assert not out.exists()


def test_a_cluster_s_host_waits_for_another_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    waits: list[bool] = []

    def recorded(*, timed: bool = True, wait: bool = False) -> contextlib.AbstractContextManager[tuple[str, ...]]:
        waits.append(wait)
        raise LockedError("another job")

    for module in ("clustered", "searches"):
        monkeypatch.setattr(f"bench.commands.{module}.timing", recorded)
    assert clustered.compare(tmp_path, Mock()) == searches._on_this_host(tmp_path, Mock(), Mock(), Mock()) == 4
    assert waits == [True, True]
