"""`tfgate profile`: stored profiles compared, and real ones made."""

import argparse
import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from bench.cli import command_parser
from bench.commands import profile as profile_command
from bench.drive.doctor import Finding
from bench.drive.plan import Plan
from bench.drive.process import WorkerError
from bench.drive.profile import NODES_FILE, PROFILE_FILE
from bench.profile.timeline import WAITING
from bench.record.files import write_record
from bench.record.profile import Profile
from bench.record.types import Failure
from tests.builders.commands import Tfgate, noisy_side, snapshot
from tests.builders.fake_interpreter import session_text, write_interpreter
from tests.builders.profiles import made_profile
from tests.builders.traces import profile, trace

COMMAND_LINE = argparse.Namespace(command_line=("tfgate", "profile"))


def stored(folder: Path, product_ns: int, nodes: str = "a = MatMul()\n") -> Path:
    """A kept profile of a step that is one product."""
    events = {"python": [(WAITING, 0, product_ns)], "worker": [("dense/MatMul:MatMul", 0, product_ns)]}
    made = profile(trace(events, [(0, product_ns)]), product_ns / 1e9)
    write_record(folder / PROFILE_FILE, made)
    (folder / NODES_FILE).write_text(nodes)
    return folder


def test_two_stored_profiles_are_compared(tfgate: Tfgate, tmp_path: Path) -> None:
    answer = tfgate(
        "profile",
        "--compare",
        stored(tmp_path / "one", 1_000_000),
        stored(tmp_path / "other", 3_000_000) / PROFILE_FILE,
    )
    assert answer.code == 0
    assert "3.000 ms a step instead of 1.000, +200.0%" in answer.out
    line = next(line for line in answer.out.splitlines() if line.startswith("MatMul"))
    assert line.split() == ["MatMul", "1.000", "3.000", "+2.000", "1.0", "1.0"]
    assert "the same execution fingerprint (graph operations, kernels, settings)" in answer.out


def test_programs_differences_are_kept_where_a_folder_is_named(tfgate: Tfgate, tmp_path: Path) -> None:
    one, other = stored(tmp_path / "one", 1000), stored(tmp_path / "other", 1000, "a = _MklMatMul()\n")
    words = ("profile", "--compare", one, other, "--json", "--output", tmp_path / "out")
    answer = tfgate(*words)
    assert json.loads(answer.out)["by_kind"][0]["reference_seconds"] == pytest.approx(1e-6)
    assert "-a = MatMul()\n+a = _MklMatMul()\n" in (tmp_path / "out" / "graph.diff").read_text()
    changed = json.loads(answer.out)["fingerprint"]["differences"]
    assert [one["name"] for one in changed] == ["MatMul", "_MklMatMul"]
    (other / NODES_FILE).write_text("a = _FusedMatMul()\n")
    assert tfgate(*words).code == 0
    assert "+a = _FusedMatMul()\n" in (tmp_path / "out" / "graph.diff").read_text()
    (other / NODES_FILE).unlink()
    assert (tfgate(*words).code, (tmp_path / "out" / "graph.diff").exists()) == (0, False)


@pytest.mark.slow
def test_a_target_of_two_environments_is_profiled_and_compared(
    tfgate: Tfgate, tmp_path: Path, oldest_python: Path, newest_python: Path
) -> None:
    command = ["profile", "--config", "tiny", "--target", "clip", "--steps", "8", "--output", tmp_path / "out"]
    answer = tfgate(*command, "--from", oldest_python, "--to", newest_python)
    assert answer.code == 0, answer.err
    assert answer.out.startswith(
        "clip-tiny-synthetic-cells-cpu0-tf2.21.0 against clip-tiny-synthetic-cells-cpu0-tf2.12.1: "
    )
    assert "L2Loss" in answer.out
    for side in ("reference", "candidate"):
        folder = tmp_path / "out" / side
        assert json.loads((folder / "trace.json").read_text())["traceEvents"]
        assert ElementTree.parse(folder / "flame.svg").getroot().tag.endswith("svg")
        assert json.loads((folder / PROFILE_FILE).read_text())["target"] == "clip"
        assert re.search(r"share +thread ms +calls", (folder / "profile.txt").read_text())
        assert "By operation" in (folder / "profile.html").read_text()
    page = (tmp_path / "out" / "profile.html").read_text()
    assert [word in page for word in ("L2Loss", "Execution fingerprint", "instead of")] == [True] * 3
    assert (tmp_path / "out" / "graph.diff").is_file()
    assert (tmp_path / "out" / "hlo.diff").is_file()
    assert re.search(r"settings +oneDNN +v2\.\S+ +v3\.", answer.out)


@pytest.mark.slow
def test_one_environment_gets_its_table(
    tfgate: Tfgate, tmp_path: Path, newest_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.drive.profile.told_by_onednn", lambda *asked: "")  # a process of its own
    answer = tfgate(
        "profile", "--config", "tiny", "--target", "forward", "--to", newest_python, "--output", tmp_path / "out"
    )
    assert answer.code == 0, answer.err
    assert answer.out.startswith("forward of tiny-synthetic-cells-cpu0, TensorFlow 2.21.0")
    assert "the step" in answer.out
    assert f"kept in {tmp_path / 'out'}" in answer.err
    page = (tmp_path / "out" / "profile.html").read_text()
    assert [word in page for word in ("forward of tiny", "By operation", "By layer", "MatMul")] == [True] * 4


def test_two_implementations_are_two_sides_of_one_environment() -> None:
    words = ["--to", "2.21.0", "--implementation", "cells", "--implementation", "fused"]
    measuring = profile_command.request(command_parser("profile").parse_args(words, COMMAND_LINE))
    assert isinstance(measuring, profile_command.Measuring)
    assert [model.implementation for model in measuring.models] == ["cells", "fused"]
    assert not measuring.both


@pytest.mark.parametrize("words", [["--target", "clip"], ["--implementation", "cells", "--implementation", "fused"]])
def test_of_a_workload_that_does_not_train_the_unit_alone_is_profiled(tfgate: Tfgate, words: list[str]) -> None:
    answer = tfgate("profile", "--workload", "masked", *words)
    assert answer.code == 2
    assert answer.error == "workload masked is profiled as a whole: leave out --target and --implementation"


@pytest.mark.parametrize("ending", [WorkerError(Failure("crashed", "no profile of xla")), KeyboardInterrupt()])
def test_each_answer_is_told_and_kept_before_the_next_is_measured(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, monkeypatch: pytest.MonkeyPatch, ending: BaseException
) -> None:
    """A later one may fail, or be interrupted."""

    def profiled(plan: Plan, *more: Any, **asked: Any) -> Profile:
        if plan.workload == "xla":
            raise ending
        return made_profile(plan, *more, **asked)

    monkeypatch.setattr("bench.commands.profile.run_profile", profiled)
    out, python = tmp_path / "out", noisy_side(tmp_path / "python", {"tensorflow-cpu": "9.9.9"})
    both = ("--workload", "predict", "--workload", "xla", "--config", "tiny")
    answer = tfgate("profile", "--to", python, "--baselines", baselines, *both, "--output", out)
    assert (answer.code, bool(answer.out)) == (4, True), answer
    assert (out / "predict-tiny" / "profile.html").is_file()
    assert (out / "predict-tiny" / "profile.txt").read_text() == answer.out
    monkeypatch.setattr("bench.commands.profile.run_profile", made_profile)
    again = tfgate("profile", "--to", python, "--baselines", baselines, *both, "--output", tmp_path / "again")
    assert (again.code, again.out.startswith(f"{answer.out}\n")) == (0, True)


@pytest.mark.parametrize(("words", "steps"), [((), 20), (("--steps", "8"), 8)])
def test_as_many_steps_are_recorded_as_are_asked_for(
    tfgate: Tfgate,
    tmp_path: Path,
    baselines: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    steps: int,
) -> None:
    asked: list[int] = []

    def profiled(plan: Plan, *given: Any, **more: Any) -> Profile:
        asked.append(plan.steps)
        return made_profile(plan, *given, **more)

    monkeypatch.setattr("bench.commands.profile.run_profile", profiled)
    python = noisy_side(tmp_path / "python", {"tensorflow-cpu": "9.9.9"})
    command = ("profile", "--to", python, "--baselines", baselines, "--config", "tiny", "--output", tmp_path / "out")
    assert tfgate(*command, *words).code == 0
    assert asked == [steps]


@pytest.mark.parametrize("name", ["profile.txt", "hlo.diff", "candidate/graph.pbtxt"])
def test_a_user_s_file_by_a_name_of_ours_is_left_alone(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, name: str
) -> None:
    """It is told before anything is measured."""
    file, python = tmp_path / "out" / name, noisy_side(tmp_path / "python", {"tensorflow-cpu": "9.9.9"})
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    sides = ("--from", python, "--to", python, "--config", "tiny", "--baselines", baselines)
    answer = tfgate("profile", *sides, "--output", tmp_path / "out")
    assert (answer.code, answer.error) == (2, f"{file} exists already: choose another --output")
    assert file.read_text() == "mine"


def test_a_page_of_other_profiles_is_in_the_way(
    tfgate: Tfgate, tmp_path: Path, baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of two sides has no profile.json of its own there."""
    monkeypatch.setattr("bench.commands.profile.run_profile", made_profile)
    python, page = noisy_side(tmp_path / "python", {"tensorflow-cpu": "9.9.9"}), tmp_path / "out" / "profile.html"
    command = ("profile", "--to", python, "--baselines", baselines, "--config", "tiny", "--output", page.parent)
    assert tfgate(*command, "--from", python).code == 0
    before = snapshot(tmp_path)
    answer = tfgate(*command)
    assert (answer.code, answer.error) == (2, f"{page} exists already: choose another --output")
    assert snapshot(tmp_path) == before


@pytest.mark.slow
def test_a_workload_is_profiled(tfgate: Tfgate, tmp_path: Path, newest_python: Path) -> None:
    words = ["--workload", "predict-call", "--config", "tiny", "--steps", "8", "--output", tmp_path / "out"]
    answer = tfgate("profile", "--to", newest_python, *words)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("step of predict-call-tiny-cpu0, TensorFlow 2.21.0")
    assert "no HLO: a unit of this workload is not a graph of its own" in answer.out
    assert not (tmp_path / "out" / "graph.txt").exists()


def test_a_folder_of_profiles_names_them(tfgate: Tfgate, tmp_path: Path) -> None:
    sides = [stored(tmp_path / "out" / side, 1000) for side in ("candidate", "reference")]
    answer = tfgate("profile", "--compare", tmp_path / "out", sides[0])
    assert answer.code == 2
    assert answer.error == f"{tmp_path / 'out'} holds no profile itself: name {sides[0]} or {sides[1]}"


def test_other_threads_are_told_and_not_refused(tfgate: Tfgate, tmp_path: Path) -> None:
    one, other = stored(tmp_path / "one", 1_000_000), stored(tmp_path / "other", 2_000_000)
    text = (other / PROFILE_FILE).read_text()
    (other / PROFILE_FILE).write_text(text.replace('"threads": 2', '"threads": 1'))
    answer = tfgate("profile", "--compare", one, other)
    assert answer.code == 0
    assert "+100.0%; threads: 1 instead of 2" in answer.out
    assert re.search(r"settings +threads +2 +1", answer.out)
    (one / "profile.html").write_text("the page of one alone")
    assert tfgate("profile", "--compare", one, other, "--output", one).code == 0
    assert "threads: 1 instead of 2" in (one / "profile.html").read_text()


@pytest.mark.parametrize(("field", "old", "new"), [("workload", "train", "masked"), ("target", "step", "clip")])
def test_profiles_of_different_things_are_refused(
    tfgate: Tfgate, tmp_path: Path, field: str, old: str, new: str
) -> None:
    one, other = stored(tmp_path / "one", 1000), stored(tmp_path / "other", 1000)
    text = (other / PROFILE_FILE).read_text()
    (other / PROFILE_FILE).write_text(text.replace(f'"{field}": "{old}"', f'"{field}": "{new}"'))
    answer = tfgate("profile", "--compare", one, other)
    assert answer.code == 2
    assert answer.error.startswith(f"the profiles can't be compared: their {field}s are {old} and {new}")


MISSING = """
class Session(Session):
    def open(self, **asked):
        raise RuntimeError("there is no device 'cpu:7'")
"""


def test_a_device_that_is_missing_is_a_failed_measurement(
    tfgate: Tfgate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning of load comes first."""
    monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.0", "a load of 2.0"),))
    python = write_interpreter(tmp_path / "python", session_text(MISSING))
    device = ["--device", "cpu:7", "--output", tmp_path / "out"]
    answer = tfgate("profile", "--config", "tiny", "--to", python, *device)
    assert answer.code == 4
    warning, error = answer.err.splitlines()
    assert (warning, "there is no device 'cpu:7'" in error) == ("warning: a load of 2.0", True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"windows_ns": []}, "it holds no steps"),
        ({"windows_ns": [[5, 5]]}, "a step ends before it starts"),
        ({"operations": []}, "line 'python' has events of operations that are not there"),
        ({"lines": []}, "it holds nothing of what happened in its steps"),
    ],
)
def test_a_damaged_trace_is_refused(tfgate: Tfgate, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = stored(tmp_path, 1000) / PROFILE_FILE
    plain = json.loads(path.read_text())
    plain["trace"] |= change
    path.write_text(json.dumps(plain))
    found = tfgate("profile", "--compare", tmp_path, tmp_path)
    assert found.code == 2
    assert found.error == f"{path} has a trace that can't be read: {message}; profile again"


def test_what_is_no_profile_is_refused(tfgate: Tfgate, tmp_path: Path) -> None:
    one = stored(tmp_path / "one", 1000)
    (one / PROFILE_FILE).write_text("{}")
    answer = tfgate("profile", "--compare", one, one)
    assert answer.code == 2
    assert f"can't be read as a {Profile.__name__.lower()}" in answer.error
