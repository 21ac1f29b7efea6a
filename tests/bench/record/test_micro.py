"""A launch of the micro-benchmarks: read and refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.record.codec import FormatError
from bench.record.micro import read_launch
from tests.bench.micro_samples import EAGER, STEP, case_json, launch_json, write_launch


def test_a_case_is_what_extra_info_says(tmp_path: Path) -> None:
    found = read_launch(write_launch(tmp_path / "launch.json", {STEP: 0.06, EAGER: 0.25}))
    assert list(found.cases) == [STEP, EAGER]
    one = found.cases[STEP]
    assert (one.median_seconds, one.tensorflow) == (0.06, "2.21.0")
    assert (one.subject, one.metric) == ("notebook cells on cpu:0", "step graph")
    assert one.settings == "2 threads, oneDNN on"


def test_settings_name_each_variable_that_was_given(tmp_path: Path) -> None:
    """In the order of their names, so that equal settings are equal."""
    given = {"MALLOC_ARENA_MAX": "1", "LD_PRELOAD": "fast.so"}
    found = read_launch(write_launch(tmp_path / "launch.json", {STEP: 0.06}, threads=1, onednn=False, variables=given))
    assert found.cases[STEP].settings == "1 threads, oneDNN off, LD_PRELOAD=fast.so, MALLOC_ARENA_MAX=1"


def test_a_form_is_part_of_the_metric_and_a_case_may_have_no_implementation(tmp_path: Path) -> None:
    plain = launch_json({}) | {
        "benchmarks": [case_json("test_clip[graph-slices]", 0.01, implementation="", mode="graph") | {"params": {"form": "slices"}}]
    }
    path = tmp_path / "launch.json"
    path.write_text(json.dumps(plain))
    (one,) = read_launch(path).cases.values()
    assert (one.subject, one.metric) == ("notebook on cpu:0", "clip slices graph")


def damaged(**changes: Any) -> str:
    return json.dumps(launch_json({STEP: 0.06}) | changes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged: not JSON"),
        ("[]", "was not written by bench/micro"),
        (damaged(benchmarks=[]), "holds no benchmarks of bench/micro"),
        (damaged(benchmarks=[{"name": "test_other", "extra_info": {}, "stats": {"median": 1}}]), "'target' is missing"),
        (damaged(benchmarks=[case_json(STEP, 0.06) | {"stats": {"median": 0}}]), "median_seconds of .* is 0; it must be a number above 0"),
        (damaged(benchmarks=[case_json(STEP, 0.06) | {"stats": {"median": "6"}}]), "median_seconds of .* is '6'; it must be a number"),
        (damaged(benchmarks=[case_json(STEP, 0.06) | {"stats": {"median": True}}]), "median_seconds of .* is True; it must be a number"),
        (damaged(benchmarks=[case_json(STEP, 0.06, target=7)]), "target of .*: a string is wanted"),
        (damaged(benchmarks=[case_json(STEP, 0.06, onednn=1)]), "onednn of .*: true or false is wanted"),
        (damaged(benchmarks=[case_json(STEP, 0.06, threads="2")]), "threads of .*: an integer is wanted"),
        (damaged(benchmarks=[case_json(STEP, 0.06, variables={"A": 1})]), "variables of .*: a string is wanted"),
    ],
)
def test_what_the_suite_did_not_write_is_refused_with_its_path(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "launch.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=said) as refused:
        read_launch(path)
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)
