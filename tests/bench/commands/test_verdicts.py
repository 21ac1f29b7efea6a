"""A verdict on a terminal: a real one (a pseudo-terminal), with and without NO_COLOR."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.commands import verdicts
from bench.record.files import write_record
from bench.record.types import Failure, Startup
from tests.builders.commands import PASS, REGRESSION, Keep, Tfgate
from tests.builders.launches import on_candidate
from tests.builders.paired import pair, paired_run
from tests.builders.records import record, records

ROOT = Path(__file__).resolve().parents[3]
ROWS = 30
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(arguments: list[str | Path], columns: int, **variables: str) -> str:
    """Returns the text on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    environment = {
        name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}
    } | variables
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs):
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the other end is closed: Linux's way to say so
            pass
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


Shown = Callable[..., str]


@pytest.fixture
def shown(tfgate: Tfgate, monkeypatch: pytest.MonkeyPatch) -> Shown:
    """Returns what a command prints on a terminal of so many columns without colour; called in this process."""

    def call(columns: int, *arguments: str | Path) -> str:
        monkeypatch.setattr(verdicts, "terminal", lambda: (columns, False))
        return tfgate(*arguments).out

    return call


@pytest.fixture
def check(keep: Keep, baselines: Path) -> list[str | Path]:
    return ["check", keep("run", records([5.1] * 4)), "--baselines", baselines]


def test_a_terminal_gets_colour_unless_no_color_is_set_and_lines_of_its_width(check: list[str | Path]) -> None:
    coloured, plain = on_a_terminal(check, 80), on_a_terminal(check, 80, NO_COLOR="1")
    assert coloured.startswith(f"\x1b[1;31m{REGRESSION.value} (")
    assert plain == ESCAPE.sub("", coloured)
    assert "\x1b" not in plain
    assert 60 < max(len(line) for line in plain.splitlines() if not line.startswith("  tfgate ")) <= 80


def test_a_run_is_shown_as_wide_as_the_terminal(tmp_path: Path) -> None:
    write_record(tmp_path / "paired.json", paired_run([pair(launch) for launch in range(10)]))
    assert 60 < max(map(len, on_a_terminal(["show", tmp_path], 80).splitlines())) <= 80


def test_verbose_tells_the_sides_and_the_precision_too(shown: Shown, tmp_path: Path) -> None:
    write_record(tmp_path / "paired.json", paired_run([pair(launch) for launch in range(10)]))
    brief, whole = (shown(120, "check", tmp_path, *more) for more in ([], ["--verbose"]))
    for part in ("\nPrecision\n", "\nasked for", "MDE", "\nWhy trust this: "):
        assert part in whole
        assert part not in brief
    assert "┊" in brief


def test_the_command_in_full_names_the_folder_of_baselines_that_was_given(
    shown: Shown, tmp_path: Path, baselines: Path
) -> None:
    write_record(tmp_path / "paired.json", paired_run([pair(launch) for launch in range(10)]))
    *_, given = shown(400, "check", tmp_path, "--baselines", baselines).splitlines()
    *_, usual = shown(400, "check", tmp_path).splitlines()
    assert given.startswith("In full: ")
    assert f" --baselines {baselines}" in given
    assert "--baselines" not in usual


def test_where_a_process_failed_both_texts_name_the_command_that_shows_its_output(
    shown: Shown, keep: Keep, baselines: Path
) -> None:
    folder = keep("run", [*records()[:3], record(launch=3, failure=Failure("crashed", "killed"))])
    for more in ([], ["--verbose"]):
        assert f": tfgate show {folder}\n" in shown(400, "check", folder, "--baselines", baselines, *more)


def test_where_nothing_else_can_be_encoded_the_plot_is_ascii(tmp_path: Path) -> None:
    write_record(tmp_path / "paired.json", paired_run([pair(launch) for launch in range(10)]))
    text = on_a_terminal(["check", tmp_path], 120, NO_COLOR="1", PYTHONIOENCODING="ascii")
    assert "in margins" in text
    assert text.isascii()
    assert "Traceback" not in text


def test_other_answers_are_ascii_there_too(keep: Keep) -> None:
    usage = on_a_terminal(["--help"], 120, PYTHONIOENCODING="ascii")
    table = on_a_terminal(["show", keep("run")], 120, PYTHONIOENCODING="ascii")
    assert "COMMAND ..." in usage
    assert "peak MiB" in table
    assert (usage + table).isascii()


@pytest.mark.parametrize("step", [0.0, 0.2], ids=["pass", "regression"])
def test_an_upgrade_fits_on_one_screen(shown: Shown, tmp_path: Path, step: float) -> None:
    startups = (Startup(1.0, 1.0, 1.0 + launch / 100, 1.0) for launch in range(10))
    launches = [on_candidate(pair(launch, step=step), startup=startup) for launch, startup in enumerate(startups)]
    write_record(tmp_path / "paired.json", paired_run(launches))
    lines = shown(120, "check", tmp_path).splitlines()
    assert any(line.startswith((REGRESSION if step else PASS).value) for line in lines)
    assert max(map(len, lines)) <= 120
    assert len(lines) <= ROWS
