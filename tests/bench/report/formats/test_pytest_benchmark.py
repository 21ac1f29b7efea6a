"""pytest-benchmark's JSON, read back by pytest-benchmark's own command."""

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.record.micro import Micro
from bench.record.types import Failure
from bench.report.formats.pytest_benchmark import document, render
from tests.builders.micro import MICRO_RUN
from tests.builders.records import SPEEDS, SUBJECT, TINY, record, records, run
from tests.builders.verdicts import gate_run, paired_run, stored, upgrade

pytest.importorskip("pytest_benchmark", reason="pytest-benchmark isn't installed; constraints/dev.txt has it")


def compare(*files: Path) -> str:
    """The output of `py.test-benchmark compare`, without colours."""
    command = [
        sys.executable,
        "-m",
        "pytest_benchmark",
        "compare",
        "--columns=min,max,mean,median,rounds",
        "--sort=name",
        *map(str, files),
    ]
    found = subprocess.run(command, cwd=files[0].parent, capture_output=True, text=True, check=True)
    return re.sub(r"\x1b\[[0-9;]*m", "", found.stdout + found.stderr)


def keep(folder: Path, name: str, document: object) -> Path:
    path = folder / f"{name}.json"
    path.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    return path


def test_a_round_is_a_launch_that_finished() -> None:
    crashed = record(5.0, 9.0, launch=4, failure=Failure("crashed", "killed"))
    (benchmark,) = document(run([*records(), crashed]))["benchmarks"]
    assert benchmark["name"] == SUBJECT.name
    assert benchmark["stats"]["data"] == pytest.approx(list(SPEEDS))
    # 0.100, 0.101, 0.102, 0.103: a mean and a median of 0.1015, quartiles 0.10075 and 0.10225. Their squared distances
    # from the mean are 2 × 0.0005² + 2 × 0.0015² = 5e-6, by three of the four.
    expected = {
        **{"min": 0.1, "max": 0.103, "mean": 0.1015, "median": 0.1015, "stddev": (5e-6 / 3) ** 0.5},
        **{"q1": 0.10075, "q3": 0.10225, "iqr": 0.0015, "rounds": 4, "ops": 1 / 0.1015, "total": 0.406},
    }
    assert {name: benchmark["stats"][name] for name in expected} == pytest.approx(expected)
    assert benchmark["extra_info"]["words_per_second"] == pytest.approx(300 / 0.1015)


def test_a_launch_too_short_for_a_typical_step_is_no_round() -> None:
    short = dataclasses.replace(record(launch=4), step_seconds=(0.2, 0.2))
    found = document(run([short, *records()]))
    assert found["benchmarks"] == document(run(records()))["benchmarks"]


def test_pytest_benchmark_reads_a_run(tmp_path: Path) -> None:
    whole = document(run([*records(), *records(subject=TINY)]))
    whole["benchmarks"] += document(paired_run(1.2))["benchmarks"]
    shown = compare(keep(tmp_path, "run", whole))
    assert "benchmark 'step time': 4 tests" in shown
    assert "[candidate]" in shown
    assert re.search(rf"{SUBJECT.name} \(n\) +100\.0000 .*103\.0000 .*101\.5000 .*101\.5000 .* 4", shown), shown


def test_pytest_benchmark_compares_two_runs(tmp_path: Path) -> None:
    slow = run(records(speeds=[2 * seconds for seconds in SPEEDS]))
    shown = compare(keep(tmp_path, "before", document(run(records()))), keep(tmp_path, "after", document(slow)))
    assert re.search(r"203\.0000 \(2\.0", shown), shown  # the mean, and how it compares


def test_both_sides_of_a_paired_run() -> None:
    whole = document(paired_run(1.2))
    assert [each["name"] for each in whole["benchmarks"]] == [
        f"{SUBJECT.name}[reference]",
        f"{SUBJECT.name}[candidate]",
    ]
    reference, candidate = (each["stats"]["mean"] for each in whole["benchmarks"])
    # The samples' launches differ by 0.1%: 0, 1, … 9 thousandths.
    assert candidate / reference == pytest.approx(1.2 * 1.0045)


def test_launches_on_one_core_are_apart() -> None:
    """A step takes longer there: a mean over both kinds says nothing of either."""
    whole = paired_run(1.2)
    pairs = [dataclasses.replace(one, core=1 if one.launch < 4 else None) for one in whole.pairs]
    found = document(dataclasses.replace(whole, pairs=tuple(pairs)))["benchmarks"]
    rounds = {each["param"]: each["stats"]["rounds"] for each in found}
    assert rounds == {"reference, one core": 4, "candidate, one core": 4, "reference": 6, "candidate": 6}


def test_of_a_gate_the_launches_in_turn() -> None:
    measured = gate_run(1.2)
    names = [f"{SUBJECT.name}[reference]", f"{SUBJECT.name}[candidate]"]
    assert [each["name"] for each in document(measured)["benchmarks"]] == names
    # Timed, as launches of a gate are not: they are kept apart all the same.
    timed = document(dataclasses.replace(measured, numbers=run(records())))["benchmarks"]
    assert [(each["name"], each["stats"]["rounds"]) for each in timed] == [
        (SUBJECT.name, 4),
        *((name, 10) for name in names),
    ]


def test_a_gate_without_speed_has_nothing_to_export() -> None:
    with pytest.raises(ValueError, match="no timed steps"):
        document(gate_run(speed=False))


def test_one_launch_has_no_spread() -> None:
    (benchmark,) = document(run([record()]))["benchmarks"]
    assert (benchmark["stats"]["stddev"], benchmark["stats"]["iqr"]) == (0.0, 0.0)


def test_a_run_without_speed_has_nothing_to_export() -> None:
    untimed = type(record())(**{**vars(record()), "step_seconds": ()})
    with pytest.raises(ValueError, match="no timed steps: there is nothing to export"):
        document(run([untimed]))


def test_of_micro_the_files_that_are_there_are_named() -> None:
    with pytest.raises(ValueError, match=r"reference-00\.json"):
        document(Micro(MICRO_RUN, [], []))


def test_the_file_holds_one_run() -> None:
    assert json.loads(render([stored()])) == document(stored().run)
    with pytest.raises(ValueError, match="2 runs"):
        render([stored(), upgrade()])
