"""pytest-benchmark's JSON: what is read of it, and how what isn't it is refused."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from bench.record.benchmarks import read_benchmarks
from bench.record.codec import FormatError
from tests.builders.benchmarks import CLIP, STEP, document, write


def test_a_file_is_a_launch(tmp_path: Path) -> None:
    found = read_benchmarks(write(tmp_path / "one.json", document({STEP: 0.5, CLIP: 2.0}, 7)))
    assert {name: one.median_seconds for name, one in found.benchmarks.items()} == {STEP: 0.5, CLIP: 2.0}
    one = found.benchmarks[STEP]
    assert (one.name, one.full_name, one.parameters) == ("test_step[tiny]", STEP, {})
    assert (one.info, one.subject) == ({"fingerprint": "0123"}, {"fingerprint": "0123"})
    assert found.machine == {"node": "host", "CPU": "A CPU", "cores": "2"}
    assert found.created == datetime.datetime(2026, 1, 2, 12, 7, 0, 123456, datetime.UTC)


def test_a_fingerprint_stands_for_the_machine(tmp_path: Path) -> None:
    path = write(tmp_path / "one.json", document({STEP: 0.5}, machine_info={"fingerprint": "abc", "node": "host"}))
    assert read_benchmarks(path).machine == {"machine": "abc"}


def test_versions_are_no_part_of_the_subject(tmp_path: Path) -> None:
    plain = document({STEP: 0.5})
    info = {"tensorflow": "2.21.0", "threads": 2}
    plain["benchmarks"][0] |= {"extra_info": info, "params": {"form": "slices"}}
    one = read_benchmarks(write(tmp_path / "one.json", plain)).benchmarks[STEP]
    assert (one.subject, one.info, one.parameters) == ({"threads": "2"}, info, {"form": "slices"})


def with_stats(stats: Any) -> dict[str, Any]:
    plain = document({STEP: 0.5})
    plain["benchmarks"][0]["stats"] = stats
    return plain


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ([], "the whole: expected an object"),
        ({}, "benchmarks: expected a list"),
        (document({}), "it holds no benchmark"),
        (document({STEP: 0.5}, benchmarks=[7]), "benchmarks[0]: expected an object"),
        (document({STEP: 0.5}, benchmarks=[{}]), "benchmarks[0].fullname: expected a string, found null"),
        (
            document({STEP: 0.5}, benchmarks=2 * document({STEP: 0.5})["benchmarks"]),
            f"benchmarks[1].fullname: {STEP} is in the file twice",
        ),
        (with_stats(None), "benchmarks[0].stats: expected an object"),
        (with_stats({}), "benchmarks[0].stats.median: expected a number, found null"),
        (with_stats({"median": "fast"}), 'benchmarks[0].stats.median: expected a number, found "fast"'),
        (with_stats({"median": True}), "benchmarks[0].stats.median: expected a number, found true"),
        (with_stats({"median": 0}), "benchmarks[0].stats.median: expected seconds above 0, found 0.0"),
        (with_stats({"median": "Infinity"}), "benchmarks[0].stats.median: expected seconds above 0, found inf"),
        (with_stats({"median": 10**400}), "benchmarks[0].stats.median: expected a number in the range of a float"),
        (
            document({STEP: 0.5}, benchmarks=[{**document({STEP: 0.5})["benchmarks"][0], "params": 7}]),
            "benchmarks[0].params",
        ),
        (document({STEP: 0.5}, machine_info=None), "machine_info: expected an object"),
        (document({STEP: 0.5}, machine_info={"cpu": []}), "machine_info.cpu: expected an object"),
        (document({STEP: 0.5}, datetime="yesterday"), "datetime: expected ISO 8601, found 'yesterday'"),
    ],
)
def test_another_shape_is_refused_with_the_path(tmp_path: Path, plain: Any, said: str) -> None:
    path = write(tmp_path / "one.json", plain)
    with pytest.raises(FormatError) as raised:
        read_benchmarks(path)
    assert str(raised.value).startswith(f"{path} can't be read as pytest-benchmark's JSON: {said}")


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"{", b'{"benchmarks": NaN}', json.dumps(document({STEP: 1.0})).encode()[:-9]]
)
def test_damaged_files_are_refused_with_the_path(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"one\.json can't be read as pytest-benchmark's JSON"):
        read_benchmarks(path)
