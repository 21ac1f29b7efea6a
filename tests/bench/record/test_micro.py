"""A launch of the micro-benchmarks: read, refused, and reduced to what a baseline keeps."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.record.codec import FormatError
from bench.record.micro import read_launch, told_beside, write_reduced
from tests.bench.micro_samples import EAGER, MACHINE, STEP, case_json, launch_json, write_launch


def test_a_case_is_what_extra_info_says(tmp_path: Path) -> None:
    found = read_launch(write_launch(tmp_path / "launch.json", {STEP: 0.06, EAGER: 0.25}))
    assert (found.machine, list(found.cases)) == (MACHINE, [STEP, EAGER])
    one = found.cases[STEP]
    assert (one.median_seconds, one.words, one.tensorflow) == (0.06, 600, "2.21.0")
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
        (damaged(machine_info={}), "was not written by bench/micro: 'fingerprint' is missing"),
        (
            damaged(machine_info={"fingerprint": MACHINE, "yardstick_seconds": "long"}),
            "yardstick_seconds of machine_info is 'long'; it must be",
        ),
        (damaged(benchmarks=[]), "holds no benchmarks of bench/micro"),
        (damaged(benchmarks=[{"name": "test_other", "extra_info": {}, "stats": {"median": 1}}]), "'words' is missing"),
        (damaged(benchmarks=[case_json(STEP, 0.06) | {"stats": {"median": 0}}]), "median_seconds of .* is 0: nothing was timed"),
        (damaged(benchmarks=[case_json(STEP, 0.06, matmul_fraction="many")]), "matmul_fraction of .* is 'many'; it must be a number"),
        (damaged(benchmarks=[case_json(STEP, 0.06, words=-1)]), "words of .* is -1; it must be a number"),
        (damaged(benchmarks=[case_json(STEP, 0.06, target=7)]), "target of .* is 7; it must be text"),
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


def test_a_reduced_launch_reads_the_same_without_its_rounds(tmp_path: Path) -> None:
    source, target = write_launch(tmp_path / "a.json", {STEP: 0.06}), tmp_path / "kept" / "a.json"
    write_reduced(source, target)
    assert read_launch(target).cases == read_launch(source).cases
    plain = json.loads(target.read_text())
    assert plain["benchmarks"][0]["stats"] == {"median": 0.06}
    assert plain["commit_info"] == {}
    assert plain["machine_info"] == {"fingerprint": MACHINE}
    assert "its-name" in source.read_text()
    assert "its-name" not in target.read_text()
    with pytest.raises(FileExistsError, match="is not overwritten"):
        write_reduced(source, target)


def test_what_numpy_s_step_took_is_put_beside_and_kept(tmp_path: Path) -> None:
    source = write_launch(tmp_path / "a.json", {STEP: 0.06})
    assert read_launch(source).yardstick_seconds is None
    (tmp_path / "b.json").write_text(told_beside(source, yardstick_seconds=0.08, others_cpu=None))
    write_reduced(tmp_path / "b.json", tmp_path / "c.json")
    assert (read_launch(tmp_path / "c.json").yardstick_seconds, read_launch(tmp_path / "c.json").others_cpu) == (0.08, None)
    assert read_launch(tmp_path / "c.json").cases == read_launch(source).cases


def test_what_cannot_be_read_is_not_kept(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(FormatError):
        write_reduced(tmp_path / "a.json", tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()
