"""Time and memory of `tfgate report` on 50 launches and of `tfgate history` over 1,000 runs: prints two lines.

python -m tests.figures.reading [RUNS], in an environment with tfgate. Runs are of the gate's size (tiny, notebook and small, four launches
each, as many steps as the gate takes) and made of noise; the commands are processes of their own.
"""

import dataclasses
import datetime
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.drive.plan import BLOCKS
from bench.record.files import read_record, write_record
from bench.record.types import Baseline, Memory, Record, Run, Subject
from tests.bench.samples import record, run

ROOT = Path(__file__).resolve().parents[2]

# Of the stored baselines, so that a page has all its plots.
SUBJECTS = [
    read_record(Baseline, ROOT / "baselines" / f"{config}-synthetic-cells-cpu0.json").subject for config in ("tiny", "notebook", "small")
]
LAUNCHES = 4
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def launch(subject: Subject, number: int, random: np.random.Generator) -> Record:
    """A launch with as many losses, step times and readings of memory as a real one."""
    noise = random.normal(0.0, 0.01, (2, subject.steps))
    block = subject.steps // BLOCKS  # after each of which memory is read
    read = tuple(range(block, subject.steps + 1, block))
    return dataclasses.replace(
        record(launch=number, subject=subject),
        losses=tuple((50 * np.exp(noise[0])).tolist()),
        step_seconds=tuple((0.1 * np.exp(noise[1])).tolist()),
        memory=Memory(2**30, 0.0, read, tuple((2**30 * np.exp(random.normal(0.0, 0.01, len(read)))).astype(int).tolist())),
    )


def made(launches: int, day: int) -> Run:
    """A run of so many launches of each configuration."""
    random = np.random.default_rng(day)
    records = [launch(subject, number, random) for subject in SUBJECTS for number in range(launches)]
    return run(records, created=(START + datetime.timedelta(days=day)).isoformat())


def timed(*arguments: str) -> str:
    """The command's exit code, wall seconds and largest resident memory so far of all commands; its last words where it failed."""
    started = time.monotonic()
    found = subprocess.run([sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, check=False)
    seconds, peak = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return f"exit code {found.returncode}, {seconds:.2f} s, peak {peak:.0f} MiB {found.stderr.strip()}"


def main(runs: int = 1000) -> None:
    """Makes the runs, reports the first and gathers all."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_record(home / "one" / "run.json", made(17, 0))
        print(f"report of a run of {17 * len(SUBJECTS)} launches:", timed("report", str(home / "one")))
        for day in range(runs):
            write_record(home / "all" / f"{day:04}" / "run.json", made(LAUNCHES, day))
        print(f"history over {runs} runs:", timed("history", str(home / "all"), "--output", str(home / "history.html")))
        print(f"the page: {(home / 'history.html').stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
