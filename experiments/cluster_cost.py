"""Times calls that do nothing on a Dask cluster of one host: what a cluster adds to each comparison (docs/survey.md).

python -m experiments.cluster_cost, in an environment with tfgate[cluster]; seconds. Real scheduler and worker
processes, as tests/bench/drive/test_cluster.py starts them.
"""

import statistics
import tempfile
import time
from pathlib import Path

from bench.drive.cluster import connected
from tests.builders.cluster import Processes, noted

CALLS = 20


def main() -> None:
    """Prints the seconds of a call: the median and the most."""
    with tempfile.TemporaryDirectory() as name:
        hosts = Processes(Path(name), "one")
        try:
            print(told(seconds(hosts.address, str(Path(name) / "log"), CALLS)))
        finally:
            hosts.end()


def seconds(address: str, log: str, count: int) -> list[float]:
    """Returns the wall seconds of calls that follow each other, each from its request to its result."""
    found = []
    with connected(address, print) as hosts:
        hosts.client.wait_for_workers(1, timeout=60)
        for number in range(count):
            left = {number: (noted, (log, str(number), 0.0))}
            started = time.monotonic()
            for done, _ in hosts.results(lambda left=left: left):  # type: ignore[misc]  # asked until it has none
                del left[done]
            found.append(time.monotonic() - started)
    return found


def told(found: list[float]) -> str:
    """Returns a line."""
    median, most = statistics.median(found), max(found)
    return f"{len(found)} calls that do nothing: {median:.2f} s each in the median, {most:.2f} s at most"


if __name__ == "__main__":
    main()
