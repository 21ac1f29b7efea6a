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

from bench.record.files import write_record
from bench.record.types import Record, Run
from lm.config import GATE_STEPS
from tests.bench.samples import SUBJECT, record, run

CONFIGS = ("tiny", "notebook", "small")
LAUNCHES = 4
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def launch(config: str, number: int, random: np.random.Generator) -> Record:
    """A launch with as many losses and step times as a real one."""
    steps = GATE_STEPS[config]
    noise = random.normal(0.0, 0.01, (2, steps))
    subject = dataclasses.replace(SUBJECT, config=config, steps=steps)
    return dataclasses.replace(
        record(launch=number, subject=subject),
        losses=tuple((50 * np.exp(noise[0])).tolist()),
        step_seconds=tuple((0.1 * np.exp(noise[1])).tolist()),
    )


def made(launches: int, day: int) -> Run:
    """A run of so many launches of each configuration."""
    random = np.random.default_rng(day)
    records = [launch(config, number, random) for config in CONFIGS for number in range(launches)]
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
        print(f"report of a run of {17 * len(CONFIGS)} launches:", timed("report", str(home / "one")))
        for day in range(runs):
            write_record(home / "all" / f"{day:04}" / "run.json", made(LAUNCHES, day))
        print(f"history over {runs} runs:", timed("history", str(home / "all"), "--output", str(home / "history.html")))
        print(f"the page: {(home / 'history.html').stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
