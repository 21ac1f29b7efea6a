"""`tfgate run` and `gate`: what they refuse before anything is measured, and an interpreter that can't measure."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.record.files import read_record
from bench.record.types import NO_TENSORFLOW, Run
from tests.bench.commands.conftest import Tfgate, snapshot

without_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="this Python has TensorFlow"
)


@pytest.mark.parametrize("command", ["run", "gate"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--config", "huge"], "no configuration is called 'huge'; there are tiny, notebook, small, medium, large"),
        (["--implementation", "eager"], "no implementation is called 'eager'; there are cells"),
        (["--env", "PATH"], "--env 'PATH' is not NAME=VALUE"),
        (["--env", "=1"], "--env '=1' is not NAME=VALUE"),
        (["--launches", "0"], "--launches is 0; it must be at least 1"),
        (["--launches", "-3"], "--launches is -3; it must be at least 1"),
        (["--threads", "-1"], "--threads is -1; it must be at least 1, or 0 for as many as cores"),
        (["--device", "tpu"], "--device is 'tpu'; it must be a name such as cpu:0 or gpu:0"),
        (["--corpus-path", "here"], "the synthetic corpus is made, not read, yet the path here was given"),
        (["--corpus", "ptb", "--corpus-path", "nowhere"], "nowhere: there is no such file or directory"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    tfgate: Tfgate,
    tmp_path: Path,
    baselines: Path,
    command: str,
    options: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = snapshot(tmp_path)
    judging = ["--baselines", str(baselines)] if command == "gate" else ["--no-speed"]
    default = [] if "--config" in options else ["--config", "tiny"]
    found = tfgate(command, *default, *options, *judging)
    assert found.code == 2
    assert said in found.error
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("jitter", ["-1", "2147483648"])
def test_a_jitter_that_makes_no_stream_is_refused(tfgate: Tfgate, tmp_path: Path, jitter: str) -> None:
    found = tfgate("run", "--config", "tiny", "--jitter", jitter, "--output", tmp_path / "run")
    assert (found.code, found.error) == (2, f"--jitter is {jitter}; it must be at least 0 and below 2147483648")
    assert not (tmp_path / "run").exists()


def test_a_foreign_corpus_is_refused(tfgate: Tfgate, tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        (tmp_path / f"ptb.{split}.txt").write_text("not the PTB\n", encoding="utf-8")
    found = tfgate(
        "run", "--corpus", "ptb", "--corpus-path", tmp_path, "--config", "tiny", "--output", tmp_path / "run"
    )
    assert found.code == 2
    assert "is truncated or foreign: 12 bytes" in found.error
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run_is_left_alone(tfgate: Tfgate, keep: Callable[..., Path]) -> None:
    folder = keep("run")
    before = snapshot(folder)
    found = tfgate("run", "--no-speed", "--config", "tiny", "--output", folder)
    assert found.code == 2
    assert found.error == f"{folder / 'run.json'} exists already and is not overwritten: choose another place"
    assert snapshot(folder) == before


def test_an_output_that_is_a_file(tfgate: Tfgate, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    found = tfgate("run", "--no-speed", "--config", "tiny", "--output", tmp_path / "file")
    assert found.code == 2
    assert found.error.startswith(f"{tmp_path / 'file'}")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@without_tensorflow
def test_an_interpreter_without_tensorflow_fails_and_says_so(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate("run", "--no-speed", "--config", "tiny", "--output", tmp_path / "run", "--json")
    assert found.code == 4
    assert (
        "No module named 'tensorflow'; install TensorFlow there, or name another interpreter by --python" in found.err
    )
    kept = read_record(Run, tmp_path / "run" / "run.json")
    assert [record.failure.kind for record in kept.records if record.failure] == [NO_TENSORFLOW]
    assert kept.warnings == ()
    assert json.loads(found.out) == json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))


def test_an_interpreter_that_is_none(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate(
        "run", "--no-speed", "--config", "tiny", "--python", tmp_path / "python", "--output", tmp_path / "run"
    )
    assert found.code == 4
    assert "can't be started: No such file or directory" in found.err
    assert "failed: tiny-synthetic-cells-cpu0, launch 1: interpreter" in " ".join(found.out.split())


def test_gate_with_an_interpreter_that_is_none_is_refused(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    found = tfgate(
        "gate", "--quick", "--python", tmp_path / "python", "--output", tmp_path / "run", "--baselines", baselines
    )
    assert (found.code, (tmp_path / "run").exists()) == (2, False)
    assert found.error.startswith(f"{tmp_path / 'python'}: there is no interpreter")


@pytest.mark.parametrize("spoiled", ["margins.toml", "notebook-synthetic-cells-cpu0.json"])
def test_gate_reads_what_it_judges_by_before_it_measures(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, spoiled: str
) -> None:
    (baselines / spoiled).write_text("?", encoding="utf-8")
    found = tfgate("gate", "--quick", "--baselines", baselines, "--output", tmp_path / "run")
    assert found.code == 2
    assert spoiled in found.error
    assert not (tmp_path / "run").exists()


def test_gate_without_a_baselines_folder(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate("gate", "--baselines", tmp_path / "nowhere", "--output", tmp_path / "run")
    assert (found.code, found.error.partition(";")[0]) == (2, f"{tmp_path / 'nowhere'}: there is no such folder")


def test_two_timing_jobs_do_not_measure_each_other(tfgate: Tfgate, tmp_path: Path) -> None:
    from bench.drive.lock import host_lock

    with host_lock():
        found = tfgate("run", "--config", "tiny", "--output", tmp_path / "run")
    assert found.code == 4
    assert "measures on this host already" in found.error
    assert not (tmp_path / "run").exists()
