"""The workflows are valid, what they may do is little, and they run what the README tells a person to run."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed; tox run -e py311 has it")

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

VALID = "on: push\njobs:\n  test:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: 'true'\n"


def check_schema(path: Path) -> int:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_there_are_workflows() -> None:
    assert [path.name for path in WORKFLOWS] == ["gate.yml", "tests.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_is_valid(path: Path) -> None:
    assert check_schema(path) == 0


@pytest.mark.parametrize("lost", [None, "    runs-on: ubuntu-24.04\n"], ids=["whole", "no runner"])
def test_schema_refuses_a_job_without_a_runner(tmp_path: Path, lost: str | None) -> None:
    path = tmp_path / "workflow.yml"
    path.write_text(VALID.replace(lost, "") if lost else VALID)
    assert check_schema(path) == (1 if lost else 0)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_can_only_read(path: Path) -> None:
    text = path.read_text()
    assert "\npermissions:\n  contents: read\n" in text
    assert "pull_request_target" not in text
    assert "secrets." not in text


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert command.endswith("tox run -m test")
    assert command in (ROOT / "README.md").read_text()
    assert "run: .ci/run\n" in (ROOT / ".github" / "workflows" / "tests.yml").read_text()
