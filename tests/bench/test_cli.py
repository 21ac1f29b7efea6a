"""The command line as a process: help, version, and how little they load."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from bench.cli import COMMANDS, GROUPS, command_parser
from bench.commands.usage import UsageError
from bench.drive.paired import PAIRED_FILE
from bench.record.files import write_record
from tests.builders.commands import in_turn

ROOT = Path(__file__).resolve().parents[2]


def tfgate(*arguments: str, closed: int | None = None) -> subprocess.CompletedProcess[str]:
    """Runs tfgate, with a descriptor closed."""
    command = [sys.executable, "-m", "bench", *arguments]
    before = None if closed is None else lambda: os.close(closed)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, preexec_fn=before)


def test_help_names_every_command_in_its_group_and_the_exit_codes() -> None:
    found = tfgate("--help")
    assert (found.returncode, found.stderr) == (0, "")
    for title, commands in GROUPS.items():
        listed = found.stdout.partition(f"\n{title}:\n")[2].partition("\n\n")[0].splitlines()
        assert [line.split()[0] for line in listed] == list(commands)
    assert all(f"{code} " in found.stdout.splitlines()[-1] for code in range(5))


def test_without_a_command_help_is_an_error() -> None:
    found = tfgate()
    assert (found.returncode, found.stdout, found.stderr) == (2, "", tfgate("--help").stdout)


def test_with_standard_output_closed_the_exit_code_is_the_verdict_s(tmp_path: Path) -> None:
    write_record(tmp_path / PAIRED_FILE, in_turn(step=0.5))
    found = tfgate("check", str(tmp_path), closed=1)
    assert (found.returncode, found.stderr) == (1, "")


def test_with_standard_error_closed_an_error_is_no_answer() -> None:
    found = tfgate("frobnicate", closed=2)
    assert (found.returncode, found.stdout) == (2, "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--form", "2.20.0", "--to", "2.21.0"), "are required: --from; --form: did you mean --from?"),
        (("--from", "A", "--to", "B", "--metrics=trace"), "--metrics=trace; --metrics: did you mean --metric?"),
        (("--from", "A", "--to", "B", "--zzzz"), "unrecognized arguments: --zzzz"),
        (("--from", "A", "--to", "B", "--budget", "--metric"), "argument --budget: expected one argument"),
        (("--from", "A", "--", "--too"), "are required: --to"),
        (("--zzzz", "--form", "A", "--to", "B"), "are required: --from; --form: did you mean --from?"),
    ],
)
def test_a_mistyped_option_is_told_with_the_nearest_one(options: Sequence[str], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said) + "$"):
        command_parser("upgrade").parse_args(options)


def test_a_mistyped_option_of_a_command_s_command_is_told_as_well() -> None:
    with pytest.raises(UsageError, match=r"arguments: --keep-newst; --keep-newst: did you mean --keep-newest\?$"):
        command_parser("env").parse_args(("remove", "--all", "--keep-newst"))


def test_version() -> None:
    found = tfgate("--version")
    assert (found.returncode, found.stdout.split()[:2]) == (0, ["tfgate", version("tfgate")])


def loaded(statement: str) -> set[str]:
    """The libraries that a fresh process has loaded after a statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(list(sys.modules)), file=sys.stderr)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(found.stderr)}


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_they_load_no_library(argument: str) -> None:
    heavy = {"jinja2", "lm", "matplotlib", "numpy", "rich", "ruptures", "scipy", "tabulate", "tensorflow"}
    assert loaded(f"from bench.cli import main\nassert main([{argument!r}]) == 0") & heavy == set()


def test_commands_load_what_takes_long_when_they_need_it() -> None:
    imported = "\n".join(f"import bench.commands.{name}" for name in COMMANDS)
    assert loaded(imported) & {"distributed", "matplotlib", "ruptures", "scipy", "tensorflow"} == set()
    assert "scipy" in loaded("from bench.stats.intervals import interval\ninterval(0.0, 1.0, 3)")
