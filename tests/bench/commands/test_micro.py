"""`tfgate micro`: launches kept and judged, what is printed, the exit codes, and the options that it refuses."""

import json
from pathlib import Path

import jsonschema
import pytest

from bench.commands.micro import TARGETS
from tests.bench.commands.conftest import Tfgate
from tests.bench.micro_samples import EAGER, MACHINE, STEP, calls, micro_interpreter, write_launch

ROOT = Path(__file__).resolve().parents[3]
# Medians of the step in four launches, about 1% apart.
SECONDS = (0.0600, 0.0606, 0.0597, 0.0603)
LAUNCHES = [{STEP: value, EAGER: 4 * value} for value in SECONDS]
SLOWER = [{STEP: 1.5 * value, EAGER: 4 * value} for value in (0.0603, 0.0600, 0.0606, 0.0597)]


@pytest.fixture(autouse=True)
def quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for disturbances takes a second, and the tests that run beside these are none."""
    monkeypatch.setattr("bench.commands.micro.examine", tuple)
    monkeypatch.setattr("bench.drive.micro.CpuWatch.others", lambda self: 0.0)


def refused(verdict: object) -> list[str]:
    """What the published schema has against a verdict."""
    schema = json.loads((ROOT / "docs" / "schema" / "verdict.schema.json").read_text(encoding="utf-8"))
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(verdict)]


def test_two_environments_take_turns_and_are_judged(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    reference, candidate = micro_interpreter(tmp_path, *LAUNCHES), micro_interpreter(tmp_path, *SLOWER)
    sides = ["--python", reference, "--python", candidate]
    answer = tfgate("micro", *sides, "--output", tmp_path / "out", "--baselines", empty_baselines)
    assert answer.code == 1, answer.err
    assert answer.out.startswith("REGRESSION: a hot path is slower than its margin allows\n  step graph of notebook cells on cpu:0: +")
    assert "step eager" in answer.out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{role}-{number:02}.json" for role in ("candidate", "reference") for number in range(4)
    ]
    said = [line.partition(" launch")[0] for line in answer.err.splitlines() if " launch " in line]
    assert said == ["reference", "candidate", "candidate", "reference"] * 2


def test_equal_environments_pass_and_stop_at_the_first_look_that_settles_it(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    reference, candidate = micro_interpreter(tmp_path, *LAUNCHES), micro_interpreter(tmp_path, *reversed(LAUNCHES))
    sides = ["--python", reference, "--python", candidate, "--launches", "12"]
    answer = tfgate("micro", *sides, "--output", tmp_path / "out", "--baselines", empty_baselines, "--json")
    assert answer.code == 0, answer.err
    assert f"launches kept in {tmp_path / 'out'}" in answer.err
    plain = json.loads(answer.out)
    assert refused(plain) == []
    assert refused({**plain, "folder": "out"}) == ["Additional properties are not allowed ('folder' was unexpected)"]
    assert plain["outcome"] == "PASS"
    assert [one["metric"] for one in plain["comparisons"]] == ["step graph", "step eager"]
    assert len(calls(candidate)) == 4


def test_one_environment_without_sessions_informs(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    python = micro_interpreter(tmp_path, *LAUNCHES)
    answer = tfgate("micro", "--python", python, "--output", tmp_path / "out", "--baselines", empty_baselines)
    assert answer.code == 0, answer.err
    assert "60.15 ms, 9,975 words/s" in answer.out
    assert "0 earlier sessions on this machine" in " ".join(answer.out.split())


def session(folder: Path, factor: float, machine: str = MACHINE) -> Path:
    for number, value in enumerate(SECONDS):
        write_launch(folder / f"launch-{number:02}.json", {STEP: factor * value, EAGER: 4 * value}, machine=machine)
    return folder


def test_earlier_runs_are_held_against(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    against = [argument for number in (0, 1, 2) for argument in ("--against", session(tmp_path / f"s{number}", 1 + number / 100))]
    for launches, code in ((LAUNCHES, 0), (SLOWER, 1)):
        python = micro_interpreter(tmp_path, *launches)
        answer = tfgate("micro", "--python", python, *against, "--output", tmp_path / f"out{code}", "--baselines", empty_baselines)
        assert answer.code == code, answer.out


def test_one_session_cannot_judge_who_asks_for_a_verdict(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    python = micro_interpreter(tmp_path, *SLOWER)
    options = ["--against", session(tmp_path / "s", 1.0), "--output", tmp_path / "out", "--baselines", empty_baselines]
    answer = tfgate("micro", "--python", python, *options)
    assert answer.code == 3
    assert "1 earlier sessions on this machine with 2 threads, oneDNN on can't tell how sessions differ" in " ".join(answer.out.split())


def test_recorded_sessions_are_the_baseline(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    for number in range(2):
        session(empty_baselines / "micro" / f"2026010{number}", 1 + number / 100)
    python = micro_interpreter(tmp_path, *LAUNCHES)
    answer = tfgate("micro", "--python", python, "--record", "--output", tmp_path / "out", "--baselines", empty_baselines)
    assert answer.code == 0, answer.err
    kept = sorted((empty_baselines / "micro").iterdir())
    assert len(kept) == 3
    assert "data" not in json.loads((kept[-1] / "launch-00.json").read_text())["benchmarks"][0]["stats"]
    python = micro_interpreter(tmp_path, *SLOWER)
    assert tfgate("micro", "--python", python, "--output", tmp_path / "slow", "--baselines", empty_baselines).code == 1
    python = micro_interpreter(tmp_path, *SLOWER, onednn=False)
    answer = tfgate("micro", "--python", python, "--output", tmp_path / "off", "--baselines", empty_baselines)
    assert (answer.code, "0 earlier sessions on this machine with 2 threads, oneDNN off" in " ".join(answer.out.split())) == (0, True)


def test_recorded_sessions_that_prove_nothing_are_no_pass(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    for number, factor in enumerate((1.0, 2.0, 1.5)):  # sessions that differ more than any margin
        session(empty_baselines / "micro" / f"2026010{number}", factor)
    python = micro_interpreter(tmp_path, *LAUNCHES)
    answer = tfgate("micro", "--python", python, "--output", tmp_path / "out", "--baselines", empty_baselines)
    assert (answer.code, "can't be excluded" in " ".join(answer.out.split())) == (3, True)


def test_an_installations_baselines_take_no_session(
    tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.commands.options.BASELINES", (empty_baselines, tmp_path / "no-checkout"))
    python = micro_interpreter(tmp_path, *LAUNCHES)
    answer = tfgate("micro", "--python", python, "--record", "--output", tmp_path / "out")
    assert (answer.code, "belongs to the installation" in answer.error) == (2, True)
    assert not (python.parent / "calls").exists()  # before anything is measured


def test_what_is_asked_for_reaches_pytest(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    python = micro_interpreter(tmp_path, *LAUNCHES)
    chosen = [
        "--config",
        "tiny",
        "--implementation",
        "cells",
        "--device",
        "cpu:1",
        "--mode",
        "graph",
        "--target",
        "step",
        "--target",
        "clip",
    ]
    answer = tfgate("micro", "--python", python, *chosen, "--launches", "1", "--output", tmp_path / "o", "--baselines", empty_baselines)
    assert answer.code == 0, answer.err
    (call,) = calls(python)
    assert {"--config=tiny", "--implementation=cells", "--device=cpu:1", "--mode=graph"} <= set(call)
    assert [Path(argument).name for argument in call if argument.endswith(".py")] == ["test_step.py", "test_clip.py"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--config", "huge"], "no configuration is called 'huge'; there are tiny"),
        (["--implementation", "threads"], "no implementation is called 'threads'; there are cells"),
        (["--device", "cpu:100"], "--device is 'cpu:100'; it must be a name such as cpu:0 or gpu:0"),
        (["--device", "tpu:0"], "--device is 'tpu:0'; it must be a name such as cpu:0 or gpu:0"),
        (["--mode", "xla"], "no mode is called 'xla'; there are eager, graph"),
        (["--target", "backward"], "no target is called 'backward'; there are forward, gradient, clip"),
        (["--launches", "0"], "--launches is 0; it must be at least 1"),
        (["--env", "NAME"], "--env 'NAME' is not NAME=VALUE"),
        (["--python", "a", "--python", "b", "--python", "c"], "--python was given 3 times"),
        (["--python", "a", "--python", "b", "--record"], "--against and --record are for one environment"),
        (["--against", "nowhere"], "nowhere holds no launches of one environment"),
        (["--baselines", "nowhere"], "nowhere: there is no such folder"),
    ],
)
def test_bad_options_are_refused_before_anything_starts(tfgate: Tfgate, tmp_path: Path, options: list[str], said: str) -> None:
    answer = tfgate("micro", "--output", tmp_path / "out", *options)
    assert answer.code == 2
    assert answer.error.startswith(said)
    assert not (tmp_path / "out").exists()


def test_a_folder_with_launches_is_not_overwritten(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    session(tmp_path / "out", 1.0)
    python = micro_interpreter(tmp_path, *LAUNCHES)
    answer = tfgate("micro", "--python", python, "--output", tmp_path / "out", "--baselines", empty_baselines)
    assert answer.code == 2
    assert "launch-00.json exists already and is not overwritten" in answer.error


def test_a_failed_launch_is_a_failed_measurement(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    python = micro_interpreter(tmp_path, *LAUNCHES, planted="sys.exit('no luck')")
    answer = tfgate("micro", "--python", python, "--output", tmp_path / "out", "--baselines", empty_baselines)
    assert answer.code == 4
    assert answer.error == f"micro-benchmarks under {python}: no luck"


# From its n-th call on, counted from 0, an interpreter finds a wrong answer.
WRONG = "if number >= {0}: print('E   WrongAnswerError: loss is 1.0e-01 off'); sys.exit(1)"


@pytest.mark.parametrize("launch", [1, 2])
def test_a_candidate_that_fails_where_the_reference_runs_is_a_regression(
    tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, launch: int
) -> None:
    """In launch 1 the reference went first; in launch 2 the candidate did, and the reference is asked after it."""
    reference = micro_interpreter(tmp_path, *LAUNCHES)
    candidate = micro_interpreter(tmp_path, *LAUNCHES, planted=WRONG.format(launch - 1))
    sides = ["--python", reference, "--python", candidate, "--baselines", empty_baselines]
    answer = tfgate("micro", *sides, "--output", tmp_path / "out", "--json")
    assert (answer.code, len(calls(reference)), len(calls(candidate))) == (1, launch, launch), answer.err
    plain = json.loads(answer.out)
    assert refused(plain) == []
    failed, *others = plain["comparisons"]
    assert (plain["outcome"], failed["outcome"], failed["candidate"], failed["reference"]) == ("REGRESSION", "REGRESSION", "failed", "runs")
    why = f"micro-benchmarks under {candidate}: WrongAnswerError: loss is 1.0e-01 off"
    assert failed["note"] == f"the candidate failed in launch {launch}, where the reference runs: {why}"
    assert len(others) == (0 if launch == 1 else 2)  # what the whole launches before it tell
    assert f"candidate launch {launch} of 4: {why}" in answer.err


def test_a_candidate_that_crashes_is_a_regression_in_words(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    reference = micro_interpreter(tmp_path, *LAUNCHES)
    candidate = micro_interpreter(tmp_path, *LAUNCHES, planted="import os; os.kill(os.getpid(), 11)")
    answer = tfgate("micro", "--python", reference, "--python", candidate, "--baselines", empty_baselines, "--output", tmp_path / "out")
    assert answer.code == 1, answer.err
    assert answer.out.startswith("REGRESSION: the candidate fails where the reference runs\n")
    assert "was killed by SIGSEGV" in " ".join(answer.out.split())


@pytest.mark.parametrize("launch", [1, 2])
def test_a_reference_that_fails_is_a_failed_measurement(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, launch: int) -> None:
    """Whatever the candidate does: here it fails in the same launch."""
    sides = [micro_interpreter(tmp_path, *LAUNCHES, planted=WRONG.format(launch - 1)) for _ in range(2)]
    options = [argument for python in sides for argument in ("--python", python)]
    answer = tfgate("micro", *options, "--output", tmp_path / "out", "--baselines", empty_baselines)
    assert (answer.code, answer.out) == (4, "")
    why = f"micro-benchmarks under {sides[0]}: WrongAnswerError: loss is 1.0e-01 off"
    assert answer.err.splitlines()[-1] == f"tfgate: error: {why}"


@pytest.mark.parametrize(
    "planted",
    [
        "print('ERROR: this Python has no tensorflow: …'); sys.exit(4)",
        "sys.exit('python: No module named pytest')",
        "print('SKIPPED [2] conftest.py:9: there is no gpu:0'); sys.exit(0)",
    ],
)
def test_a_candidate_with_nothing_to_measure_is_no_regression(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, planted: str) -> None:
    reference, candidate = micro_interpreter(tmp_path, *LAUNCHES), micro_interpreter(tmp_path, *LAUNCHES, planted=planted)
    sides = ["--python", reference, "--python", candidate]
    assert tfgate("micro", *sides, "--output", tmp_path / "out", "--baselines", empty_baselines).code == 4


def test_a_candidate_that_is_not_there_is_no_regression(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    sides = ["--python", micro_interpreter(tmp_path, *LAUNCHES), "--python", tmp_path / "nowhere"]
    assert tfgate("micro", *sides, "--output", tmp_path / "out", "--baselines", empty_baselines).code == 4


@pytest.mark.slow  # two launches of a real TensorFlow
def test_a_candidate_that_computes_wrongly_is_a_regression(
    tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, newest_python: Path
) -> None:
    """The same TensorFlow, but for a fault planted in the candidate's clipping."""
    candidate = tmp_path / "python"
    hook = ROOT / "tests" / "faults" / "hook"
    candidate.write_text(f'#!/bin/sh\nPYTHONPATH="{hook}:$PYTHONPATH" TFGATE_FAULT=clip-missing exec "{newest_python}" "$@"\n')
    candidate.chmod(0o755)
    chosen = ["--config", "tiny", "--implementation", "cells", "--mode", "graph", "--target", "clip", "--baselines", empty_baselines]
    answer = tfgate("micro", "--python", newest_python, "--python", candidate, *chosen, "--output", tmp_path / "out", "--json")
    assert answer.code == 1, answer.err
    (failed,) = json.loads(answer.out)["comparisons"]
    assert failed["note"].startswith("the candidate failed in launch 1, where the reference runs: ")
    assert "it isn't timed" in failed["note"]


def test_targets_are_the_suites_files() -> None:
    assert sorted(TARGETS) == sorted(path.stem.removeprefix("test_") for path in (ROOT / "bench" / "micro").glob("test_*.py"))
