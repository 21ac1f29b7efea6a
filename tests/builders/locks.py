"""The host's lock, held by a real process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.drive.lock import LockedError, host_lock

ROOT = Path(__file__).resolve().parents[2]

# Takes the lock named by its argument, says so, and waits for its standard input to end.
HOLDER = """
import sys
from pathlib import Path
from bench.drive.lock import host_lock
with host_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield holder


def is_held() -> bool:
    """Tells whether a timing job has this host."""
    try:
        with host_lock():
            return False
    except LockedError:
        return True
