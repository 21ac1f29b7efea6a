"""Calls on a Dask cluster: real scheduler and worker processes, some of which are killed. No time is judged."""

import functools
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.builders.cluster import Processes, failing, lives, meeting, noted, wait_until

distributed = pytest.importorskip("distributed", reason="Dask is missing: tfgate[cluster] has it")

from bench.drive import cluster  # noqa: E402  # which imports Dask
from bench.drive.cluster import Done, connected, results  # noqa: E402
from bench.drive.requests import ClusterError  # noqa: E402

HOSTS = ("one", "two", "three")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a scheduler in this process, with a host that has two threads and one timing slot; neither dies."""
    host = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "resources": {"timing": 1}}
    with distributed.LocalCluster(**host, dashboard_address=None) as found:
        yield found.scheduler_address


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """A scheduler with three hosts."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 30.0)  # the scheduler is being started
    found = Processes(tmp_path / "hosts", *HOSTS)
    yield found
    found.end()


class Log:
    """Returns what calls have noted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, name: str, seconds: float) -> cluster.Call:
        """Returns a call that takes so long; two at a time on one host would find its lock taken, and fail."""
        return noted, (str(self._path), name, seconds)

    def lines(self, what: str) -> list[tuple[str, str, int]]:
        """Returns what began or ended: (call, host, process)."""
        words = [line.split() for line in self._path.read_text().splitlines()] if self._path.exists() else []
        return [(name, host, int(pid)) for kind, name, host, pid in words if kind == what]

    def wait_for_end_of(self, name: str) -> None:
        """Returns once the process of a call, which has begun once, is no more."""
        (pid,) = (pid for one, _, pid in self.lines("begin") if one == name)
        wait_until(lambda: not lives(pid))


def test_a_call_is_over_once_and_one_that_fails_says_why(address: str, tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    left = {"call": log.call("call", 0), "said": (failing, ("first\ntfgate: error: the disk is full\n",))}
    found: dict[str, Done] = {}
    with connected(address, print) as client:
        for name, done in results(client, lambda: left):
            del left[name]
            found[name] = done
    assert found["call"] == Done({"name": b"call"})
    assert found["said"].problem.startswith("the disk is full (on ")


def test_calls_that_time_nothing_take_every_thread_and_leave_folders(address: str, tmp_path: Path) -> None:
    """Two that wait for each other end, where only one could be timed."""
    (tmp_path / "place").mkdir()
    left = {name: (meeting, (str(tmp_path / "place"), name)) for name in ("one", "other")}
    found: dict[str, Done] = {}
    with connected(address, print) as client:
        for name, done in results(client, lambda: left, timed=False):
            del left[name]
            found[name] = done
    assert found == {name: Done({f"deep/{name}": b""}) for name in ("one", "other")}


@pytest.mark.slow
def test_calls_are_over_once_whatever_dies_meanwhile(hosts: Processes, tmp_path: Path) -> None:
    """First a host dies, then a call isn't wanted any more, then Ctrl-C comes, at last the scheduler dies."""
    log, said = Log(tmp_path / "log"), list[str]()

    with connected(hosts.address, said.append) as client:
        client.wait_for_workers(3, timeout=30)
        a_host_dies(client, hosts, log)
        a_call_is_not_wanted_any_more(client, log)
    ends: tuple[tuple[str, type[BaseException], Callable[[], None]], ...] = (
        ("cut", KeyboardInterrupt, lambda: signal.raise_signal(signal.SIGINT)),
        ("last", ClusterError, lambda: hosts.kill("scheduler")),
    )
    for name, error, end in ends:
        with pytest.raises(error, match="went away: continue by --resume" if error is ClusterError else None):
            one_call_is_never_over(hosts.address, log, name, end)
        log.wait_for_end_of(name)
    assert all(f"`dask worker {hosts.address} --resources timing=1 --nthreads 1`" in line for line in said)


def a_host_dies(client: Any, hosts: Processes, log: Log) -> None:
    """Of nine calls and two that fail each is over once. A seed chose the host and its moment after the first call."""
    seed = random.Random(19)
    left = {f"call{number}": log.call(f"call{number}", 0.2) for number in range(9)}
    left |= {"said": (failing, ("first\ntfgate: error: the disk is full\n",)), "silent": (failing, ("",))}
    victim = seed.choice(HOSTS)
    killer = threading.Timer(seed.uniform(0.0, 1.0), hosts.kill, [victim])
    found: list[tuple[str, Done]] = []
    for name, done in results(client, lambda: left):
        if not found:
            killer.start()
        del left[name]
        found.append((name, done))
    killer.join()
    by_name = dict(found)
    assert len(by_name) == len(found)
    calls = {name: done for name, done in by_name.items() if name.startswith("call")}
    assert calls == {f"call{number}": Done({"name": f"call{number}".encode()}) for number in range(9)}
    assert by_name["said"].problem.startswith("the disk is full (on ")
    assert by_name["silent"].problem.startswith("exited with code 4 (on ")
    assert {host for _, host, _ in log.lines("begin")} == {*HOSTS}
    cut = set(log.lines("begin")) - set(log.lines("end"))
    assert {host for _, host, _ in cut} <= {victim}
    assert not any(lives(pid) for _, _, pid in cut)


def a_call_is_not_wanted_any_more(client: Any, log: Log) -> None:
    """It is ended, and what is wanted instead is measured."""
    left = {"long": log.call("long", 600), "short": log.call("short", 0)}
    for name, _ in results(client, lambda: left):
        left.clear()
        if name == "short":
            left["next"] = log.call("next", 0)
    assert log.lines("end")[-1][0] == "next"
    log.wait_for_end_of("long")


def one_call_is_never_over(address: str, log: Log, name: str, end: Callable[[], None]) -> None:
    """Has something end it once it has begun."""

    def later() -> None:
        wait_until(lambda: any(one == name for one, _, _ in log.lines("begin")))
        end()

    ending = threading.Thread(target=later)
    ending.start()
    with connected(address, print) as client:
        for _ in results(client, lambda: {name: log.call(name, 600)}):
            pytest.fail("it can't be over")
    ending.join()


def test_a_call_that_kills_its_workers_or_can_not_be_read_there_says_so() -> None:
    """Dask gives up after three deaths beyond the first."""
    errors = (distributed.KilledWorker("call", None, 3), ModuleNotFoundError("No module named 'bench'"))
    futures = [SimpleNamespace(status="error", exception=functools.partial(lambda one: one, error)) for error in errors]
    assert [cluster._done(future) for future in futures] == [
        Done({}, "4 workers died while they measured this"),
        Done({}, "a host can't run this (ModuleNotFoundError: No module named 'bench'): install the same tfgate there"),
    ]
