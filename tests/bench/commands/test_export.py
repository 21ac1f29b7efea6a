"""`tfgate export`: to standard output, to a file, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.bench.commands.conftest import Tfgate
from tests.bench.samples import SUBJECT, record

Keep = Callable[..., Path]


def test_to_standard_output_and_to_a_file(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    folder, path = keep("run"), tmp_path / "benchmarks.json"
    printed = tfgate("export", folder)
    assert [each["name"] for each in json.loads(printed.out)["benchmarks"]] == [SUBJECT.name]
    assert f"written to {path}" in tfgate("export", folder, "--output", path).out
    assert path.read_text(encoding="utf-8") == printed.out


def test_a_file_is_not_overwritten(tfgate: Tfgate, keep: Keep, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text("mine", encoding="utf-8")
    found = tfgate("export", keep("run"), "--output", path)
    assert (found.code, found.error) == (2, f"{path} exists already and is not overwritten: choose another place")


def test_a_run_without_speed_is_refused_in_a_line(tfgate: Tfgate, keep: Keep) -> None:
    untimed = type(record())(**{**vars(record()), "step_seconds": ()})
    found = tfgate("export", keep("run", [untimed]))
    assert found.code == 2
    assert found.error.endswith("has no timed steps: there is nothing to export")
