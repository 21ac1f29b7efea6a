"""`tfgate upgrade`: what it refuses before anything is measured, and paired runs judged again by `check`."""

import json
from pathlib import Path

import pytest

from bench.record.files import write_record
from tests.bench.commands.conftest import Tfgate, snapshot
from tests.bench.paired_samples import pair, paired_run


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
