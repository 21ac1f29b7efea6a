"""The suite as a user runs it, `pytest bench/micro` in an environment with TensorFlow: on `tiny`."""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from _pytest.config.argparsing import Parser

from bench.machine import this_machine
from bench.micro import conftest
from bench.record.codec import FormatError
from bench.record.micro import read_launch
from bench.record.variables import kept

ROOT = Path(__file__).resolve().parents[3]
HOOK = ROOT / "tests" / "faults" / "hook"
PLUGIN = pytest.mark.skipif(
    not importlib.util.find_spec("pytest_benchmark"), reason="pytest-benchmark is not installed in this Python"
)


def micro(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def timed(*arguments: str, path: Sequence[str] = (), **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the suite with the plugin tests.builders.small_rate: what the machine's rate is matters to no test."""
    folders = os.pathsep.join([*path, str(ROOT)])
    return micro(*arguments, "-p", "tests.builders.small_rate", PYTHONPATH=folders, **variables)


# A user's own models, of which one diverges at its eighth step, after those that warm up.
MINE = """
import tensorflow as tf

def workload():
    weight = tf.Variable(3.0)

    def step(batch):
        weight.assign_sub(0.01 * weight)
        return weight * weight

    return step, [weight], tf.constant(1.0)
"""
DIVERGING = """
import tensorflow as tf

def workload():
    weight, taken = tf.Variable(1.0), []

    def step(batch):
        taken.append(None)
        return weight * (batch if len(taken) > 7 else 1)

    return step, [weight], tf.constant(float("nan"))
"""


@pytest.mark.tensorflow
@pytest.mark.any_version
@PLUGIN
@pytest.mark.parametrize(
    "implementation", ["cells", *(pytest.param(name, marks=pytest.mark.slow) for name in ("layers", "fused"))]
)
def test_every_target_answers_and_says_what_it_did(tmp_path: Path, implementation: str) -> None:
    """In graphs, on a logical device in addition to cpu:0, as a GPU would be. Keras' loop trains its own layers only.

    Threads and oneDNN are what TensorFlow was told, neither its default; variables are the shell's that records hold,
    and those given; none that a package sets which Keras imports. A missing GPU is a skip that says so. Each answer is
    checked: a spoilt one is refused before (tests.builders.spoilt).
    """
    (tmp_path / "sklearn.py").write_text("import os\nos.environ['KMP_INIT_AT_FORK'] = 'FALSE'\nraise ImportError")
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "diverging.py").write_text(DIVERGING)
    path = tmp_path / "launch.json"
    devices = ["--device=cpu:1", "--device=gpu:0"]
    options = ["--config=tiny", f"--implementation={implementation}", "--mode=graph", "--variable=FLAGS=--a=1 --b"]
    units = [f"--workload={name}" for name in ("predict-call", tmp_path / "mine.py", tmp_path / "diverging.py")]
    told = {"TF_NUM_INTRAOP_THREADS": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}
    given = [*options, *devices, *units, f"--benchmark-json={path}"]
    found = timed("bench/micro", "-rs", "-p", "tests.builders.spoilt", *given, path=[str(tmp_path)], **told)
    assert "\n1 failed, " in found.stdout, found.stdout  # the one that diverges
    assert "there is no device 'gpu:0'" in found.stdout
    plain = json.loads(path.read_text())
    assert plain["machine_info"]["fingerprint"] == this_machine().fingerprint()
    require_units(found, path)
    cases = [one for one in plain["benchmarks"] if one["extra_info"].get("target", "unit") != "unit"]
    infos: list[dict[str, Any]] = [one["extra_info"] for one in cases]
    targets = {"clip", "dropout", "evaluation", "forward", "gradient", "input", "step", "update"}
    targets |= set() if implementation == "fused" else {"fit", "predict"}
    assert {info["target"] for info in infos} == targets
    assert {info["device"] for info in infos} == {"cpu:1"}
    assert {(info["threads"], info["onednn"]) for info in infos} == {(3, False)}
    expected = {"FLAGS": "--a=1 --b", **kept({**os.environ, **told})}
    assert all(info["variables"] == expected for info in infos)
    assert {one["group"] for one in cases} == {f"tiny {target} on cpu:1" for target in targets}
    assert all(info["words_per_second"] > 0 and info["bytes"] > 0 for info in infos)
    assert all((info["matmul_fraction"] > 0) == (info["flops"] > 0) for info in infos)
    assert all(info["refused"].endswith("it isn't timed") for info in infos)
    assert len({one["name"] for one in cases}) == len(cases)


def require_units(found: subprocess.CompletedProcess[str], path: Path) -> None:
    """Units of workloads are timed in the configurations that they have. A user's own model has one, and its file's
    name; one that diverges is not timed.
    """
    assert found.returncode == pytest.ExitCode.TESTS_FAILED
    assert "diverging.py comes to nan: it isn't timed" in found.stdout
    with pytest.raises(FormatError, match="was not written by bench/micro"):  # as pytest-benchmark kept its time
        read_launch(path)
    document = json.loads(path.read_text())
    told = [one for one in document["benchmarks"] if one["extra_info"]]
    assert len(told) == len(document["benchmarks"]) - 1
    infos = [one["extra_info"] for one in told if one["extra_info"]["target"] == "unit"]
    names = [("predict-call", "tiny"), ("mine.py", "own")]
    assert [(info["workload"], info["config"]) for info in infos] == names
    assert {(info["mode"], info["implementation"]) for info in infos} == {("", "")}
    assert len({info["fingerprint"] for info in infos}) == 2
    path.write_text(json.dumps({**document, "benchmarks": told}))
    assert "mine.py own on cpu:1" in {case.subject for case in read_launch(path).cases.values()}


@pytest.mark.tensorflow
@pytest.mark.slow
@PLUGIN
@pytest.mark.parametrize(("fault", "target"), [("learning-rate-minus-10-percent", "update"), ("clip-missing", "clip")])
def test_a_faulty_tensorflow_is_not_timed(tmp_path: Path, fault: str, target: str) -> None:
    """tests/bench/micro/test_case.py has a wrong answer in this process."""
    path = tmp_path / "launch.json"
    options = ["--config=tiny", "--implementation=cells", "--mode=graph", f"--benchmark-json={path}"]
    found = timed(f"bench/micro/test_{target}.py", "-k", "not dense", *options, path=[str(HOOK)], TFGATE_FAULT=fault)
    assert found.returncode == 1, found.stdout
    assert "it isn't timed" in found.stdout
    assert not path.exists() or not path.read_text()


def configure(*words: str) -> None:
    """Begins a session by the suite's own options, which argparse reads as pytest does."""
    parser = argparse.ArgumentParser()
    group = SimpleNamespace(addoption=parser.add_argument)
    conftest.pytest_addoption(cast(Any, SimpleNamespace(getgroup=lambda name: group)))
    given = {f"--{name.replace('_', '-')}": value for name, value in vars(parser.parse_args(words)).items()}
    conftest.pytest_configure(cast(Any, SimpleNamespace(getoption=given.get, stash={})))


@pytest.mark.tensorflow
@pytest.mark.any_version
@PLUGIN
def test_a_missing_gpu_that_is_required_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    from lm import runtime  # needs TensorFlow

    def missing(*devices: str) -> None:
        raise runtime.DeviceError(f"there is no device {devices}")

    monkeypatch.setattr(runtime, "require_device", missing)
    with pytest.raises(pytest.exit.Exception, match=r"^--require-gpu: there is no device \('gpu:0',\)$") as raised:
        configure("--require-gpu")
    assert raised.value.returncode == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--config=huge", "argument --config: invalid choice: 'huge'"),
        ("--config=own", "argument --config: invalid choice: 'own'"),
        ("--implementation=threads", "argument --implementation: invalid choice: 'threads'"),
        ("--device=tpu:0", "argument --device: 'tpu:0' is not a device's name, such as cpu:0 or gpu:0"),
        ("--mode=xla", "argument --mode: invalid choice: 'xla'"),
    ],
)
def test_an_unknown_name_is_refused(option: str, said: str) -> None:
    """By pytest's own parser, in this process."""
    parser = Parser(_ispytest=True)
    conftest.pytest_addoption(parser)
    with pytest.raises(pytest.UsageError, match=re.escape(said)):
        parser.parse([option])


def test_an_unknown_workload_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conftest, "NEEDED", ())
    with pytest.raises(pytest.UsageError, match=r"^no workload is called 'unknown'"):
        configure("--workload=unknown")


def test_a_library_that_is_not_loaded_is_named() -> None:
    found = micro("bench/micro", LD_PRELOAD="libnone.so")
    assert found.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: libnone.so of LD_PRELOAD is not loaded: name a library" in found.stderr


@pytest.mark.skipif(bool(importlib.util.find_spec("tensorflow")), reason="this Python has TensorFlow")
def test_a_python_without_tensorflow_is_told_so_in_one_line() -> None:
    found = micro("bench/micro")
    assert found.returncode == pytest.ExitCode.USAGE_ERROR
    needed = "bench/micro needs tensorflow, pytest and pytest-benchmark"
    assert found.stderr.startswith(f"ERROR: this Python has no tensorflow: {needed}; of `tfgate micro`, name another")
    assert len(found.stderr.strip().splitlines()) == 1
