"""`tfgate doctor`: with an interpreter that can't measure, which is what it is asked to find out."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from bench.drive.doctor import Finding
from bench.machine import this_machine
from tests.builders.commands import Tfgate, without_tensorflow
from tests.builders.fake_interpreter import session_text, write_interpreter


@without_tensorflow
def test_an_interpreter_without_tensorflow_fails_after_saying_what_the_machine_is(tfgate: Tfgate) -> None:
    found = tfgate("doctor", "--python", sys.executable)
    assert found.code == 4
    assert found.err.startswith("tfgate: error: ")
    assert "install TensorFlow there" in found.err
    for name in ("cpu model", "cores", "fingerprint", "load", "swap"):
        assert name in found.out


def test_where_nothing_can_be_measured_that_is_said(tfgate: Tfgate, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS."""
    monkeypatch.delattr(os, "sched_getaffinity")
    found = tfgate("doctor")
    assert (found.code, found.out) == (4, "")
    assert re.fullmatch(r"tfgate: error: .* doesn't tell a process's CPUs: measure on Linux.*\n", found.err)


@without_tensorflow
def test_the_machine_alone_needs_no_tensorflow(tfgate: Tfgate) -> None:
    found = tfgate("doctor", "--json")
    assert found.code == 0
    assert json.loads(found.out)["problem"] == ""
    assert tfgate("doctor").err == ""


@pytest.mark.parametrize("disturbance", ["", "frequency governor powersave: set it to performance"])
def test_that_nothing_disturbs_is_said(tfgate: Tfgate, monkeypatch: pytest.MonkeyPatch, disturbance: str) -> None:
    monkeypatch.setattr("bench.commands.doctor.examine", lambda: (Finding("load", "0.0 processes", disturbance),))
    *_, last = tfgate("doctor").out.splitlines()
    assert last == (f"warning: {disturbance}" if disturbance else "nothing was found that disturbs a measurement")
    assert [one["disturbance"] for one in tfgate("doctor", "--json").plain["findings"]] == [disturbance]


def test_json_holds_the_machine_and_the_problem(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate("doctor", "--python", tmp_path / "python", "--json")
    plain = json.loads(found.out)
    assert found.code == 4
    assert plain["fingerprint"] == this_machine().fingerprint()
    assert plain["environment"] is None
    assert plain["problem"] in found.err


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine may have a GPU")
def test_a_gpu_that_is_required_and_missing(tfgate: Tfgate, tmp_path: Path) -> None:
    found = tfgate("doctor", "--python", tmp_path / "python", "--require", "gpu")
    assert found.code == 4
    assert "--require gpu: there is no GPU on this machine" in found.err


DESCRIBED = """
class Session(Session):
    def describe(self, threads=0):
        found = super().describe(threads)
        return dataclasses.replace(found, environment=dataclasses.replace(found.environment, python="{version}"))
"""


@pytest.mark.parametrize(("version", "warned"), [("3.11.9", False), ("3.13.1", True)])
def test_a_python_of_another_version_than_the_references_is_told(
    tfgate: Tfgate, tmp_path: Path, version: str, warned: bool
) -> None:
    python = write_interpreter(
        tmp_path / "python", session_text("import dataclasses\n" + DESCRIBED.format(version=version))
    )
    found = tfgate("doctor", "--python", python)
    assert (found.code, found.err) == (0, "")
    assert ("warning: Python is 3.13 and the reference's is 3.11" in found.out) is warned
    assert f"Python {version}" in " ".join(found.out.split())


@pytest.mark.slow
def test_an_environment_is_described(tfgate: Tfgate, newest_python: Path) -> None:
    found = tfgate("doctor", "--python", newest_python, "--json")
    assert found.code == 0
    assert json.loads(found.out)["environment"]["tensorflow"].startswith("2.")
