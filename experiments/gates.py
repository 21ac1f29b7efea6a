"""Measures gates whose right answer is known: nothing changed, another build, an older release, a slower step, a hang.

`python -m experiments.gates measure CASE --python INTERPRETER` measures the runs that experiments/data/gate_runs.json
lacks, and adds each when it is over: it can be stopped and started again. `… table` prints the table of docs/gate.md.
"""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.drive.children import ending_with_us
from bench.machine import this_machine
from bench.record.files import read_record, write_record
from bench.record.types import SCHEMA, Machine
from bench.stats.outcome import Outcome
from experiments import markdown
from experiments.rate import Rate

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "reports" / "gates"
STORE = Path(__file__).parent / "data" / "gate_runs.json"
PYTHON = "{python}"  # in a command: the interpreter that --python names
GATE = ("gate", "--to", PYTHON)
NOTEBOOK = ("--config", "notebook")  # whose speed is measured anyway: the numbers of the others add minutes
PROTOCOL = "2026-12-01T00:00:00+00:00"  # since then notebook's margin on one core, of all rows but micro's, is 2%
INJECTED = ("--to-env", f"PYTHONPATH={ROOT / 'tests' / 'faults' / 'hook'}", "--to-env")


@dataclasses.dataclass(frozen=True)
class Case:
    """A command whose verdict is known."""

    what: str
    expected: str  # the outcome; of a REGRESSION the metric that must be named
    runs: int
    command: tuple[str, ...]


CASES = {
    "same": Case("`gate`, nothing changed", "PASS", 10, GATE),
    "same-earlier": Case("`gate`, nothing changed, by an earlier protocol", "PASS", 10, GATE),
    "build": Case("`gate` of `tensorflow`, where the reference is `tensorflow-cpu`", "PASS", 3, (*GATE, *NOTEBOOK)),
    "older": Case("`gate` of TensorFlow 2.20.0", "PASS", 1, GATE),
    "slower": Case(
        "`gate`, a step 10% slower", "step time", 5, (*GATE, *NOTEBOOK, *INJECTED, "TFGATE_FAULT=slower-by-0.10")
    ),
    "hang": Case("`gate`, a step that hangs", "training", 1, (*GATE, *INJECTED, "TFGATE_FAULT=hangs")),
    "upgrade": Case(
        "`upgrade --from 2.17.1 --to 2.18.1`", "PASS", 3, ("upgrade", "--from", "2.17.1", "--to", "2.18.1")
    ),
    "micro": Case(
        "`micro --config notebook`, nothing changed", "PASS", 10, ("micro", "--config", "notebook", "--to", PYTHON)
    ),
}


@dataclasses.dataclass(frozen=True)
class Ran:
    """One run of a case."""

    case: str
    created: str  # ISO 8601, UTC
    machine: Machine
    outcome: str
    named: tuple[str, ...]  # the metrics that have the verdict's outcome, where that isn't PASS
    seconds: float  # wall time of the whole command
    phase_seconds: dict[str, float]  # as the report has it
    launches: int  # in turn


@dataclasses.dataclass(frozen=True)
class Store:
    """Holds all runs."""

    schema: int
    runs: tuple[Ran, ...]

    def of(self, case: str) -> list[Ran]:
        """Returns the runs of a case."""
        return [run for run in self.runs if run.case == case]


def read_store() -> Store:
    """Returns what was measured so far."""
    return read_record(Store, STORE) if STORE.exists() else Store(SCHEMA, ())


def measure(name: str, python: str, limit: int) -> None:
    """Measures up to `limit` of a case's missing runs. Raises ValueError for a command that gave no verdict."""
    case = CASES[name]
    for number in range(len(read_store().of(name)), case.runs)[:limit]:
        folder = RUNS / f"{name}-{number:02}-{time.strftime('%Y%m%dT%H%M%S')}"
        command = [word.replace(PYTHON, python) for word in case.command]
        print(folder.name, flush=True)
        started = time.monotonic()
        verdict = verdict_of(command, folder)
        ran = told(name, verdict, folder, time.monotonic() - started)
        print(f"  {ran.outcome} {', '.join(ran.named)} after {ran.seconds:.0f} s", flush=True)
        store = read_store()
        write_record(STORE, dataclasses.replace(store, runs=(*store.runs, ran)), replace=True)


def verdict_of(command: Sequence[str], folder: Path) -> dict[str, Any]:
    """Runs a command of tfgate, and returns its verdict. Raises ValueError for one that gave none."""
    words = [sys.executable, "-m", "bench", *command, "--json", "--output", str(folder)]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=False, preexec_fn=ending_with_us())
    if not done.stdout:
        raise ValueError(f"{' '.join(command)} ended with {done.returncode} and no verdict")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def outcome_of(verdict: Mapping[str, Any]) -> Outcome:
    """Returns a verdict's outcome; of a measurement that failed INCONCLUSIVE, which is neither right nor wrong."""
    outcome = Outcome(verdict["outcome"])
    return Outcome.INCONCLUSIVE if outcome is Outcome.FAILED else outcome


def told(name: str, verdict: Mapping[str, Any], folder: Path, seconds: float) -> Ran:
    """Returns what is kept of a run."""
    outcome = outcome_of(verdict).value
    named = [one["metric"]["name"] for one in verdict["comparisons"] if one["outcome"] == outcome != "PASS"]
    report = json.loads(next(folder.glob("*.json")).read_text(encoding="utf-8")) if name != "micro" else {}
    runs = report.get("speed", [report] if "pairs" in report else [])
    launches = sum(len(run["pairs"]) for run in runs) or len(list(folder.glob("candidate-*.json")))
    return Ran(
        case=name,
        created=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
        machine=this_machine(),
        outcome=outcome,
        named=tuple(dict.fromkeys(named)),
        seconds=round(seconds, 1),
        phase_seconds=report.get("phase_seconds", {}),
        launches=launches,
    )


def right(case: Case, ran: Ran) -> bool:
    """Returns whether a run said what is known."""
    return ran.outcome == case.expected or (ran.outcome == "REGRESSION" and case.expected in ran.named)


def table(store: Store) -> str:
    """Returns the document's table: how many runs of each case said what is known, and how long they took."""
    measured = {name: ran for name in CASES if (ran := store.of(name))}
    rows = [_row(CASES[name], ran) for name, ran in measured.items()]
    hosts = dict.fromkeys(
        f"{run.machine.cpu_model}, {run.machine.cores} cores, {run.machine.isa}" for run in store.runs
    )
    phases = _phases(next(iter(measured.values()), ()))
    return f"{markdown.table(rows)}\n\n{phases}\n\nHosts: {'; '.join(hosts)}."


def _phases(ran: Sequence[Ran]) -> str:
    """Returns what the gate's phases took."""
    names = list(dict.fromkeys(name for run in ran for name in run.phase_seconds))
    taken = {name: [run.phase_seconds[name] for run in ran if name in run.phase_seconds] for name in names}
    parts = [f"{name} {statistics.median(seconds):.0f} s ({max(seconds):.0f})" for name, seconds in taken.items()]
    return markdown.paragraph(f"Phases of the first row, median (most): {', '.join(parts)}.")


def _row(case: Case, ran: Sequence[Ran]) -> dict[str, str]:
    correct = Rate(sum(right(case, one) for one in ran), len(ran))
    outcomes = [one.outcome for one in ran]
    seconds = [one.seconds for one in ran]
    return {
        "command": case.what,
        "runs": str(len(ran)),
        "today's": str(sum(one.created >= PROTOCOL for one in ran)),
        **{outcome: str(outcomes.count(outcome)) for outcome in ("PASS", "REGRESSION", "INCONCLUSIVE")},
        "as expected (95% bound)": f"{correct.count} of {len(ran)} (≥ {correct.told(upper=False, digits=0)})",
        "launches": f"{statistics.median(one.launches for one in ran):g} ({max(one.launches for one in ran)})",
        "median time (most)": f"{statistics.median(seconds) / 60:.1f} min ({max(seconds) / 60:.1f})",
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, or prints the table."""
    parser = argparse.ArgumentParser(prog="python -m experiments.gates", description=__doc__)
    parser.add_argument("what", choices=("measure", "table"))
    parser.add_argument("case", nargs="?", choices=tuple(CASES))
    parser.add_argument("--python", default=sys.executable, metavar="INTERPRETER")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="runs at most")
    options = parser.parse_args(arguments)
    if options.what == "measure" and not options.case:
        parser.error(f"name a case: {', '.join(CASES)}")
    if options.what == "table":
        print(table(read_store()))
    else:
        measure(options.case, options.python, options.limit)
    return 0


if __name__ == "__main__":
    sys.exit(main())
