"""pytest-benchmark's JSON: what is read of it, and how what isn't it is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.record.benchmarks import read_benchmarks
from bench.record.codec import FormatError
from tests.builders.micro import EAGER, STEP, case_json, launch_json, write_launch


def test_a_file_is_a_launch(tmp_path: Path) -> None:
    found = read_benchmarks(write_launch(tmp_path / "one.json", {STEP: 0.5, EAGER: 2.0}))
    assert {name: one.median_seconds for name, one in found.items()} == {STEP: 0.5, EAGER: 2.0}


def test_parameters_and_info_are_kept_as_the_suite_wrote_them(tmp_path: Path) -> None:
    info = {"tensorflow": "2.21.0", "threads": 2}
    one = read_benchmarks(write(tmp_path, changed(extra_info=info, params={"form": "slices"})))[STEP]
    assert (one.name, one.info, one.parameters) == (STEP, info, {"form": "slices"})


def write(folder: Path, plain: Any) -> Path:
    path = folder / "one.json"
    path.write_text(json.dumps(plain), encoding="utf-8")
    return path


def of(*benchmarks: Any) -> dict[str, Any]:
    return launch_json({}) | {"benchmarks": list(benchmarks)}


def changed(**changes: Any) -> dict[str, Any]:
    return of(case_json(STEP, 0.5) | changes)


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ([], "the whole: expected an object"),
        ({}, "benchmarks: expected a list"),
        (of(), "it holds no benchmark"),
        (of(7), "benchmarks[0]: expected an object"),
        (changed(name=None), "benchmarks[0].name: expected a string, found null"),
        (of(case_json(STEP, 0.5), case_json(STEP, 0.5)), f"benchmarks[1].name: {STEP} is in the file twice"),
        (changed(stats=None), "benchmarks[0].stats: expected an object"),
        (changed(stats={}), "benchmarks[0].stats.median: expected a number, found null"),
        (changed(stats={"median": "fast"}), 'benchmarks[0].stats.median: expected a number, found "fast"'),
        (changed(stats={"median": True}), "benchmarks[0].stats.median: expected a number, found true"),
        (changed(stats={"median": 0}), "benchmarks[0].stats.median: expected seconds above 0, found 0.0"),
        (changed(stats={"median": "Infinity"}), "benchmarks[0].stats.median: expected seconds above 0, found inf"),
        (changed(stats={"median": 10**400}), "benchmarks[0].stats.median: expected a number in the range of a float"),
        (changed(params=7), "benchmarks[0].params: expected an object"),
    ],
)
def test_another_shape_is_refused_with_the_path(tmp_path: Path, plain: Any, said: str) -> None:
    path = write(tmp_path, plain)
    with pytest.raises(FormatError) as raised:
        read_benchmarks(path)
    assert str(raised.value).startswith(f"{path} can't be read as pytest-benchmark's JSON: {said}")


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"{", b'{"benchmarks": NaN}', json.dumps(launch_json({STEP: 1.0})).encode()[:-9]]
)
def test_damaged_files_are_refused_with_the_path(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"one\.json can't be read as pytest-benchmark's JSON"):
        read_benchmarks(path)
