"""The scripts of .ci: a baseline changes alone, and a browser that can't be had fails nothing."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.builders.git import git
from tests.builders.programs import write_program

ROOT = Path(__file__).resolve().parent.parent


class Clone:
    """A repository with one commit, to which others are added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        git(self.folder, "init", "--quiet")
        self.change("README.md")

    def change(self, *names: str) -> None:
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(path.read_text() + "more\n" if path.exists() else "some\n")
        self.commit()

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self) -> None:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", "change")

    def check(self) -> subprocess.CompletedProcess[str]:
        script = ROOT / ".ci" / "baselines-alone"
        return subprocess.run([script, "HEAD^1"], cwd=self.folder, capture_output=True, text=True, check=False)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    if not shutil.which("git"):
        pytest.skip("git isn't installed")
    return Clone(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ["lm/models/cells.py", "docs/model.md"],
        ["baselines/tiny.json"],
        ["baselines/tiny.json", "baselines/margins.toml", "constraints/gate.txt", "docs/baselines.md", "CHANGELOG.md"],
        # What tests ask for with a margin: pages that are made of it or show it, outcomes, and what supports it.
        ["baselines/margins.toml", "README.md", "tests/outcomes.json", "experiments/data/pilot.json"],
        [
            "baselines/ledger.json",
            "baselines/reference/cpython-3.11-linux-x86_64.txt",
            "constraints/gate.txt",
            "CHANGELOG.md",
        ],
        ["lm/baselines/x.py", "docs/baselines.md"],  # not the folder of baselines
    ],
)
def test_a_change_of_one_kind_passes(clone: Clone, names: list[str]) -> None:
    clone.change(*names)
    assert clone.check().returncode == 0


@pytest.mark.parametrize(
    "other",
    ["lm/models/cells.py", "tests/bench/judge/test_gate.py", ".github/workflows/gate.yml", "docs/baselines.md.py"],
)
def test_a_baseline_that_changes_with_code_is_refused(clone: Clone, other: str) -> None:
    clone.change("baselines/tiny.json", other)
    answer = clone.check()
    assert answer.returncode == 1
    assert answer.stderr.strip().endswith(f"also changes: {other}")


@pytest.mark.parametrize(("line", "code"), [("SCHEMA = 4", 0), ("SCHEMAS = 4", 1), ("# SCHEMA = 4", 1)])
def test_a_new_schema_converts_what_is_stored(clone: Clone, line: str, code: int) -> None:
    clone.write("bench/record/types.py", f"{line}\n")
    clone.change("baselines/tiny.json")  # with what was written
    assert clone.check().returncode == code


def test_a_new_schema_is_found_in_a_large_change(clone: Clone) -> None:
    """More than git writes at once: it must be read to its end."""
    rest = [f"value_{number} = {number}\n" for number in range(5000)]
    clone.write("bench/record/types.py", "".join(["SCHEMA = 4\n", *rest]))
    clone.commit()
    clone.write("bench/record/types.py", "".join(["SCHEMA = 5\n", *(line.upper() for line in rest)]))
    clone.change("baselines/tiny.json")
    assert {clone.check().returncode for _ in range(10)} == {0}


@pytest.mark.parametrize("name", ["baselines/ledger.json", "baselines/reference/cpython-3.11-linux-x86_64.txt"])
def test_ledger_and_reference_change_alone_too(clone: Clone, name: str) -> None:
    clone.change(name, "lm/models/cells.py")
    assert clone.check().returncode == 1


def test_a_baseline_that_is_removed_with_code_is_refused(clone: Clone) -> None:
    clone.change("baselines/tiny.json")
    git(clone.folder, "mv", "baselines/tiny.json", "tiny.py")
    git(clone.folder, "commit", "--quiet", "--message", "move")
    assert clone.check().returncode == 1


def test_a_commit_that_is_not_there_is_no_pass(tmp_path: Path, clone: Clone) -> None:
    assert clone.check().returncode not in (0, 1)  # a first commit has no parent


BROWSER_TOOLS = {"apt-get": "echo called >&2; exit 1", "id": "echo ${USER_ID}", "timeout": 'shift; exec "$@"'}


def install_browser(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """.ci/browser on a machine that has these tools alone: its apt-get fails, as one does that reaches no mirror."""
    for name, text in BROWSER_TOOLS.items():
        write_program(folder / name, f"#!/bin/bash\n{text}\n")
    command = ["/bin/bash", str(ROOT / ".ci" / "browser")]
    return subprocess.run(command, env={"PATH": str(folder), **variables}, capture_output=True, text=True, check=False)


def test_a_browser_that_cannot_be_installed_fails_nothing(tmp_path: Path) -> None:
    answer = install_browser(tmp_path, CI="true", USER_ID="0")
    assert (answer.returncode, answer.stderr) == (
        0,
        "called\nChromium could not be installed: the tests in a browser will skip\n",
    )


@pytest.mark.parametrize(
    "variables", [{"CI": "true", "USER_ID": "1000"}, {"USER_ID": "0"}, {"CI": "false", "USER_ID": "0"}]
)
def test_a_machine_that_is_not_ci_s_is_left_alone(tmp_path: Path, variables: dict[str, str]) -> None:
    answer = install_browser(tmp_path, **variables)
    assert (answer.returncode, answer.stderr) == (0, "")
