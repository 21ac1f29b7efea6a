"""`tfgate show` on both kinds of file."""

import dataclasses
import json
from pathlib import Path

from bench.commands.stored import GATE_FILE
from bench.record.files import write_record
from tests.builders.commands import Keep, Tfgate
from tests.builders.records import SUBJECT
from tests.builders.verdicts import gate_run


def test_a_run(tfgate: Tfgate, keep: Keep) -> None:
    folder = keep("run")
    by_folder, by_file = tfgate("show", folder), tfgate("show", folder / "run.json")
    assert by_folder.code == 0
    assert by_folder == by_file
    assert by_folder.out.startswith("run of 2026-01-05T00:00:00+00:00: tfgate run\n")
    assert by_folder.out.count(SUBJECT.name) == 4


def test_a_gate_s_own_warnings_are_told(tfgate: Tfgate, tmp_path: Path) -> None:
    made = dataclasses.replace(gate_run(), speed_problem="the reference can't be built", warnings=("an A/A run",))
    write_record(tmp_path / GATE_FILE, made)
    lines = tfgate("show", tmp_path).out.splitlines()
    assert lines[-2:] == ["warning: the reference can't be built", "warning: an A/A run"]


def test_a_baseline(tfgate: Tfgate, baselines: Path) -> None:
    found = tfgate("show", baselines / f"{SUBJECT.name}.json")
    assert found.code == 0
    assert found.out.startswith(f"baseline of {SUBJECT.name}, 10 steps, fingerprint 0123456789abcdef: first baseline")


def test_json_is_the_file_s(tfgate: Tfgate, keep: Keep, baselines: Path) -> None:
    for path in (keep("run") / "run.json", baselines / f"{SUBJECT.name}.json"):
        assert json.loads(tfgate("show", path, "--json").out) == json.loads(path.read_text(encoding="utf-8"))


def test_other_files_are_refused(tfgate: Tfgate, tmp_path: Path) -> None:
    path = tmp_path / "some.json"
    for text, said in (
        ("{", "is damaged"),
        ("{}", "no schema version"),
        ('{"replicas": []}', "can't be read as a baseline"),
    ):
        path.write_text(text, encoding="utf-8")
        found = tfgate("show", path)
        assert found.code == 2
        assert said in found.error
    path.write_bytes(b"\xff\xfe\x00")
    assert "is damaged" in tfgate("show", path).error


def test_nothing_there(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate("show", tmp_path / "nowhere")
    assert (found.code, found.error) == (2, f"{tmp_path / 'nowhere'}: No such file or directory")
