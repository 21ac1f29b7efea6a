"""A Dask cluster: calls that its hosts run, each in a process and a scratch folder of its own.

A host times one call at a time: a call takes its timing slot. Calls that time nothing take a thread of a worker each.

Dask sends a call whose worker dies to another one, and blames the death on every call that it had sent there, begun or
not. So the queue stays here: as many calls are out as there are slots.
"""

import contextlib
import dataclasses
import logging
import pickle
import socket
import subprocess
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from distributed import CancelledError, Client, Future, KilledWorker, get_worker, wait

from bench.drive.children import ending_with_us
from bench.drive.folders import held_folder, sweep
from bench.drive.process import CLOSE_SECONDS, how_it_ended
from bench.drive.requests import ClusterError

K = TypeVar("K", bound=Hashable)
# A function of a module, called as function(folder, *arguments). It leaves files there, and returns an exit code.
Call = tuple[Callable[..., int], tuple[Any, ...]]

SLOT = "timing"  # the workers' resource
CONNECT_SECONDS = 10.0
LOOK_SECONDS = 1.0  # from one look for hosts that joined, or for a call that was cancelled, to the next
CHILD = """\
import pathlib, pickle, sys
folder = pathlib.Path(sys.argv[1])
function, arguments = pickle.loads((folder / "call").read_bytes())
sys.exit(function(folder / "kept", *arguments))
"""


@dataclasses.dataclass(frozen=True)
class Done:
    """A call that is over: the files that it left, by their paths in its folder, or why it failed."""

    files: dict[str, bytes]
    problem: str = ""
    code: int = 0  # of a call that failed


@contextlib.contextmanager
def connected(address: str, say: Callable[[str], None], *, timed: bool = True) -> Iterator[Client]:
    """Opens a running scheduler for the block; what it still runs then is cancelled. Raises ClusterError."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it would tell at length what we say in a line
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise ClusterError(f"no Dask scheduler answers at {address}: start one, or name another") from error
    try:
        if not _slots(client, timed=timed):
            more = f" --resources {SLOT}=1 --nthreads 1" if timed else ""
            say(f"no host yet: `dask worker {address}{more}` adds one")
        yield client
    except (OSError, CancelledError) as error:
        if isinstance(error, OSError) and client.status == "running":
            raise
        message = f"the Dask scheduler at {address} went away: continue by --resume from what was finished, if anything"
        raise ClusterError(message) from error
    finally:
        client.close(CLOSE_SECONDS)  # Dask cancels what nobody waits for any more


def results(client: Client, wanted: Callable[[], Mapping[K, Call]], *, timed: bool = True) -> Iterator[tuple[K, Done]]:
    """Yields what calls came to, as they end, until `wanted` has none; what it has no more is cancelled."""
    out: dict[K, Future] = {}
    slot = {SLOT: 1} if timed else {}
    while calls := wanted():
        for key in [key for key in out if key not in calls]:
            out.pop(key).cancel()
        while not (over := [key for key, future in out.items() if future.done()]):
            free = max(_slots(client, timed=timed), 1) - len(out)
            for key in [key for key in calls if key not in out][: max(free, 0)]:
                out[key] = client.submit(perform, pickle.dumps(calls[key]), pure=False, resources=slot)
            with contextlib.suppress(TimeoutError):
                wait(list(out.values()), timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED")
        yield over[0], _done(out.pop(over[0]))


def _slots(client: Client, *, timed: bool) -> int:
    """Returns how many calls the hosts can run at a time."""
    if client.status != "running":
        raise CancelledError
    workers = client.scheduler_info()["workers"].values()
    return sum(int(worker["resources"].get(SLOT, 0) if timed else worker["nthreads"]) for worker in workers)


def _done(future: Future) -> Done:
    """Returns what a call came to. Raises CancelledError where the scheduler is gone."""
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        return Done({}, f"{error.allowed_failures + 1} workers died while they measured this")
    if error:  # the host's own
        mend = ": install the same tfgate there" if isinstance(error, (ImportError, AttributeError)) else ""
        return Done({}, f"a host can't run this ({type(error).__name__}: {error}){mend}")
    found: Done = future.result()
    return found


def perform(packed: bytes) -> Done:
    """Runs a call on this host, in a process that ends with this one, or soon after the call is cancelled."""
    sweep()  # what calls have left that were killed here
    worker, key, null = get_worker(), get_worker().get_current_task(), subprocess.DEVNULL
    with held_folder() as folder, (folder / "said").open("w+b") as said:
        (folder / "kept").mkdir()
        (folder / "call").write_bytes(packed)
        command = [sys.executable, "-c", CHILD, str(folder)]
        process = subprocess.Popen(command, stdin=null, stdout=null, stderr=said, preexec_fn=ending_with_us())
        while process.poll() is None:
            task = worker.state.tasks.get(key)
            if task is None or task.state == "cancelled" or worker.status.name in ("closing", "closed"):
                process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_SECONDS)
        said.seek(0)
        lines = said.read().decode(errors="replace").strip().splitlines() or [how_it_ended(process.returncode)]
        if process.returncode:
            problem = f"{lines[-1].removeprefix('tfgate: error: ')} (on {socket.gethostname()})"
            return Done({}, problem, process.returncode)
        left = filter(Path.is_file, (folder / "kept").rglob("*"))
        return Done({str(path.relative_to(folder / "kept")): path.read_bytes() for path in left})
