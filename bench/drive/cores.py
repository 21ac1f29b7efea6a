"""The CPU that one-core launches run on, and those that the orchestrator keeps to meanwhile.

On one pinned core a step's time deviates by a fraction of what it does on all of them: no thread waits for another, and
none is moved. docs/protocol.md has the measurements.
"""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from bench.machine import affinity, pin


@dataclasses.dataclass(frozen=True)
class PinnedCore:
    """The CPU that one-core launches run on, and those that are left to the orchestrator."""

    core: int
    others: tuple[int, ...]
    shared: bool  # the others are hardware threads of the same core: no other is left


def core_to_pin(root: Path = Path("/")) -> PinnedCore | None:
    """Returns the last CPU that this process may run on; None where there is one alone, where /proc, by which threads
    are found, is that of another PID namespace, or where the system refuses to pin.

    The others exclude its SMT siblings where that leaves any. `root` stands before /sys.
    """
    *others, core = affinity()
    if not others or not Path(f"/proc/self/task/{threading.get_native_id()}").exists():
        return None
    refusals: list[OSError] = []
    with keeping_to({core}, refusals.append):  # before the launches: some sandboxes refuse it
        pass
    if refusals:
        return None
    siblings = _siblings(core, root)
    apart = tuple(other for other in others if other not in siblings)
    return PinnedCore(core, apart or tuple(others), shared=not apart)


@contextlib.contextmanager
def keeping_to(cores: Collection[int], on_refusal: Callable[[OSError], None]) -> Iterator[None]:
    """Keeps this process to these CPUs for the block. Processes that are started meanwhile inherit them.

    `on_refusal` hears what the system refuses, such as CPUs that this process may not use any more; the block goes on.
    """
    before = affinity()
    _pin(cores, on_refusal)
    try:
        yield
    finally:
        _pin(before, on_refusal)


def _pin(cores: Collection[int], on_refusal: Callable[[OSError], None]) -> None:
    try:
        pin(cores)
    except OSError as error:
        on_refusal(error)


def _siblings(core: int, root: Path) -> set[int]:
    """Returns the CPUs that are hardware threads of the same core, itself included, as far as the kernel tells."""
    path = root / f"sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"
    try:
        text = path.read_text(encoding="ascii").strip()
        ranges = [[int(end) for end in part.split("-")] for part in text.split(",")]
    except (OSError, ValueError):
        return {core}
    return {cpu for ends in ranges for cpu in range(ends[0], ends[-1] + 1)}
