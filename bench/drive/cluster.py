"""A Dask cluster: calls that its hosts run, each in a process and a scratch folder of its own.

A host times one call at a time: a timed call takes its one timing slot. Others take a thread of a worker each.

Dask would send a call whose worker dies to another one, and blame the death on every call that it had sent there, begun
or not. So the queue is here: as many calls are out as there are slots, each bound to one worker.
"""

import contextlib
import dataclasses
import logging
import os
import pickle
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from distributed import CancelledError, Client, Future, KilledWorker, LocalCluster, get_worker, wait

from bench.drive.children import ending_with_us
from bench.drive.folders import held_folder, sweep
from bench.drive.private import with_libraries
from bench.drive.process import CLOSE_SECONDS, how_it_ended
from bench.drive.requests import ClusterError
from bench.record.variables import kept

K = TypeVar("K", bound=Hashable)
# A function of a module, called as function(folder, *arguments). It leaves files there, and returns an exit code.
Call = tuple[Callable[..., int], tuple[Any, ...]]

SLOT = "timing"  # the workers' resource
LOOPBACK = "127.0.0.1:0"
CONNECT_SECONDS = 10.0
LOOK_SECONDS = 1.0  # from one look for hosts that joined, or for a call that was cancelled, to the next
GATHER_SECONDS = 60.0  # for the files of a call that is over; beyond, its worker has died
MOST_FAILURES = 2  # of a call, each on another worker: a failure of one alone may be of its host
MOST_DEATHS = 4  # of workers that had a call; Dask too gives it up after `allowed-failures`, 3, and one
ROOT = str(Path(__file__).parents[2])
DASKS = {"MALLOC_TRIM_THRESHOLD_": "65536", **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")}
OF_A_HOST = ("CUDA_VISIBLE", "OPENBLAS_")  # chosen for one machine's devices and CPU
# Imports what this process does, and nothing from the working folder: a user's project may have a `bench` of its own.
CHILD = """\
import pathlib, pickle, sys
folder = pathlib.Path(sys.argv[1])
if sys.argv[2] not in sys.path:
    sys.path.insert(0, sys.argv[2])
function, arguments = pickle.loads((folder / "call").read_bytes())
sys.exit(function(folder / "kept", *arguments))
"""


@dataclasses.dataclass(frozen=True)
class Done:
    """A call that is over: the files that it left, by their paths in its folder, and why it failed."""

    files: dict[str, bytes]
    problem: str = ""
    code: int = 0  # of a call that failed


@dataclasses.dataclass(frozen=True)
class Hosts:
    """The hosts of a scheduler, for calls of which all are timed, or none."""

    client: Client
    say: Callable[[str], None]
    timed: bool

    def results(self, wanted: Callable[[], Mapping[K, Call]]) -> Iterator[tuple[K, Done]]:
        """Yields what calls came to, as they end, until `wanted` has none; what it has no more is cancelled.

        A call that fails is made again on another worker, if there is one: its host may be at fault. A second failure
        stands. When the last worker goes, `say` tells it, and calls wait for another.
        """
        queue = _Queue[K](self)
        while calls := wanted():
            while (over := queue.look(calls)) is None:
                pass
            yield over

    def slots(self) -> dict[str, int]:
        """Returns how many calls each worker can run at a time, by its address; none without a slot."""
        if self.client.status != "running":
            raise CancelledError
        try:  # not scheduler_info(): its answer may be that of a heartbeat, which names no worker
            workers = self.client.sync(self.client.scheduler.identity, n_workers=-1)["workers"].items()
        except OSError as error:
            raise CancelledError from error
        slots = {place: int(one["resources"].get(SLOT, 0) if self.timed else one["nthreads"]) for place, one in workers}
        return {place: count for place, count in slots.items() if count}

    def say_none(self, when: str, address: str) -> None:
        """Says that there is no host yet, or any more."""
        more = f" --resources {SLOT}=1 --nthreads 1" if self.timed else ""
        self.say(f"no host {when}: `dask worker {address}{more}` adds one")


@contextlib.contextmanager
def connected(address: str, say: Callable[[str], None], *, timed: bool = True) -> Iterator[Hosts]:
    """Opens a running scheduler for the block; what it still runs then is cancelled. Raises ClusterError.

    Timed calls take the hosts' timing slots, others threads.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it would tell at length what we say in a line
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address}: start one, or name another") from error
    try:
        hosts = Hosts(client, say, timed)
        if not hosts.slots():
            hosts.say_none("yet", address)
        yield hosts
    except (OSError, CancelledError) as error:
        if isinstance(error, OSError) and client.status == "running":
            raise
        message = f"the Dask scheduler at {address} went away: continue by --resume from what was finished, if anything"
        raise ClusterError(message) from error
    finally:
        client.close(CLOSE_SECONDS)  # Dask cancels what nobody waits for any more


@contextlib.contextmanager
def local_scheduler(threads: int) -> Iterator[str]:
    """Starts a scheduler in this process for the block, with one worker of so many threads; yields its address.

    A call runs in a process of its own anyway. Dask's worker processes would hand on variables of theirs, such as
    OMP_NUM_THREADS=1, answer Ctrl-C on the terminal, and have ports by which other users reach them.
    """
    with held_folder() as folder:
        place = {"local_directory": str(folder)}
        with LocalCluster(
            n_workers=1,
            threads_per_worker=threads,
            processes=False,
            silence_logs=logging.CRITICAL,
            dashboard_address=None,
            scheduler_kwargs={"dashboard_address": LOOPBACK, **place},
            worker_dashboard_address=LOOPBACK,
            **place,
        ) as cluster:
            yield cluster.scheduler_address


class _Queue(Generic[K]):
    """Calls that are out, each on one worker, and what became of those that failed."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts
        self._had_slots = False
        self._out: dict[K, tuple[str, Future]] = {}  # with the worker's address
        self._failed: defaultdict[K, dict[str, Done]] = defaultdict(dict)  # by worker
        self._deaths: Counter[K] = Counter()  # of workers that had the call

    def look(self, calls: Mapping[K, Call]) -> tuple[K, Done] | None:
        """Sends calls to free workers, and returns one that is over within a second; None where none is."""
        for key in [key for key in self._out if key not in calls]:
            self._out.pop(key)[1].cancel()
        slots = self._hosts.slots()
        if self._had_slots and not slots:
            self._hosts.say_none("any more", self._hosts.client.scheduler.address)
        self._had_slots = bool(slots)
        for key in calls:
            failed = self._failed[key]
            if key not in self._out and failed and slots and slots.keys() <= failed.keys():  # there is no other
                return key, list(failed.values())[-1]
        self._send(calls, slots)
        if futures := [future for _, future in self._out.values()]:
            with contextlib.suppress(TimeoutError):
                wait(futures, timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED")
        else:
            time.sleep(LOOK_SECONDS)
        for key, (worker, future) in self._out.items():
            if future.done() or worker not in slots:
                del self._out[key]
                return self._over(key, worker, future)
        return None

    def _send(self, calls: Mapping[K, Call], slots: Mapping[str, int]) -> None:
        free = Counter(slots)
        free.subtract(worker for worker, _ in self._out.values())
        for key in [key for key in calls if key not in self._out]:
            worker = next((one for one in slots if free[one] > 0 and one not in self._failed[key]), None)
            if worker is not None:
                free[worker] -= 1
                slot = {SLOT: 1} if self._hosts.timed else {}
                packed = pickle.dumps(calls[key])
                future = self._hosts.client.submit(
                    perform, packed, shell_variables(), pure=False, resources=slot, workers=[worker]
                )
                self._out[key] = worker, future

    def _over(self, key: K, worker: str, future: Future) -> tuple[K, Done] | None:
        """Returns what a call came to; None where another worker is to make it."""
        done = _done(future, worker) if future.done() else None
        if done is None:
            future.cancel()
            self._deaths[key] += 1
            most = Done({}, f"{MOST_DEATHS} workers died while they measured this")
            return (key, most) if self._deaths[key] >= MOST_DEATHS else None
        if done.problem:
            self._failed[key][worker] = done
            if len(self._failed[key]) < MOST_FAILURES:
                return None
        return key, done


def _done(future: Future, worker: str) -> Done | None:
    """Returns what a call came to; None where its worker died. Raises CancelledError where the scheduler is gone."""
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        return None
    if error:  # the host's own
        mend = ": install the same tfgate there" if isinstance(error, (ImportError, AttributeError)) else ""
        return Done({}, f"{worker} can't run this ({type(error).__name__}: {error}){mend}")
    try:
        found: Done = future.result(timeout=GATHER_SECONDS)
    except TimeoutError:
        return None
    return found


def shell_variables() -> dict[str, str]:
    """Returns what a call gets of this process' variables, on any host: what records hold, but for a host's own."""
    return {name: value for name, value in with_libraries(kept(os.environ)).items() if not name.startswith(OF_A_HOST)}


def perform(packed: bytes, variables: Mapping[str, str]) -> Done:
    """Runs a call on this host, in a process that ends with this one, or soon after the call is cancelled.

    Of this host's variables, those stay that aren't among `variables`.
    """
    sweep()  # what calls have left that were killed here
    worker, key, null = get_worker(), get_worker().get_current_task(), subprocess.DEVNULL
    with held_folder() as folder, (folder / "said").open("w+b") as said:
        (folder / "kept").mkdir()
        (folder / "call").write_bytes(packed)
        command = [sys.executable, "-P", "-c", CHILD, str(folder), ROOT]
        process = subprocess.Popen(
            command,
            stdin=null,
            stdout=null,
            stderr=said,
            env={**_without_dasks(nanny=worker.nanny), **variables},
            preexec_fn=ending_with_us(),
        )
        while process.poll() is None:
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled" or worker.status.name in ("closing", "closed"):
                process.terminate()  # upon which it ends its own processes, and deletes its folders
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(CLOSE_SECONDS)
                process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
        left = filter(Path.is_file, (folder / "kept").rglob("*"))
        files = {str(path.relative_to(folder / "kept")): path.read_bytes() for path in left}
        if not process.returncode:
            return Done(files)
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines() or [how_it_ended(process.returncode)]
        problem = f"{lines[-1].removeprefix('tfgate: error: ')} (on {socket.gethostname()})"
        return Done(files, problem, process.returncode)


def _without_dasks(*, nanny: str | None) -> dict[str, str]:
    """Returns our variables; under a nanny without those that it sets for its worker, so that a call measures as it
    would without Dask.
    """
    return {name: value for name, value in os.environ.items() if not nanny or DASKS.get(name) != value}
