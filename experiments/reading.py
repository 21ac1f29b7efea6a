"""Measures time and memory of `tfgate report` on 50 launches and `tfgate history` over 1,000 reports; prints 3 lines.

python -m experiments.reading [REPORTS], in an environment with tfgate. Reports are of the gate's size (numbers of tiny,
notebook and small, four launches each, as many steps as the gate takes; speed of notebook in six pairs) and made of
noise; the commands are processes of their own.
"""

import argparse
import dataclasses
import datetime
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.drive.plan import BLOCKS
from bench.record.files import read_record, write_record
from bench.record.gate import GateRun
from bench.record.paired import ABBA, Quad
from bench.record.types import Baseline, Memory, Record, Run, Subject
from tests.builders.paired import pair
from tests.builders.records import record, run
from tests.builders.reports import gate_report, paired_report

ROOT = Path(__file__).resolve().parent.parent

# Of the stored baselines, so that a page has all its plots.
SUBJECTS = [
    read_record(Baseline, ROOT / "baselines" / f"{config}-synthetic-cells-cpu0.json").subject
    for config in ("tiny", "notebook", "small")
]
LAUNCHES, PAIRS, QUADS = 4, 6, 10
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def launch(subject: Subject, number: int, random: np.random.Generator) -> Record:
    """Returns a launch with as many losses, step times and readings of memory as a real one."""
    noise = random.normal(0.0, 0.01, (2, subject.steps))
    block = subject.steps // BLOCKS  # after each of which memory is read
    read = tuple(range(block, subject.steps + 1, block))
    return dataclasses.replace(
        record(launch=number, subject=subject),
        losses=tuple((50 * np.exp(noise[0])).tolist()),
        step_seconds=tuple((0.1 * np.exp(noise[1])).tolist()),
        memory=Memory(
            2**30, 0.0, read, tuple((2**30 * np.exp(random.normal(0.0, 0.01, len(read)))).astype(int).tolist())
        ),
    )


def made(launches: int, day: int) -> Run:
    """Returns a run of so many launches of each configuration."""
    random = np.random.default_rng(day)
    records = [launch(subject, number, random) for subject in SUBJECTS for number in range(launches)]
    return run(records, created=(START + datetime.timedelta(days=day)).isoformat())


def gate(day: int) -> GateRun:
    """Returns a gate's report: what `made` holds, and the speed of notebook."""
    numbers, random = made(LAUNCHES, day), np.random.default_rng([day, 1])
    of_notebook = SUBJECTS[1]

    def quads(number: int) -> tuple[Quad, ...]:
        noise = np.exp(random.normal(0.0, 0.02, (number, 2, 4))).tolist()
        return tuple(Quad(ABBA, tuple(wall), tuple(cpu)) for wall, cpu in noise)

    pairs = [
        dataclasses.replace(
            pair(number),
            reference=launch(of_notebook, number, random),
            candidate=launch(of_notebook, number, random),
            steps=quads(QUADS),
            evaluations=quads(QUADS),
        )
        for number in range(PAIRS)
    ]
    return dataclasses.replace(gate_report([paired_report(pairs, numbers.created)], numbers.created), numbers=numbers)


def timed(*arguments: str) -> str:
    """Returns the exit code, wall and CPU seconds, the largest resident memory of all commands so far; the command's
    last words where it failed.
    """
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    found = subprocess.run([sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, check=False)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu, peak = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024
    return (
        f"exit code {found.returncode}, {seconds:.2f} s, {cpu:.2f} s of CPU, peak {peak:.0f} MiB {found.stderr.strip()}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Makes the reports, shows a run and gathers all reports."""
    parser = argparse.ArgumentParser(prog="python -m experiments.reading", description=__doc__)
    parser.add_argument("reports", nargs="?", type=int, default=1000)
    reports: int = parser.parse_args(arguments).reports
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_record(home / "one" / "run.json", made(17, 0))
        print(f"report of a run of {17 * len(SUBJECTS)} launches:", timed("report", str(home / "one")))
        for day in range(reports):
            write_record(home / "all" / f"{day:04}" / "gate.json", gate(day))
        print(
            f"history over {reports} reports:",
            timed("history", str(home / "all"), "--output", str(home)),
        )
        print(f"the page: {(home / 'history.html').stat().st_size / 2**20:.2f} MiB")


if __name__ == "__main__":
    main()
