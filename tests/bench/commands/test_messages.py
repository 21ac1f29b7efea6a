"""What commands say while they work, and `--quiet`, which leaves the answer alone."""

import importlib
import inspect
import io
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from bench.cli import command_parser
from bench.commands.messages import is_quiet, quieted, say
from bench.commands.progress import RunProgress, UpgradeProgress
from tests.builders.commands import Tfgate, noisy_side
from tests.builders.paired import pair, paired_run
from tests.builders.records import record
from tests.builders.so_far import so_far

PACKAGES = {"tensorflow-cpu": "9.9.9", "numpy": "2.4.0"}
MEASURING = ("bisect", "blame", "gate", "lockstep", "micro", "profile", "run", "survey", "upgrade")
# The modules of their own that say something.
THEIRS = (*MEASURING, "bisect_search", "blame_parts", "growing", "paired", "searches", "sides")


def test_a_line_is_said_unless_it_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    say("building\x1b[2J it")
    with quieted(quiet=True):
        assert is_quiet()
        say("not this")
    with quieted(quiet=False):
        say("kept")
    assert not is_quiet()
    assert capsys.readouterr().err == "building [2J it\nkept\n"


def test_a_line_stands_below_the_answer_before_it_in_a_log_of_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "log").open("w") as answers, (tmp_path / "log").open("a") as lines:
        monkeypatch.setattr(sys, "stdout", answers)
        monkeypatch.setattr(sys, "stderr", lines)
        print("the answer")
        say("going on")
        assert (tmp_path / "log").read_text() == "the answer\ngoing on\n"


def test_a_reader_of_progress_that_leaves_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pipe refuses the line; at exit, when Python flushes, nothing is left that can't be written."""
    refused: list[bytes] = []

    class Pipe(io.FileIO):
        def write(self, line: Any, /) -> int:
            try:
                return super().write(line)
            except BrokenPipeError:
                refused.append(bytes(line))
                raise

    reader, writer = os.pipe()
    os.close(reader)
    with io.TextIOWrapper(io.BufferedWriter(Pipe(writer, "w"))) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        say("launch 1")
        assert refused == [b"launch 1\n"]
        stream.flush()


def test_progress_of_a_quiet_command_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with quieted(quiet=True):
        upgrade, run = UpgradeProgress(so_far()), RunProgress([], 1)
        upgrade.phase("speed", 12)
        upgrade.pair(paired_run([pair(0)]))
        side_by_side = threading.Thread(target=run.record, args=(record(), 1))
        side_by_side.start()
        side_by_side.join()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", MEASURING)
def test_every_command_that_measures_takes_it(name: str) -> None:
    assert "--quiet" in command_parser(name).format_help()


@pytest.mark.parametrize("name", THEIRS)
def test_nothing_is_said_past_it(name: str) -> None:
    assert "file=sys.stderr" not in inspect.getsource(importlib.import_module(f"bench.commands.{name}"))


@pytest.mark.usefixtures("fake_oracle", "one_launch")
@pytest.mark.parametrize(
    "words",
    [("upgrade", "--metric", "step time"), ("gate", "--no-speed", "--launches", "1"), ("run", "--launches", "1")],
)
def test_a_quiet_command_prints_its_answer_alone(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, words: tuple[str, ...]
) -> None:
    old, new = (noisy_side(tmp_path / name, PACKAGES) for name in ("old", "new"))
    sides = {"upgrade": ["--from", old, "--to", new], "gate": ["--to", new], "run": ["--python", new]}[words[0]]
    judged = [] if words[0] == "run" else ["--baselines", baselines]
    common = (*words, *sides, *judged, "--config", "tiny", "--output")
    loud, quiet = tfgate(*common, tmp_path / "loud"), tfgate(*common, tmp_path / "quiet", "--quiet")
    assert (quiet.code, quiet.err) == (loud.code, "")
    assert loud.err
    assert quiet.out


def test_a_quiet_command_s_error_is_said(tfgate: Tfgate, tmp_path: Path) -> None:
    answer = tfgate("upgrade", "--from", tmp_path / "none", "--to", tmp_path / "none", "--quiet")
    assert answer.code == 2
    assert answer.err.startswith("tfgate: error: ")
