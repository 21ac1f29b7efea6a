"""A launch of the micro-benchmarks, and a report of them: read or refused."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from bench.record.codec import FormatError
from bench.record.files import write_record
from bench.record.micro import MICRO_FILE, MicroRun, launch_file, read_launch, read_micro
from bench.record.types import Failure
from tests.builders.micro import EAGER, MICRO_RUN, STEP, case_json, launch_json, write_launch


def test_a_case_is_what_extra_info_says(tmp_path: Path) -> None:
    found = read_launch(write_launch(tmp_path / "launch.json", {STEP: 0.06, EAGER: 0.25}, flops=7))  # and more
    assert list(found.cases) == [STEP, EAGER]
    one = found.cases[STEP]
    assert (one.median_seconds, one.tensorflow) == (0.06, "2.21.0")
    assert (one.subject, one.metric) == ("notebook cells on cpu:0", "step graph")
    assert one.settings(one) == "2 threads, oneDNN on"


def test_settings_name_each_variable_that_is_not_shared(tmp_path: Path) -> None:
    """In the order of their names, so that equal settings are equal."""
    shared = {"KERAS_BACKEND": "tensorflow"}
    given = {"MALLOC_ARENA_MAX": "1", "LD_PRELOAD": "fast.so", **shared}
    found = read_launch(write_launch(tmp_path / "a.json", {STEP: 0.06}, threads=1, onednn=False, variables=given))
    other = read_launch(write_launch(tmp_path / "b.json", {STEP: 0.06}, variables={"MALLOC_ARENA_MAX": "2", **shared}))
    assert found.first.settings(other.first) == "1 thread, oneDNN off, LD_PRELOAD=fast.so, MALLOC_ARENA_MAX=1"
    assert other.first.settings(found.first) == "2 threads, oneDNN on, MALLOC_ARENA_MAX=2"


def test_a_form_is_part_of_the_metric_and_a_case_may_have_no_implementation(tmp_path: Path) -> None:
    plain = launch_json({}) | {
        "benchmarks": [
            case_json("test_clip[graph-slices]", 0.01, implementation="", mode="graph") | {"params": {"form": "slices"}}
        ]
    }
    path = tmp_path / "launch.json"
    path.write_text(json.dumps(plain))
    (one,) = read_launch(path).cases.values()
    assert (one.subject, one.metric) == ("notebook on cpu:0", "clip slices graph")


def test_a_unit_is_of_its_workload(tmp_path: Path) -> None:
    unit = {"workload": "masked", "implementation": "", "mode": ""}
    (one,) = read_launch(write_launch(tmp_path / "launch.json", {"test_unit[masked]": 0.06}, **unit)).cases.values()
    assert (one.subject, one.metric) == ("masked notebook on cpu:0", "unit")


def of(*benchmarks: Any) -> dict[str, Any]:
    return launch_json({}) | {"benchmarks": list(benchmarks)}


def changed(**changes: Any) -> dict[str, Any]:
    return of(case_json(STEP, 0.5) | changes)


def told(**info: Any) -> dict[str, Any]:
    return of(case_json(STEP, 0.5, **info))


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ([], "the whole: expected an object"),
        ({}, "it holds no benchmark"),
        ({"benchmarks": {"a": 1}}, "it holds no benchmark"),
        (of(), "it holds no benchmark"),
        (of(7), "benchmarks[0]: expected an object"),
        (of(case_json(STEP, 0.5), case_json(STEP, 0.6)), "it holds a benchmark twice"),
        (changed(name=None), "benchmarks[0].name: expected a string, found null"),
        (changed(stats=None), "benchmarks[0].median_seconds: expected a finite number of at least 0, found null"),
        (changed(stats=7), "benchmarks[0].stats: expected an object"),
        (changed(stats={"median": "fast"}), "benchmarks[0].median_seconds: expected a finite number of at least 0"),
        (changed(stats={"median": True}), "benchmarks[0].median_seconds: expected a finite number of at least 0"),
        (changed(stats={"median": 0}), "benchmarks[0].median_seconds: expected seconds above 0, found 0.0"),
        (changed(stats={"median": -1}), "benchmarks[0].median_seconds: expected a finite number of at least 0"),
        (changed(stats={"median": "Infinity"}), "benchmarks[0].median_seconds: expected a finite number of at least 0"),
        (changed(stats={"median": 10**400}), "benchmarks[0].median_seconds: expected a finite number of at least 0"),
        (changed(params=7), "benchmarks[0].params: expected an object"),
        (changed(extra_info={}), "benchmarks[0]: field 'config' is missing"),
        (told(target=7), "benchmarks[0].target: expected a string, found 7"),
        (told(onednn=1), "benchmarks[0].onednn: expected true or false, found 1"),
        (told(threads="2"), 'benchmarks[0].threads: expected an integer, found "2"'),
        (told(variables={"A": 1}), "benchmarks[0].variables.A: expected a string, found 1"),
    ],
)
def test_what_the_suite_did_not_write_is_refused_with_its_path(tmp_path: Path, plain: Any, said: str) -> None:
    path = tmp_path / "launch.json"
    path.write_text(json.dumps(plain))
    with pytest.raises(FormatError) as refused:
        read_launch(path)
    assert str(refused.value).startswith(f"{path} was not written by bench/micro: {said}")


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"{", b'{"benchmarks": NaN}', json.dumps(launch_json({STEP: 1.0})).encode()[:-9]]
)
def test_damaged_files_are_refused_with_their_path(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"one\.json was not written by bench/micro: "):
        read_launch(path)


def keep(folder: Path, run: MicroRun, reference: int, candidate: int) -> Path:
    """A report with so many launches of each side."""
    write_record(folder / MICRO_FILE, run)
    for role, count in (("reference", reference), ("candidate", candidate)):
        for number in range(count):
            write_launch(launch_file(folder, role, number), {STEP: 0.06 + number / 1000})
    return folder


def test_a_report_is_read_whole_and_in_order(tmp_path: Path) -> None:
    run, reference, candidate = read_micro(keep(tmp_path, MICRO_RUN, 12, 12))
    assert run == MICRO_RUN
    assert read_micro(tmp_path / MICRO_FILE)[0] == run
    for side in (reference, candidate):
        assert [launch.cases[STEP].median_seconds for launch in side] == [0.06 + number / 1000 for number in range(12)]


@pytest.mark.parametrize(
    ("changes", "reference", "candidate"),
    [
        ({"failure": Failure("crashed", "it crashed")}, 3, 2),
        ({"incomplete": "the run was interrupted"}, 2, 3),
        ({"incomplete": "the run was interrupted"}, 0, 0),
    ],
)
def test_a_side_may_lack_a_launch_where_the_run_says_why(
    tmp_path: Path, changes: dict[str, object], reference: int, candidate: int
) -> None:
    run = dataclasses.replace(MICRO_RUN, **changes)  # type: ignore[arg-type]  # by name
    assert [len(side) for side in read_micro(keep(tmp_path, run, reference, candidate))[1:]] == [reference, candidate]


@pytest.mark.parametrize(("changes", "candidate"), [({}, 3), ({"failure": Failure("crashed", "it crashed")}, 4)])
def test_missing_launches_are_refused(tmp_path: Path, changes: dict[str, object], candidate: int) -> None:
    run = dataclasses.replace(MICRO_RUN, **changes)  # type: ignore[arg-type]  # by name
    with pytest.raises(
        FormatError, match=r"holds 4 launches of the reference where the candidate's call for .: files are missing"
    ):
        read_micro(keep(tmp_path, run, 4, candidate))


def test_a_gap_in_the_launches_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, MICRO_RUN, 4, 4)
    launch_file(tmp_path, "candidate", 1).unlink()
    launch_file(tmp_path, "reference", 1).unlink()
    with pytest.raises(
        FormatError, match=r"reference-03.json is no launch of this report, or one before it is missing"
    ):
        read_micro(tmp_path)


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / MICRO_FILE).write_text("{}")
    with pytest.raises(FormatError, match=r"micro.json can't be read as a micro run: it has no schema version"):
        read_micro(tmp_path)
