"""`tfgate lockstep`: what it prints, its exit codes, and the options that it refuses."""

import json
from pathlib import Path

import pytest

from bench.cli import main
from bench.record.codec import from_plain
from bench.record.lockstep import Lockstep
from tests.builders.numpy_interpreter import numpy_interpreter

HALF_A_PERCENT = "trainer.learning_rate = 1.005 if step == 2 else 1.0"


def arguments(folder: Path, candidate: str = "pass", *more: str) -> list[str]:
    sides = ["--from-python", numpy_interpreter(folder), "--to-python", numpy_interpreter(folder, candidate)]
    return ["lockstep", *sides, "--steps", "4", *more]


def test_equal_sides_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path)) == 0
    said, error = capsys.readouterr()
    assert said.startswith("PASS: the candidate computes what the reference computes, step by step\n")
    assert "4 steps × 33 tensors agree" in said
    assert error == ""


def test_a_departure_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path, HALF_A_PERCENT)) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("REGRESSION: the candidate doesn't do what the reference does")
    assert "is the first to leave its limit, at step 2, 8 more with it; the oracle sides with the reference" in said


def test_json_holds_every_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(tmp_path, HALF_A_PERCENT, "--json")) == 1
    plain = json.loads(capsys.readouterr().out)
    assert (plain["outcome"], plain["exit_code"], plain["comparisons"][0]["metric"]) == ("REGRESSION", 1, "lockstep")
    result = from_plain(Lockstep, plain["lockstep"])
    assert result.departure is not None
    name = result.departure.first.name
    assert result.differences[name][:2] == (0.0, 0.0)
    assert result.differences[name][2] == pytest.approx(0.005, rel=0.01)


def test_variables_reach_their_side_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fault = "trainer.learning_rate = float(os.environ.get('PLANTED_RATE', '1'))"
    command = [
        "lockstep",
        "--from-python",
        numpy_interpreter(tmp_path, fault),
        "--to-python",
        numpy_interpreter(tmp_path, fault),
    ]
    assert main([*command, "--steps", "2"]) == 0
    assert main([*command, "--steps", "2", "--to-env", "PLANTED_RATE=1.01"]) == 1
    assert main([*command, "--steps", "2", "--from-env", "PLANTED_RATE=1.01"]) == 3
    assert "the oracle sides with the candidate" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--steps", "0"], "--steps is 0; it must be at least 1"),
        (["--config", "huge"], "no configuration is called 'huge'"),
        (["--from-env", "NAME"], "--from-env 'NAME' is not NAME=VALUE"),
        (["--to-env", "=VALUE"], "--to-env '=VALUE' is not NAME=VALUE"),
        (["--corpus-path", "nowhere"], "the synthetic corpus is made, not read"),
    ],
)
def test_bad_options_are_refused(more: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lockstep", "--from-python", "none", "--to-python", "none", *more]) == 2
    said, error = capsys.readouterr()
    assert said == ""
    assert message in error
    assert error.count("\n") == 1


def test_an_interpreter_that_is_missing_is_a_failed_measurement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "none")
    assert main(["lockstep", "--from-python", numpy_interpreter(tmp_path), "--to-python", missing, "--steps", "1"]) == 4
    assert f"interpreter {missing} can't be started" in capsys.readouterr().err


def test_both_interpreters_are_needed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["lockstep", "--from-python", "python"])
    assert ended.value.code == 2
    assert "--to-python" in capsys.readouterr().err
