"""Finds which of twenty regressions that upgraders reported tfgate shows: fills docs/recall.md.

python -m experiments.recall runs the tests that inject the symptom of a report into
both TensorFlows that tox makes; some minutes. It keeps each result in experiments/data/recall.json. `--document` only
fills the page from them.
"""

import argparse
import dataclasses
import datetime
import enum
import functools
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.markdown import bare_table, fill

ROOT = Path(__file__).resolve().parents[1]
DATA, OUTPUT = ROOT / "experiments" / "data" / "recall.json", ROOT / "docs" / "recall.md"
PLACE = "python -m experiments.recall"
FAULTS, WORKLOADS = "tests/faults/test_faults.py", "tests/faults/test_workloads.py"
UPGRADE = "tests/bench/commands/test_upgrade.py"
BOTH = ("oldest_python", "newest_python")


class Evidence(enum.Enum):
    """Kinds of evidence, counted apart."""

    OTHER = "another size or cause"
    INJECTED = "injected"
    GPU = "GPU, not run"
    NONE = "none"


@dataclasses.dataclass(frozen=True)
class Report:
    """A regression that somebody reported, and what shows it here."""

    name: str
    symptom: str
    workload: str
    evidence: Evidence
    shown: str  # how, or what is lacking
    tests: tuple[str, ...] = ()  # that inject it and must pass


def caught_by(file: str, test: str, *parameters: str) -> str:
    """Returns the name of a test, in which {} stands for the environment."""
    return f"{file}::{test}[{'-'.join((*parameters, '{}'))}]"


of_fault = functools.partial(caught_by, FAULTS, "test_every_fault_is_caught_by_a_gate_without_baselines")
of_workload = functools.partial(caught_by, WORKLOADS, "test_every_fault_of_a_workload_is_caught")
slowed = functools.partial(caught_by, UPGRADE, "test_a_slowdown_of_the_size_that_was_reported_is_caught")
TRACED = caught_by(
    WORKLOADS, "test_retraces_are_compared_with_the_reference_s", "traces-each-shape", "Outcome.REGRESSION"
)
KEPT = caught_by(WORKLOADS, "test_models_that_are_kept_show_as_growth")
UNCOMPILED = caught_by(WORKLOADS, "test_a_graph_that_does_not_compile_is_an_outcome")
DEFAULTS = caught_by(
    WORKLOADS, "test_a_changed_default_shows_in_fitted_losses", "dense-initializer", "Outcome.REGRESSION"
)
LONGER = "each call of the step's function takes {} longer: step time on one core"
# Of each: name, symptom, workload, evidence, how it shows, tests.
REPORTS = (
    Report("keras #18854", "an LSTM's cuDNN check cost 200 ms a call, Keras 3.0", "`train`", Evidence.INJECTED,
           LONGER.format("40%"), (slowed("train-0.4"),)),
    Report("tensorflow #46515", "RNN 10% slower, 2.3 → 2.4", "`train`", Evidence.INJECTED,
           LONGER.format("10%"), (slowed("train-0.1"),)),
    Report("tensorflow #25606", "`while_loop` 40% slower between nightlies", "`train`", Evidence.INJECTED,
           LONGER.format("40%"), (slowed("train-0.4"),)),
    Report("rstudio/keras3 #1208", "LSTM `fit` 40% slower, 2.2 → 2.4", "`fit`", Evidence.INJECTED,
           "each call of Keras' training function takes 40% longer: step time on one core", (slowed("fit-0.4"),)),
    Report("tensorflow #127577", "TF32 products 2.9e-4 off", "`train`", Evidence.INJECTED,
           "on a CPU, the recurrent product in TF32; not run on a GPU", (of_fault("tf32-recurrent-product"),)),
    Report("keras #19307", "new Adam slower than the legacy one, from 2.11 on", "`optimizers`", Evidence.GPU,
           "updates are timed"),
    Report("keras #19992", "sparse Adam 239 → 294 ms, 2.15 → 2.16", "`optimizers-twice`", Evidence.OTHER,
           "that pair: updates by three optimizers, dense and sparse together, take 4.3% longer on one core, a "
           "REGRESSION in one run; which of them isn't known ([finding](releases.md))"),
    Report("tensorflow #47524", "GPU memory up, 2.3 → 2.4", "`train`", Evidence.GPU, "peak GPU memory is measured"),
    Report("tensorflow #39434", "12% slower, 23% more memory", "`xla`", Evidence.OTHER,
           "compiling by XLA takes 41% more peak memory, 2.20.0 → 2.21.0, a REGRESSION ([finding](releases.md))"),
    Report("tensorflow #41827", "GPU idle 15.6 → 26.1%", "`train`", Evidence.GPU, "`profile` tells a GPU's idle part"),
    Report("tensorflow #56350", "oneDNN slower than off, one thread", "`train`", Evidence.NONE,
           "no such CPU was here"),
    Report("keras #18971", "BiLSTM on a CPU 70% slower, release by release, 2.7 → 2.15", "`bidirectional`",
           Evidence.OTHER, "+20.3% on all cores, 2.15.1 → 2.16.2, a REGRESSION ([finding](releases.md))"),
    Report("tensorflow #40261", "100 predicts 0.13 → 3 s", "`predict`", Evidence.OTHER,
           "+18.8% on all cores, 2.15.1 → 2.16.2, a REGRESSION ([finding](releases.md))"),
    Report("tensorflow #38598", "`predict` of many shapes grows memory", "`predict-shapes`", Evidence.INJECTED,
           "a graph traced for each shape: retraces (memory growth is shown, not gated)", (TRACED,)),
    Report("tensorflow #61791", "rebuild and fit in a loop leaks", "`rebuild`", Evidence.INJECTED,
           "models that are kept: memory growth", (KEPT,)),
    Report("tensorflow #110143", "import about 10 s in 2.20", "`train`", Evidence.NONE,
           "not seen: import +15.3% over 2.18.1, most of it since 2.19.1 "
           "([report](../reports/published/upgrade-2.18.1-2.20.0/report.md))"),
    Report("tensorflow #44917", "per-example gradients 15 s → 2 min", "`per-example`", Evidence.INJECTED,
           "the function takes eight times as long: step time on one core", (slowed("per-example-7"),)),
    Report("tensorflow #83063, keras #18456", "XLA can't compile the LSTM", "`xla`", Evidence.INJECTED,
           "an operation that XLA lacks: does not compile", (UNCOMPILED,)),
    Report("tensorflow #49241", "masked cuDNN LSTM differs", "`masked`", Evidence.INJECTED,
           "on a CPU: a mask ignored, or one too short; not run on a GPU",
           (of_workload("mask-ignored"), of_workload("mask-one-short"))),
    Report("keras #19993", "CNN + BLSTM converges worse, legacy Keras doesn't", "`fit`", Evidence.INJECTED,
           "another default initializer, Adam's rate and epsilon",
           (DEFAULTS, of_workload("fit-adam-rate"), of_workload("fit-adam-epsilon"))),
)  # fmt: skip


def names_of(report: Report) -> list[str]:
    """Returns a report's tests, once for each environment."""
    return [name.format(where) for name in report.tests for where in BOTH]


def run_tests(names: Sequence[str]) -> dict[str, bool]:
    """Runs tests, each by itself; tells of each whether it passed. One that is skipped or not there did not."""
    found = {}
    for number, name in enumerate(names, 1):
        command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "slow or not slow", name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        last = (done.stdout.strip().splitlines() or [""])[-1]
        found[name] = done.returncode == 0 and "passed" in last and "skipped" not in last
        print(
            f"[{number}/{len(names)}] {name}: {'passed' if found[name] else 'NOT PASSED'}", file=sys.stderr, flush=True
        )
    return found


def made(passed: Mapping[str, bool], date: str) -> dict[str, str]:
    """Returns what the page says was found, by its place."""
    found = {report: [passed[name] for name in names_of(report) if name in passed] for report in REPORTS}
    caught = {report: sum(found[report]) == len(names_of(report)) for report in REPORTS}
    number = {kind: sum(caught[report] for report in REPORTS if report.evidence is kind) for kind in Evidence}
    missed = len(REPORTS) - sum(number.values()) + number[Evidence.NONE]
    counts = (
        f"**Shown is a change of another size or cause in the same workload: {number[Evidence.OTHER]}; injected and "
        f"caught: {number[Evidence.INJECTED]};\nof a GPU, not run: {number[Evidence.GPU]}; not shown: {missed}.**"
    )
    rows = (
        (one.name, one.symptom, one.workload, one.evidence.value, one.shown, _told(found[one], len(names_of(one))))
        for one in REPORTS
    )
    head = ["report", "symptom", "workload", "evidence", "how it shows", "tests passed"]
    return {PLACE: f"No result is older than {date}.\n\n{counts}\n\n{bare_table(rows, head)}"}


def _told(found: Sequence[bool], tests: int) -> str:
    """Returns how many of a report's tests passed."""
    if not tests:
        return "–"
    return f"{sum(found)} of {tests}" if found else "not run yet"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 1 if a test did not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--document", action="store_true", help=f"fill {OUTPUT.name} with what is kept, and run nothing")
    what.add_argument("--missing", action="store_true", help="run the tests alone of which nothing is kept")
    options = parser.parse_args(arguments)
    kept = json.loads(DATA.read_text(encoding="utf-8"))
    if not options.document:
        if not options.missing:
            kept = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "passed": {}}
        names = dict.fromkeys(name for report in REPORTS for name in names_of(report))
        kept["passed"] |= run_tests([name for name in names if name not in kept["passed"]])
        DATA.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    fill(OUTPUT, made(kept["passed"], kept["date"]))
    return 0 if all(kept["passed"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
