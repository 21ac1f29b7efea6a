"""Launches of the micro-benchmarks: started in turn, put aside, repeated, and what is said where one fails."""

import dataclasses
import functools
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.drive.micro import MicroRequest, Suite, measure_micro, require_suite, time_suite
from bench.drive.process import WorkerError
from bench.record.micro import MICRO_FILE, MicroLaunch, MicroRun, read_micro
from bench.record.paired import Side
from bench.record.types import NO_ROOM, OWN_CODE
from tests.builders.micro import STEP, calls, micro_interpreter

SUITE = Suite(("step",), ())
LAUNCHES = [{STEP: 0.06}, {STEP: 0.07}, {STEP: 0.08}]
ORDER = "import os; open({!r}, 'a').write(os.path.basename(os.path.dirname(__file__)) + '\\n')"


def side(python: Path | str, **variables: str) -> Side:
    return Side(str(python), str(python), variables)


def measure(
    folder: Path, reference: Path, candidate: Path, launches: int = 3, stop_at: int = 99
) -> tuple[MicroRun, list[MicroLaunch], list[MicroLaunch]]:
    """Both sides in turn; settled when each has had `stop_at` launches."""
    sides = {"reference": side(reference), "candidate": side(candidate)}

    def settled(run: MicroRun, old: Sequence[MicroLaunch], new: Sequence[MicroLaunch]) -> bool:
        return len(old) == len(new) == stop_at

    request = MicroRequest(sides, SUITE, launches, folder / "out", ("tfgate", "micro"), ["a warning"])
    return measure_micro(request, settled, lambda line: None)


def test_a_launch_is_kept_where_it_belongs(tmp_path: Path) -> None:
    python = micro_interpreter(tmp_path, *LAUNCHES)
    found = time_suite(
        side(python), Suite(("step",), ("--config=tiny", "--require-gpu"), gpu=True), tmp_path / "out" / "a.json"
    )
    assert found.cases[STEP].median_seconds == 0.06
    assert found.path == tmp_path / "out" / "a.json"
    assert found.path.is_file()
    (call,) = calls(python)
    assert call[:2] == ["-m", "pytest"]
    # Not TMPDIR's path, in which pytest takes a `[` for the beginning of parameters.
    assert {"--config=tiny", "--require-gpu", "imports/bench/micro/test_step.py"} <= set(call)


def test_sides_take_turns_and_leave_a_report(tmp_path: Path) -> None:
    order = tmp_path / "order"
    reference, candidate = (micro_interpreter(tmp_path, *LAUNCHES, planted=ORDER.format(str(order))) for _ in range(2))
    found = measure(tmp_path, reference, candidate)
    names = {reference.parent.name: "reference", candidate.parent.name: "candidate"}
    taken = [names[line] for line in order.read_text().splitlines()]
    assert taken == ["reference", "candidate", "candidate", "reference", "reference", "candidate"]
    assert read_micro(tmp_path / "out") == found
    assert (found[0].warnings, found[0].failure, found[0].launches) == (("a warning",), None, 3)


def test_a_file_of_the_user_s_own_that_was_changed_ends_the_run_and_the_launches_before_are_kept(
    tmp_path: Path,
) -> None:
    """The candidate's second launch, which goes first, is of another file."""
    own = functools.partial(micro_interpreter, tmp_path, *LAUNCHES, workload="mine.py", fingerprint="aaaa")
    edited = "launches[1]['benchmarks'][0]['extra_info']['fingerprint'] = 'bbbb'"
    with pytest.raises(WorkerError, match=r"^mine\.py was changed while it was measured: measure anew$") as caught:
        measure(tmp_path, own(), own(planted=edited))
    assert caught.value.failure.kind == OWN_CODE
    run, *launches = read_micro(tmp_path / "out")
    assert (run.incomplete, [len(side) for side in launches]) == ("the run was interrupted", [1, 1])


def test_measuring_stops_when_it_is_settled(tmp_path: Path) -> None:
    reference, candidate = micro_interpreter(tmp_path, *LAUNCHES), micro_interpreter(tmp_path, *LAUNCHES)
    measure(tmp_path, reference, candidate, stop_at=2)
    assert (len(calls(reference)), len(calls(candidate))) == (2, 2)


@pytest.mark.parametrize("role", ["reference", "candidate"])
def test_a_launch_that_fails_once_is_repeated_and_named(tmp_path: Path, role: str) -> None:
    """It fails at its second start: in launch 2, whose repetition is its third."""
    failing = micro_interpreter(
        tmp_path, *LAUNCHES, planted="if number == 1: print('E   ValueError: odd'); sys.exit(1)"
    )
    sound = micro_interpreter(tmp_path, *LAUNCHES)
    run, reference, candidate = measure(tmp_path, *((failing, sound) if role == "reference" else (sound, failing)))
    assert (len(reference), len(candidate), run.failure) == (3, 3, None)
    why = f"micro-benchmarks under {failing}: ValueError: odd"
    assert run.warnings == ("a warning", f"launch 2 of the {role} failed once, and ran when it was repeated: {why}")


def test_a_candidate_that_fails_twice_ends_the_run_when_the_reference_has_had_that_launch(tmp_path: Path) -> None:
    """In launch 2, where the candidate goes first."""
    reference = micro_interpreter(tmp_path, *LAUNCHES)
    candidate = micro_interpreter(tmp_path, *LAUNCHES, planted="import os; number and os.kill(os.getpid(), 9)")
    run, *launches = measure(tmp_path, reference, candidate)
    assert run.failure is not None
    assert (run.failure.kind, [len(side) for side in launches], len(calls(candidate))) == ("crashed", [2, 1], 3)
    assert read_micro(tmp_path / "out")[0] == run


@pytest.mark.parametrize("full", [1, 2])
def test_a_full_disk_in_either_try_is_not_the_candidate_s(tmp_path: Path, full: int) -> None:
    said = f"print('E   OSError: [Errno 28] No space left on device' if number == {full} else 'E   died')"
    planted = f"if number: {said}; sys.exit(1)"
    reference, candidate = (micro_interpreter(tmp_path, *LAUNCHES, planted=one) for one in ("", planted))
    with pytest.raises(WorkerError, match="No space left on device") as failed:
        measure(tmp_path, reference, candidate)
    assert failed.value.failure.kind == NO_ROOM
    assert read_micro(tmp_path / "out")[0].failure is None


@pytest.mark.parametrize(
    ("launch", "said"),
    [
        (1, "the reference failed after the candidate had"),
        (2, "launch 2 of the reference failed once, and ran when it was repeated"),
    ],
)
def test_a_candidate_that_fails_where_the_reference_failed_too_says_nothing(
    tmp_path: Path, launch: int, said: str
) -> None:
    """The machine may have ended them all. In launch 1 the reference goes first, and is asked once more."""
    reference = micro_interpreter(tmp_path, *LAUNCHES, planted="if number == 1: sys.exit('ended')")
    planted = f"import os; number >= {launch - 1} and os.kill(os.getpid(), 9)"
    candidate = micro_interpreter(tmp_path, *LAUNCHES, planted=planted)
    with pytest.raises(WorkerError, match=said):
        measure(tmp_path, reference, candidate)
    run, *_ = read_micro(tmp_path / "out")
    assert (run.failure, said in run.incomplete, "killed by SIGKILL" in run.incomplete) == (None, True, True)


def test_cases_that_are_skipped_are_told_once(tmp_path: Path) -> None:
    skipping = "print('SKIPPED [2] conftest.py:9: there is no gpu:0')"
    reference = micro_interpreter(tmp_path, *LAUNCHES, planted=skipping)
    run, *_ = measure(tmp_path, reference, micro_interpreter(tmp_path, *LAUNCHES))
    assert run.warnings == ("a warning", "the reference skipped cases: there is no gpu:0")


def test_a_reference_that_fails_twice_is_a_failed_measurement_that_can_be_read(tmp_path: Path) -> None:
    """What failed once before is told, too."""
    reference = micro_interpreter(tmp_path, *LAUNCHES, planted="number and sys.exit('no luck')")
    candidate = micro_interpreter(tmp_path, *LAUNCHES, planted="if not number: sys.exit('odd')")
    with pytest.raises(WorkerError, match="no luck"):
        measure(tmp_path, reference, candidate)
    run, *launches = read_micro(tmp_path / "out")
    assert [len(side) for side in launches] == [1, 2]
    assert run.incomplete == f"launch 2 of the reference failed: micro-benchmarks under {reference}: no luck"
    assert [warning.partition(":")[0] for warning in run.warnings] == [
        "a warning",
        "launch 1 of the candidate failed once, and ran when it was repeated",
    ]


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (
            "sys.exit('python: No module named pytest')",
            "No module named pytest; install pytest and pytest-benchmark there",
        ),
        ("print('SKIPPED [2] conftest.py:9: there is no gpu:0'); sys.exit(0)", "timed nothing: there is no gpu:0"),
        (
            "print('ERROR: ld.so: object fast.so: ignored.\\nERROR: fast.so is not loaded'); sys.exit(4)",
            "python: fast.so is not loaded",
        ),
    ],
)
def test_a_candidate_with_nothing_to_measure_is_not_repeated(tmp_path: Path, planted: str, said: str) -> None:
    candidate = micro_interpreter(tmp_path, *LAUNCHES, planted=planted)
    with pytest.raises(WorkerError, match=said):
        measure(tmp_path, micro_interpreter(tmp_path, *LAUNCHES), candidate)
    assert len(calls(candidate)) == 1


def test_a_candidate_that_hangs_is_told_in_proportion_to_the_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[float] = []
    real = time_suite

    def observed(side: Side, suite: Suite, path: Path, limit: float) -> MicroLaunch:
        limits.append(limit)
        return real(side, suite, path, limit)

    times = iter([0.0, 10.0, 100.0])  # the reference's launch takes 10 s; nobody asks for the candidate's end
    monkeypatch.setattr("bench.drive.micro.time_suite", observed)
    monkeypatch.setattr("bench.drive.micro.time", type("Clock", (), {"monotonic": lambda: next(times)}))
    measure(tmp_path, micro_interpreter(tmp_path, *LAUNCHES), micro_interpreter(tmp_path, *LAUNCHES), launches=1)
    assert limits == [1800, 3 * 10 + 60]


def test_a_folder_with_a_report_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / MICRO_FILE).write_text("{}")
    python = micro_interpreter(tmp_path, *LAUNCHES)
    with pytest.raises(FileExistsError, match=r"micro.json exists already and is not overwritten"):
        measure(tmp_path, python, python)
    assert not (python.parent / "calls").exists()


def test_variables_reach_the_process_and_the_gpus_do_not_unless_asked_for(tmp_path: Path) -> None:
    planted = (
        "import os; open(home + '/seen', 'w').write("
        "os.environ.get('PLANTED', '') + os.environ.get('CUDA_VISIBLE_DEVICES', 'visible'))"
    )
    suites = [
        (SUITE, "here-1"),
        (dataclasses.replace(SUITE, gpu=True), "herevisible"),
    ]
    for number, (suite, wanted) in enumerate(suites):
        python = micro_interpreter(tmp_path, *LAUNCHES, planted=planted)
        time_suite(side(python, PLANTED="here"), suite, tmp_path / f"{number}.json")
        assert (python.parent / "seen").read_text() == wanted
        assert [argument for argument in calls(python)[0] if "PLANTED" in argument] == ["--variable=PLANTED=here"]


def test_what_pytest_prints_has_no_colors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of colored lines no reason is told. CI services set FORCE_COLOR, which pytest heeds unless PY_COLORS says no."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    python = micro_interpreter(
        tmp_path, *LAUNCHES, planted="import os; open(home + '/seen', 'w').write(os.environ['PY_COLORS'])"
    )
    time_suite(side(python), SUITE, tmp_path / "0.json")
    assert (python.parent / "seen").read_text() == "0"


def test_a_workload_s_variables_come_last(tmp_path: Path) -> None:
    planted = "import os; open(home + '/seen', 'w').write(os.environ['PLANTED'])"
    python = micro_interpreter(tmp_path, *LAUNCHES, planted=planted)
    time_suite(
        side(python, PLANTED="here"), dataclasses.replace(SUITE, variables={"PLANTED": "there"}), tmp_path / "a.json"
    )
    assert (python.parent / "seen").read_text() == "there"


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
        (
            "print('SKIPPED [2] conftest.py:9: there is no gpu:0'); sys.exit(0)",
            "PYTHON timed nothing: there is no gpu:0",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            "micro-benchmarks under PYTHON: was killed by SIGKILL (as the kernel does when memory runs out)",
        ),
    ],
)
def test_a_failure_says_why_in_one_line(tmp_path: Path, planted: str, said: str) -> None:
    assert failure(tmp_path, planted) == said


def failure(folder: Path, planted: str, limit: float = 60.0) -> str:
    python = micro_interpreter(folder, *LAUNCHES, planted=planted)
    with pytest.raises(WorkerError) as failed:
        time_suite(side(python), SUITE, folder / "launch.json", limit)
    assert not (folder / "launch.json").exists()
    return str(failed.value).replace(str(python), "PYTHON")


def test_a_launch_that_hangs_is_ended(tmp_path: Path) -> None:
    assert (
        failure(tmp_path, "import time; time.sleep(60)", 0.2) == "PYTHON did not finish the micro-benchmarks within 0 s"
    )


def test_cases_that_are_not_collected_in_time_are_no_launch_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.drive.micro.COLLECT_SECONDS", 0.2)
    python = micro_interpreter(tmp_path, *LAUNCHES, collecting="import time; time.sleep(60)")
    with pytest.raises(WorkerError, match=f"^{python} did not collect the cases within 0 s$"):
        require_suite(side(python), SUITE)


def test_an_interpreter_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match=r"interpreter /nowhere/python can't be started: .*; name another"):
        time_suite(side("/nowhere/python"), SUITE, tmp_path / "a.json")


@pytest.mark.usefixtures("no_memory")
def test_an_exhausted_machine_is_not_the_interpreters_fault(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Cannot allocate memory"):
        time_suite(side("/nowhere/python"), SUITE, tmp_path / "a.json")


@pytest.mark.slow
def test_the_newest_tensorflow_takes_a_launch_in_a_private_folder(
    newest_python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TMPDIR is as in a job array of PBS."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "pbs.12[3].host"))
    (tmp_path / "pbs.12[3].host").mkdir()
    suite = Suite(("clip",), ("--config=tiny", "--implementation=cells"))
    found = time_suite(side(newest_python), suite, tmp_path / "a.json")
    assert sorted(one.metric for one in found.cases.values()) == [
        f"clip {form} {mode}" for form in ("dense", "slices") for mode in ("eager", "graph")
    ]
    assert json.loads((tmp_path / "a.json").read_text())["machine_info"]["fingerprint"]
