"""Launches of the micro-benchmarks: started, put aside, and what is said where one fails."""

import contextlib
from pathlib import Path

import pytest

from bench.drive.micro import Side, Suite, measure_launch, measure_suite
from bench.drive.process import WorkerError
from bench.record.micro import MicroLaunch, read_launch
from bench.record.types import Failure
from tests.bench.micro_samples import STEP, calls, micro_interpreter

LAUNCHES = [{STEP: 0.06}, {STEP: 0.07}, {STEP: 0.08}]


def failure(folder: Path, planted: str) -> str:
    python = micro_interpreter(folder, *LAUNCHES, planted=planted)
    with pytest.raises(WorkerError) as failed:
        measure_launch(Side("launch", str(python)), Suite(), folder / "launch.json")
    assert not (folder / "launch.json").exists()
    return str(failed.value).replace(str(python), "PYTHON")


def test_a_launch_is_kept_where_it_belongs(tmp_path: Path) -> None:
    python = micro_interpreter(tmp_path, *LAUNCHES)
    found = measure_launch(Side("launch", str(python)), Suite(("tiny",), targets=("step",), require_gpu=True), tmp_path / "out" / "a.json")
    assert found.cases[STEP].median_seconds == 0.06
    assert found.path == tmp_path / "out" / "a.json"
    assert found.path.is_file()
    (call,) = calls(python)
    assert call[:2] == ["-m", "pytest"]
    assert {"--config=tiny", "--require-gpu"} <= set(call)
    assert [argument for argument in call if argument.endswith("bench/micro/test_step.py")]


def test_sides_take_turns(tmp_path: Path) -> None:
    sides = [Side(role, str(micro_interpreter(tmp_path, *LAUNCHES))) for role in ("reference", "candidate")]
    found = [role for role, _ in measure_suite(sides, Suite(), 3, tmp_path / "out")]
    assert found == ["reference", "candidate", "candidate", "reference", "reference", "candidate"]
    assert (tmp_path / "out" / "reference-01.json").is_file()


def test_a_launch_that_fails_is_yielded_and_the_others_go_on(tmp_path: Path) -> None:
    """The candidate crashes in its second launch, the third of all: the reference's second follows."""
    planted = "import os; number == 1 and os.kill(os.getpid(), 9)"
    reference, candidate = micro_interpreter(tmp_path, *LAUNCHES), micro_interpreter(tmp_path, *LAUNCHES, planted=planted)
    sides = [Side("reference", str(reference)), Side("candidate", str(candidate))]
    found = [launch.kind if isinstance(launch, Failure) else role for role, launch in measure_suite(sides, Suite(), 2, tmp_path / "out")]
    assert found == ["reference", "candidate", "crashed", "reference"]


def test_the_caller_may_stop_between_launches(tmp_path: Path) -> None:
    python = micro_interpreter(tmp_path, *LAUNCHES)
    with contextlib.closing(measure_suite([Side("launch", str(python))], Suite(), 3, tmp_path / "out")) as launches:
        next(launches)
    assert len(calls(python)) == 1


def test_one_side_s_launches_hold_what_was_measured_beside_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's step and what others had of the CPU; sides that are judged in turn don't need them."""
    monkeypatch.setattr("bench.drive.micro.CpuWatch.others", lambda self: 0.25)
    (_, alone), *_ = measure_suite([Side("launch", str(micro_interpreter(tmp_path, *LAUNCHES)))], Suite(), 1, tmp_path / "one")
    assert isinstance(alone, MicroLaunch)
    assert 0 < (alone.yardstick_seconds or 0) < 60
    assert alone.others_cpu == 0.25
    assert read_launch(tmp_path / "one" / "launch-00.json") == alone
    sides = [Side(role, str(micro_interpreter(tmp_path, *LAUNCHES))) for role in ("reference", "candidate")]
    in_turn = [launch for _, launch in measure_suite(sides, Suite(), 1, tmp_path / "two")]
    assert [launch.yardstick_seconds for launch in in_turn if isinstance(launch, MicroLaunch)] == [None, None]


def test_variables_reach_the_process_and_the_gpus_do_not_unless_asked_for(tmp_path: Path) -> None:
    planted = "import os; (home / 'seen').write_text(os.environ.get('PLANTED', '') + os.environ.get('CUDA_VISIBLE_DEVICES', 'visible'))"
    suites = [
        (Suite(), "here-1"),
        (Suite(devices=("cpu:1",)), "here-1"),
        (Suite(devices=("cpu:0", "gpu:1")), "herevisible"),
        (Suite(require_gpu=True), "herevisible"),
    ]
    for number, (suite, wanted) in enumerate(suites):
        python = micro_interpreter(tmp_path, *LAUNCHES, planted=planted)
        measure_launch(Side("launch", str(python), {"PLANTED": "here"}), suite, tmp_path / f"{number}.json")
        assert (python.parent / "seen").read_text() == wanted
        assert [argument for argument in calls(python)[0] if "PLANTED" in argument] == ["--variable=PLANTED=here"]


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("print('E   ValueError: wrong'); sys.exit(1)", "micro-benchmarks under PYTHON: ValueError: wrong"),
        (
            "print('ERROR: this Python has no tensorflow: …'); sys.exit(4)",
            "micro-benchmarks under PYTHON: this Python has no tensorflow: …",
        ),
        (
            "sys.exit('python: No module named pytest')",
            "micro-benchmarks under PYTHON: No module named pytest; install pytest and pytest-benchmark there",
        ),
        ("sys.exit(1)", "micro-benchmarks under PYTHON: it printed nothing"),
        ("print('SKIPPED [2] conftest.py:9: there is no gpu:0'); sys.exit(0)", "PYTHON timed nothing: there is no gpu:0"),
        (
            "import os; os.kill(os.getpid(), 9)",
            "micro-benchmarks under PYTHON: was killed by SIGKILL (as the kernel does when memory runs out)",
        ),
    ],
)
def test_a_failure_says_why_in_one_line(tmp_path: Path, planted: str, said: str) -> None:
    assert failure(tmp_path, planted) == said


def test_a_launch_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.drive.micro.LAUNCH_SECONDS", 0.2)
    assert failure(tmp_path, "import time; time.sleep(60)") == "PYTHON did not finish the micro-benchmarks within 0 s"


def test_an_interpreter_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"interpreter /nowhere/python can't be started: .*; name another by --python"):
        measure_launch(Side("launch", "/nowhere/python"), Suite(), tmp_path / "a.json")


def test_the_newest_tensorflow_takes_a_launch_in_a_private_folder(newest_python: Path, tmp_path: Path) -> None:
    suite = Suite(("tiny",), ("cells",), targets=("clip",))
    found = measure_launch(Side("launch", str(newest_python)), suite, tmp_path / "a.json")
    assert sorted(one.metric for one in found.cases.values()) == [
        f"clip {form} {mode}" for form in ("dense", "slices") for mode in ("eager", "graph")
    ]
