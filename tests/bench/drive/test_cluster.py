"""Calls on a Dask cluster: real scheduler and worker processes, some of which are killed. No time is judged."""

import functools
import itertools
import json
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.builders.cluster import (
    PATIENCE_SECONDS,
    Processes,
    failing,
    holding,
    lives,
    meeting,
    noted,
    silent,
    stuck_once,
    variables,
    wait_until,
)

distributed = pytest.importorskip("distributed", reason="Dask is missing: tfgate[cluster] has it")

from bench.drive import cluster  # noqa: E402  # which imports Dask
from bench.drive.cluster import Done, Hosts, connected, local_scheduler  # noqa: E402
from bench.drive.requests import ClusterError  # noqa: E402


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a scheduler in this process, with a host that has two threads and one timing slot; neither dies."""
    host = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "resources": {"timing": 1}}
    with distributed.LocalCluster(**host, dashboard_address=None) as found:
        yield found.scheduler_address


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    """A scheduler with two hosts."""
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", PATIENCE_SECONDS)  # the scheduler is being started
    found = Processes(tmp_path / "hosts", "one", "two")
    yield found
    found.end()


class Log:
    """Returns what calls have noted."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, name: str, seconds: float) -> cluster.Call:
        """Returns a call that takes so long; two at a time on one host would find its lock taken, and fail."""
        return noted, (str(self._path), name, seconds)

    def stuck_once(self, name: str) -> cluster.Call:
        """Returns a call that doesn't end the first time."""
        return stuck_once, (str(self._path), name)

    def holding(self, name: str) -> cluster.Call:
        """Returns a call that isn't over, and holds a temporary folder."""
        return holding, (str(self._path), name)

    def failing(self, name: str, times: int) -> cluster.Call:
        """Returns a call that fails the first times."""
        return failing, (str(self._path), name, times)

    def lines(self, what: str) -> list[tuple[str, str, int]]:
        """Returns what began or ended: (call, host, process)."""
        words = [line.split() for line in self._path.read_text().splitlines()] if self._path.exists() else []
        return [(name, host, int(pid)) for kind, name, host, pid in words if kind == what]

    def hosts(self, name: str) -> list[str]:
        """Returns the hosts on which a call has begun."""
        return [host for one, host, _ in self.lines("begin") if one == name]

    def wait_for_end_of(self, name: str) -> None:
        """Returns once the process of a call, which has begun once, is no more."""
        (pid,) = (pid for one, _, pid in self.lines("begin") if one == name)
        wait_until(lambda: not lives(pid))


def test_a_call_is_over_once_and_one_that_fails_says_why(address: str, tmp_path: Path) -> None:
    """A failure on the only host is the call's."""
    log = Log(tmp_path / "log")
    left: dict[str, cluster.Call] = {"call": log.call("call", 0), "said": log.failing("said", 9)}
    left["silent"] = (silent, ())
    with connected(address, print) as hosts:
        found = all_of(hosts, left)
    assert found["call"] == Done({"name": b"call"})
    assert found["said"].problem.startswith("the disk is full (on ")
    assert found["said"].files == {"name": b"said"}
    assert found["silent"].problem.startswith("exited with code 4 (on ")
    assert len(log.hosts("said")) == 1


def test_a_call_imports_nothing_from_the_working_folder(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    with connected(address, print) as hosts:
        assert all_of(hosts, {"call": (variables, ())})["call"].problem == ""


@pytest.mark.parametrize("nanny", [None, "tcp://127.0.0.1:1"])
def test_what_is_measured_gets_no_variables_of_a_nanny(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nanny: str | None
) -> None:
    """Its worker has them; another value, and those of a worker without a nanny, are the user's."""
    monkeypatch.setattr(cluster, "shell_variables", dict)  # the command's shell has none of them
    for name, value in {**cluster.DASKS, "MKL_NUM_THREADS": "2"}.items():
        monkeypatch.setenv(name, value)
    with connected(address, print) as hosts:
        hosts.client.run(lambda dask_worker: setattr(dask_worker, "nanny", nanny))
        found = all_of(hosts, {"call": (variables, ())})
        hosts.client.run(lambda dask_worker: setattr(dask_worker, "nanny", None))
    seen = json.loads(found["call"].files["variables"])
    assert ({"OMP_NUM_THREADS", "MALLOC_TRIM_THRESHOLD_"} <= set(seen)) == (nanny is None)
    assert (seen["MKL_NUM_THREADS"], seen["PATH"]) == ("2", os.environ["PATH"])


@pytest.mark.slow
def test_what_is_measured_gets_the_variables_of_the_commands_shell(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hosts were started in another. What is chosen for a machine, and what is a secret, stays where it is."""
    sent = {"TF_ENABLE_ONEDNN_OPTS": "0", "OMP_NUM_THREADS": "1"}
    for name, value in {**sent, "CUDA_VISIBLE_DEVICES": "7", "TF_TOKEN_example_org": "a secret"}.items():
        monkeypatch.setenv(name, value)
    with connected(processes.address, print) as hosts:
        seen = json.loads(all_of(hosts, {"call": (variables, ())})["call"].files["variables"])
    assert sent.items() <= seen.items()
    assert not {"7", "a secret"} & {*seen.values()}
    assert seen["TFGATE_LOCK"] != os.environ.get("TFGATE_LOCK")  # the host's own


def test_the_variables_are_those_that_a_nanny_sets() -> None:
    """But for the threads of OpenBLAS, of which a measured process has one anyway."""
    found = pytest.importorskip("dask").config.get("distributed.nanny.pre-spawn-environ")
    assert {name: str(value) for name, value in found.items()} == {**cluster.DASKS, "OPENBLAS_NUM_THREADS": "1"}


def test_calls_that_time_nothing_take_every_thread_and_leave_folders(address: str, tmp_path: Path) -> None:
    """Two that wait for each other end, where only one could be timed."""
    (tmp_path / "place").mkdir()
    names = ("one", "other")
    left: dict[str, cluster.Call] = {name: (meeting, (str(tmp_path / "place"), name)) for name in names}
    with connected(address, print, timed=False) as hosts:
        found = all_of(hosts, left)
    assert found == {name: Done({f"deep/{name}": b""}) for name in names}


def test_on_this_machine_calls_run_side_by_side_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two that wait for each other end. Then Ctrl-C ends one that is never over."""
    for name in ("place", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))  # of calls
    before, log = dict(os.environ), Log(tmp_path / "log")
    left: dict[str, cluster.Call] = {name: (meeting, (str(tmp_path / "place"), name)) for name in ("one", "other")}
    with local_scheduler(2) as address, connected(address, print, timed=False) as hosts:
        assert list((tmp_path / "temporary").glob("tfgate-*/dask-*"))
        found = all_of(hosts, left)
    assert found == {name: Done({f"deep/{name}": b""}) for name in ("one", "other")}
    interrupt = functools.partial(signal.raise_signal, signal.SIGINT)
    with local_scheduler(2) as address, pytest.raises(KeyboardInterrupt):
        one_call_is_never_over(address, log, "cut", interrupt, timed=False)
    log.wait_for_end_of("cut")
    assert not list((tmp_path / "temporary").iterdir())
    assert not list(Path().glob("dask-*"))
    assert dict(os.environ) == before
    assert "".join(capfd.readouterr()) == ""


def all_of(hosts: Hosts, left: dict[str, cluster.Call]) -> dict[str, Done]:
    """Returns what calls came to, each once."""
    found: dict[str, Done] = {}
    for name, done in hosts.results(lambda: left):
        del left[name]  # fails for one that comes twice
        found[name] = done
    return found


@pytest.mark.slow
def test_what_a_host_fails_at_or_dies_of_is_made_again_on_another(processes: Processes, tmp_path: Path) -> None:
    """A call fails on one host, another on both. Then a host dies at a moment that a seed chose, within a call."""
    log = Log(tmp_path / "log")
    with connected(processes.address, print) as hosts:
        hosts.client.wait_for_workers(2, timeout=PATIENCE_SECONDS)
        found = all_of(hosts, {"once": log.failing("once", 1), "twice": log.failing("twice", 9)})
        assert found["once"] == Done({"name": b"once"})
        assert found["twice"].problem.startswith("the disk is full (on ")
        for name in found:
            assert sorted(log.hosts(name)) == ["one", "two"]
        a_host_dies(hosts, processes, log)


def a_host_dies(hosts: Hosts, processes: Processes, log: Log) -> None:
    """Each call is over once; the one that was cut is made again."""
    names = [f"call{number}" for number in range(4)]
    left = {"cut": log.stuck_once("cut")} | {name: log.call(name, 0) for name in names}
    moment = random.Random(19).uniform(0.0, 1.0)

    def kill() -> None:
        wait_until(lambda: log.hosts("cut") and any(name in names for name, _, _ in log.lines("end")))
        time.sleep(moment)
        processes.kill(log.hosts("cut")[0])

    killer = threading.Thread(target=kill)
    killer.start()
    found = all_of(hosts, left)
    killer.join()
    assert found == {name: Done({"name": name.encode()}) for name in (*names, "cut")}
    ((name, victim, pid),) = set(log.lines("begin")) - set(log.lines("end"))
    assert name == "cut"
    assert not lives(pid)
    assert log.hosts("cut") == [victim, "two" if victim == "one" else "one"]


@pytest.mark.slow
def test_calls_end_with_whoever_wants_them(processes: Processes, tmp_path: Path) -> None:
    """First a call isn't wanted any more, then Ctrl-C comes, at last the scheduler dies."""
    log, said = Log(tmp_path / "log"), list[str]()

    with connected(processes.address, said.append) as hosts:
        hosts.client.wait_for_workers(2, timeout=PATIENCE_SECONDS)
        a_call_is_not_wanted_any_more(hosts, log)
    ends: tuple[tuple[str, type[BaseException], Callable[[], None]], ...] = (
        ("cut", KeyboardInterrupt, lambda: signal.raise_signal(signal.SIGINT)),
        ("last", ClusterError, lambda: processes.kill("scheduler")),
    )
    for name, error, end in ends:
        with pytest.raises(error, match="went away: continue by --resume" if error is ClusterError else None):
            one_call_is_never_over(processes.address, log, name, end)
        log.wait_for_end_of(name)
    assert all(f"`dask worker {processes.address} --resources timing=1 --nthreads 1`" in line for line in said)


def a_call_is_not_wanted_any_more(hosts: Hosts, log: Log) -> None:
    """It is ended, and what is wanted instead is measured."""
    left = {"long": log.call("long", 600), "short": log.call("short", 0)}
    for name, _ in hosts.results(lambda: left):
        left.clear()
        if name == "short":
            left["next"] = log.call("next", 0)
    assert log.lines("end")[-1][0] == "next"
    log.wait_for_end_of("long")


def one_call_is_never_over(address: str, log: Log, name: str, end: Callable[[], None], *, timed: bool = True) -> None:
    """Has something end it once it has begun."""

    def later() -> None:
        wait_until(lambda: log.hosts(name))
        end()

    ending = threading.Thread(target=later)
    ending.start()
    with connected(address, print, timed=timed) as hosts:
        for _ in hosts.results(lambda: {name: log.holding(name)}):
            pytest.fail("it can't be over")
    ending.join()


def test_a_call_of_which_four_workers_died_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a scheduler that knows another worker each time that it is asked."""
    numbers = itertools.count()
    future = SimpleNamespace(done=lambda: False, cancel=lambda: None)
    submitted: list[list[str]] = []

    def submit(*_: object, workers: list[str], **__: object) -> SimpleNamespace:
        submitted.append(workers)
        assert len(submitted) < 10
        return future

    def told(ask: object, **_: object) -> dict[str, Any]:
        return {"workers": {f"tcp://far:{next(numbers)}": {"resources": {"timing": 1}}}}

    monkeypatch.setattr(cluster, "wait", lambda futures, **_: None)
    client = SimpleNamespace(status="running", sync=told, scheduler=SimpleNamespace(identity=None), submit=submit)
    found = next(Hosts(client, print, timed=True).results(lambda: {"call": (silent, ())}))
    assert found == ("call", Done({}, "4 workers died while they measured this"))
    assert len(submitted) == 4


@pytest.mark.parametrize("problems", [("the disk is full", ""), ("the disk is full", "no room"), ("",)])
def test_what_a_host_fails_at_is_made_again_on_one_other(
    monkeypatch: pytest.MonkeyPatch, problems: tuple[str, ...]
) -> None:
    """Of three that a made-up scheduler knows. A second failure stands."""
    places = [f"tcp://far:{number}" for number in range(3)]
    answers = iter(problems)
    submitted: list[str] = []

    def submit(*_: object, workers: list[str], **__: object) -> SimpleNamespace:
        submitted.extend(workers)
        done = Done({}, next(answers))
        return SimpleNamespace(done=lambda: True, status="finished", result=lambda timeout: done)

    told = {"workers": {place: {"resources": {"timing": 1}} for place in places}}
    monkeypatch.setattr(cluster, "wait", lambda futures, **_: None)
    scheduler = SimpleNamespace(identity=None)
    client = SimpleNamespace(status="running", sync=lambda ask, **_: told, scheduler=scheduler, submit=submit)
    found = next(Hosts(client, print, timed=True).results(lambda: {"call": (silent, ())}))
    assert found == ("call", Done({}, problems[-1]))
    assert submitted == places[: len(problems)]


def test_the_last_host_that_goes_is_told_once_until_another_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second and the third time that the scheduler is asked it knows no worker, then one that finishes the call."""
    hosts = iter(["tcp://far:1", None, None, "tcp://far:2"])
    said = list[str]()
    dead = SimpleNamespace(done=lambda: False, cancel=lambda: None)
    futures = iter([dead, SimpleNamespace(done=lambda: True, status="finished", result=lambda timeout: Done({}))])

    def submit(*_: object, **__: object) -> SimpleNamespace:
        return next(futures)

    def told(ask: object, **_: object) -> dict[str, Any]:
        host = next(hosts)
        return {"workers": {host: {"resources": {"timing": 1}}} if host else {}}

    monkeypatch.setattr(cluster, "wait", lambda futures, **_: None)
    monkeypatch.setattr(cluster, "LOOK_SECONDS", 0.0)
    scheduler = SimpleNamespace(identity=None, address="tcp://head:8786")
    client = SimpleNamespace(status="running", sync=told, scheduler=scheduler, submit=submit)
    found = next(Hosts(client, said.append, timed=True).results(lambda: {"call": (silent, ())}))
    assert found == ("call", Done({}))
    assert said == ["no host any more: `dask worker tcp://head:8786 --resources timing=1 --nthreads 1` adds one"]


def test_a_call_that_can_not_be_read_there_says_so() -> None:
    errors = (distributed.KilledWorker("call", None, 3), ModuleNotFoundError("No module named 'bench'"))
    futures = [SimpleNamespace(status="error", exception=functools.partial(lambda one: one, error)) for error in errors]
    why = "tcp://far:1 can't run this (ModuleNotFoundError: No module named 'bench'): install the same tfgate there"
    assert [cluster._done(future, "tcp://far:1") for future in futures] == [None, Done({}, why)]
