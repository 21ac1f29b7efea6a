"""`tfgate run`, and `gate` before it measures: foreign files, and interpreters that can't measure."""

import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench.drive.doctor import Finding
from bench.drive.lock import host_lock
from bench.record.files import read_record, unsealed
from bench.record.types import NO_TENSORFLOW, Run
from tests.builders.commands import Keep, Tfgate, noisy_side, snapshot, without_tensorflow


def test_a_foreign_corpus_is_refused(tfgate: Tfgate, tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        (tmp_path / f"ptb.{split}.txt").write_text("not the PTB\n", encoding="utf-8")
    found = tfgate(
        "run", "--corpus", "ptb", "--corpus-path", tmp_path, "--config", "tiny", "--output", tmp_path / "run"
    )
    assert found.code == 2
    assert "is truncated or foreign: 12 bytes" in found.error
    assert not (tmp_path / "run").exists()


def test_a_folder_that_holds_a_run_is_left_alone(tfgate: Tfgate, keep: Keep) -> None:
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
    assert "No module named 'tensorflow'" in found.err
    kept = read_record(Run, tmp_path / "run" / "run.json")
    assert [record.failure.kind for record in kept.records if record.failure] == [NO_TENSORFLOW]
    assert kept.warnings == ()
    assert found.plain == json.loads(unsealed((tmp_path / "run" / "run.json").read_text(encoding="utf-8")))


def test_a_library_that_is_not_loaded_fails_the_run_and_is_named(tfgate: Tfgate, tmp_path: Path) -> None:
    """The dynamic linker goes on without it."""
    library, out = tmp_path / "libfast.so", tmp_path / "run"
    found = tfgate("run", "--no-speed", "--config", "tiny", "--env", f"LD_PRELOAD={library}", "--output", out)
    assert found.code == 4
    assert f"{library} of LD_PRELOAD is not loaded: name a library that is there" in found.out
    kept = read_record(Run, out / "run.json")
    assert [record.failure.kind for record in kept.records if record.failure] == [NO_TENSORFLOW]


def test_an_interpreter_that_is_none(tfgate: Tfgate, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    found = tfgate("run", "--no-speed", "--config", "tiny", "--python", tmp_path / "python", "--output", out)
    assert found.code == 4
    assert "can't be started: No such file or directory" in found.err
    assert f"tfgate check '{out}' (--baselines DIR" in found.out  # `run` has no such option itself
    (record,) = read_record(Run, out / "run.json").records  # of a launch that would fail again
    assert record.failure


@pytest.mark.usefixtures("fake_oracle", "short_launches")
@pytest.mark.parametrize("timed", [True, False])
def test_launches_are_measured_as_they_were_asked_for(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timed: bool
) -> None:
    """From their own streams, in their environment, and timed or not: only a time is disturbed by what else runs."""
    monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.0", "a load of 2.0"),))
    python, out = noisy_side(tmp_path / "python", midway="assert os.environ['MINE'] == 'x'"), tmp_path / "run"
    words = ["run", "--python", python, "--env", "MINE=x", "--config", "tiny", "--launches", 2, "--jitter", 7]
    found = tfgate(*words, *([] if timed else ["--no-speed"]), "--output", out)
    assert found.code == 0, found
    run = read_record(Run, out / "run.json")
    assert [record.jitter for record in run.records] == [7, 8]
    assert [bool(record.step_seconds) for record in run.records] == [False, timed]  # the first is for its numbers
    assert ("a load of 2.0" in run.warnings) == timed


@pytest.mark.slow
def test_a_workload_s_units_are_timed_after_its_answers(tfgate: Tfgate, tmp_path: Path, newest_python: Path) -> None:
    words = ("--workload", "masked", "--config", "tiny", "--launches", 2, "--no-speed", "--output", tmp_path / "run")
    assert tfgate("run", "--python", newest_python, *words).code == 0
    answered, done = read_record(Run, tmp_path / "run" / "run.json").records
    assert answered.numerics
    assert (len(done.losses), done.evaluation) == (3 + 2 * 30 * 10, None)  # the warm-up, and two blocks of each quad
    assert done.memory
    assert tfgate("check", tmp_path / "run").code == 0


@pytest.mark.parametrize("spoiled", ["margins.toml", "notebook-synthetic-cells-cpu0.json"])
def test_gate_reads_what_it_judges_by_before_it_measures(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, spoiled: str
) -> None:
    (baselines / spoiled).write_text("?", encoding="utf-8")
    found = tfgate("gate", "--quick", "--baselines", baselines, "--output", tmp_path / "run")
    assert found.code == 2
    assert spoiled in found.error
    assert not (tmp_path / "run").exists()


def test_two_timing_jobs_do_not_measure_each_other(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.commands.timing.say", Mock(side_effect=KeyboardInterrupt))  # Ctrl-C while it waits
    with host_lock():
        found = tfgate("run", "--config", "tiny", "--output", tmp_path / "run")
    assert found.code == 4
    assert not (tmp_path / "run").exists()
