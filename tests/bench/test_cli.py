"""The command line as a process: usage, exit codes, and how little `--help` loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cli import build_parser, main

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "check",
    "compare",
    "data",
    "doctor",
    "env",
    "export",
    "gate",
    "history",
    "lockstep",
    "micro",
    "profile",
    "record",
    "report",
    "run",
    "show",
    "train",
    "upgrade",
)


def tfgate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_names_every_command_and_exit_code() -> None:
    found = tfgate("--help")
    assert (found.returncode, found.stderr) == (0, "")
    for command in COMMANDS:
        assert f"\n    {command} " in found.stdout
    assert "0 pass · 1 regression · 2 usage error · 3 cannot judge · 4 measurement failed" in found.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["gate", "--help"], ["record", "--help"], ["env", "list", "--help"]])
def test_help_loads_no_library(arguments: list[str]) -> None:
    code = f"""
import json, sys
from bench.cli import main
try:
    main({arguments!r})
except SystemExit as left:
    loaded = {{name.partition(".")[0] for name in sys.modules}}
    heavy = {{"jinja2", "lm", "matplotlib", "numpy", "rich", "ruptures", "scipy", "tabulate", "tensorflow"}}
    print(json.dumps([left.code, sorted(loaded & heavy)]), file=sys.stderr)
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(found.stderr) == [0, []]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "usage: tfgate"),
        (["gaet"], "invalid choice: 'gaet'"),
        (["check"], "the following arguments are required: REPORT"),
        (["check", "a", "b"], "unrecognized arguments: b"),
        (["run", "--launches", "many"], "argument --launches: invalid int value: 'many'"),
        (["run", "--corpus", "bible"], "argument --corpus: invalid choice: 'bible'"),
        (["doctor", "--require", "tpu"], "argument --require: invalid choice: 'tpu'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_usage_errors_exit_with_2(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(arguments)
    except SystemExit as left:
        code = int(str(left.code))
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert said in captured.err


def test_a_process_answers_with_the_command_s_code_and_one_line() -> None:
    found = tfgate("check", "nowhere")
    assert (found.returncode, found.stdout, found.stderr) == (
        2,
        "",
        "tfgate: error: nowhere: No such file or directory\n",
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_module(command: str) -> None:
    assert (ROOT / "bench" / "commands" / f"{command}.py").is_file()
    with pytest.raises(SystemExit) as left:
        build_parser().parse_args([command, "--help"])
    assert left.value.code == 0
