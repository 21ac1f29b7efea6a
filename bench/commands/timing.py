"""Times on this host: one job at a time, and what disturbs it."""

import contextlib
from collections.abc import Iterator

from bench.commands.messages import say
from bench.drive.doctor import disturbances, examine
from bench.drive.lock import host_lock


@contextlib.contextmanager
def timing(*, timed: bool = True) -> Iterator[tuple[str, ...]]:
    """Holds this host's lock for the block, and yields what disturbs the machine as the block begins, a line each.

    Environments are built within the block: building loads the machine, for another job's steps and for what disturbs
    this one. What isn't `timed` needs no lock, and nothing disturbs it. Another timing job is waited for.
    """
    if not timed:
        yield ()
        return
    with host_lock(tell=lambda said: say(f"{said}: waiting for it, and for jobs that wait already")):
        yield disturbances(examine())
