"""`tfgate upgrade`: what it refuses before anything is measured, and paired runs judged again by `check`."""

import json
from pathlib import Path

import pytest

from bench.record.files import write_record
from bench.record.types import Failure
from tests.bench.commands.conftest import Tfgate, snapshot
from tests.bench.paired_samples import pair, paired_run
from tests.faults.trial import fault_variables


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--config", "huge"], "no configuration is called 'huge'"),
        (["--from-env", "NAME"], "--from-env 'NAME' is not NAME=VALUE"),
        (["--to-env", "=VALUE"], "--to-env '=VALUE' is not NAME=VALUE"),
        (["--speed-only", "--numerics-only"], "--speed-only and --numerics-only leave nothing to compare"),
        (["--device", "tpu"], "--device is 'tpu'"),
        (["--corpus-path", "nowhere"], "the synthetic corpus is made, not read"),
        (["--baselines", "nowhere"], "nowhere: there is no such folder"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, more: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = snapshot(tmp_path)
    folder = [] if "--baselines" in more else ["--baselines", str(baselines)]
    found = tfgate("upgrade", "--from", "./none", "--to", "./none", *folder, *more)
    assert found.code == 2
    assert said in found.error
    assert snapshot(tmp_path) == before


def test_an_interpreter_that_is_missing_is_named(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    missing = str(tmp_path / "none")
    found = tfgate("upgrade", "--from", missing, "--to", missing, "--baselines", baselines, "--output", tmp_path / "out")
    assert found.code == 2
    assert found.error.startswith(f"{missing}: there is no interpreter")
    assert not (tmp_path / "out").exists()


def test_an_interpreter_that_does_not_start_is_named(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    empty = tmp_path / "python"
    empty.touch(0o755)
    found = tfgate("upgrade", "--from", empty, "--to", empty, "--baselines", baselines, "--output", tmp_path / "out")
    assert found.code == 2
    assert found.error == f"interpreter {empty} can't be started: Exec format error"
    assert not (tmp_path / "out").exists()


def test_both_sides_are_needed(tfgate: Tfgate) -> None:
    found = tfgate("upgrade", "--from", "2.20.0")
    assert found.code == 2
    assert "--to" in found.err


def test_a_paired_run_is_judged_again(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    for name, step in (("same", 0.0), ("slower", 0.2)):
        write_record(tmp_path / name / "paired.json", paired_run([pair(launch, step=step) for launch in range(4)]))
    same = tfgate("check", tmp_path / "same", "--baselines", baselines)
    assert same.code == 0
    assert "PASS: the candidate is as right as the reference" in same.out
    assert "2.20.0" in same.out.splitlines()[2]
    slower = tfgate("check", tmp_path / "slower", "--baselines", baselines, "--json")
    assert slower.code == 1
    assert [found["metric"] for found in json.loads(slower.out)["comparisons"] if found["outcome"] == "REGRESSION"] == ["step time"]


def test_a_paired_run_is_shown_launch_by_launch(tfgate: Tfgate, tmp_path: Path) -> None:
    broken = Failure("crashed", "the worker was killed by SIGSEGV during steps")
    write_record(tmp_path / "run" / "paired.json", paired_run([pair(0, step=0.1), pair(1, failure=broken)], warnings=("busy",)))
    shown = tfgate("show", tmp_path / "run")
    assert shown.code == 0
    lines = shown.out.splitlines()
    first = next(line.split() for line in lines if line.split()[:2] == ["1", "reference"])
    assert first == ["1", "reference", "100.00", "100.00", "+11.0%", "+0.40%", "1001", "1000", "30", "0%"]  # e^0.104 = 1.110
    assert lines[-2:] == ["failed: launch 2, candidate: the worker was killed by SIGSEGV during steps", "warning: busy"]
    assert json.loads(tfgate("show", tmp_path / "run", "--json").out)["pairs"][0]["first"] == "reference"


@pytest.mark.slow
def test_a_fault_that_begins_late_is_found(tfgate: Tfgate, tmp_path: Path, newest_python: Path, baselines: Path) -> None:
    """The learning rate falls by 1% after 200 steps: the oracle, which sees 60, can't know."""
    variables = fault_variables("wrong-after-step-200")
    planted = [option for name, value in variables.items() for option in ("--to-env", f"{name}={value}")]
    sides = ["--from", str(newest_python), "--from-env", f"PYTHONPATH={variables['PYTHONPATH']}", "--to", str(newest_python), *planted]
    more = ["--config", "tiny", "--numerics-only", "--baselines", baselines, "--output", tmp_path / "out"]
    found = tfgate("upgrade", *sides, *more)
    assert found.code == 1, found
    said = " ".join(found.out.split())
    assert "lockstep REGRESSION" in said
    assert "is the first to leave its limit, at step 200" in said
