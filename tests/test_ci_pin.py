"""The script .ci/pin, and what calls it: GitHub's action, and the recipes of GitLab and Jenkins, with stand-ins."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

yaml = pytest.importorskip("ruamel.yaml", reason="ruamel.yaml is not installed; tox run -e py311 has it")

from tests.builders.git import git  # noqa: E402
from tests.builders.programs import write_program  # noqa: E402
from tests.docs.markdown import code_blocks  # noqa: E402  # what it imports is there where the above is

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "how-to"
SCRIPT = ROOT / ".ci" / "pin"
PIN = "tensorflow==2.20.0"
CHANGE = "tensorflow==2.21.0"
PRINTED = "FROM=2.20.0\nTENSORFLOW=2.21.0\n"


@pytest.fixture(autouse=True)
def needs_git() -> None:
    if not shutil.which("git"):
        pytest.skip("git isn't installed")


def merged(folder: Path, old: str = PIN, new: str = CHANGE) -> Path:
    """Returns a repository whose branch main is a merge of the branches target and change, of old and new pins."""
    commits = [
        ("target", "six", ""),  # history that no pin needs
        ("target", old, ""),
        ("change", new, "from refs/heads/target\n"),
        ("main", new, "from refs/heads/target\nmerge refs/heads/change\n"),
    ]
    stream = [
        f"commit refs/heads/{branch}\ncommitter a <a@example.org> 0 +0000\ndata 3\nPin\n{parents}"
        f"M 100644 inline requirements.txt\ndata {len(text.encode())}\n{text}\n"
        for branch, text, parents in commits
    ]
    origin = folder / "origin"
    git(folder, "init", "--initial-branch", "main", origin)
    git(origin, "fast-import", "--quiet", given="".join(stream))
    git(origin, "reset", "--hard")
    return origin


def cloned(origin: Path, *options: str) -> Path:
    clone = origin.parent / "clone"
    git(origin.parent, "clone", *options, origin.as_uri(), clone)
    return clone


def run(folder: Path, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, env=os.environ | variables, capture_output=True, text=True, check=False)


def pin(folder: Path, base: str, file: str = "requirements.txt") -> subprocess.CompletedProcess[str]:
    return run(folder, SCRIPT, base, file)


@pytest.mark.parametrize(
    ("new", "version"),
    [
        (CHANGE, "2.21.0"),
        ("six\ntensorflow == 2.21.0 \\\n  --hash=sha256:a\n", "2.21.0"),
        ("tensorflow==2.21.0 --hash=sha256:a\r\n", "2.21.0"),
        ('tensorflow[and-cuda]==2.21.0rc1 ; python_version >= "3.10"  # why', "2.21.0rc1"),
        ("tensorflow-cpu==2.21.0\ntensorflow-text==2.20.0", "2.21.0"),
    ],
)
def test_both_pins_are_read(tmp_path: Path, new: str, version: str) -> None:
    """The base, too, may be spelled in each way."""
    origin = merged(tmp_path, new=new)
    assert pin(origin, "HEAD^1").stdout == f"FROM=2.20.0\nTENSORFLOW={version}\n"
    git(origin, "checkout", "target")
    assert pin(origin, "change").stdout == f"FROM={version}\nTENSORFLOW=2.20.0\n"


@pytest.mark.parametrize("new", [PIN, "six\ntensorflow-cpu == 2.20.0"])
def test_nothing_is_printed_of_a_pin_that_stays(tmp_path: Path, new: str) -> None:
    done = pin(merged(tmp_path, new=new), "HEAD^1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("keras==3.0.0", ""),
        ("tensorflow", "tensorflow"),
        ("tensorflow-text==2.20.0", "tensorflow-text==2.20.0"),
        ("tensorflow-cpu==2.21.*", "tensorflow-cpu==2.21.*"),
        ("tensorflow==2.21.0,<3", "tensorflow==2.21.0,<3"),
        ("tensorflow===2.21.0", "tensorflow===2.21.0"),
        (
            "tensorflow==2.21.0; python_version >= '3.10'\ntensorflow==2.20.0; python_version < '3.10'",
            "2.21.0, 2.20.0",
        ),
    ],
)
def test_what_is_not_one_exact_pin_fails(tmp_path: Path, text: str, found: str) -> None:
    origin = merged(tmp_path, new=text)
    said = "tfgate: error: requirements.txt of {} must pin one exact version of tensorflow, found: '{}'\n"
    done = pin(origin, "HEAD^1")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said.format("HEAD", found))
    git(origin, "checkout", "target")
    done = pin(origin, "change")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said.format("change", found))


def test_a_file_that_is_not_there_fails(tmp_path: Path) -> None:
    done = pin(merged(tmp_path), "HEAD^1", "requirements.in")
    assert (done.returncode, done.stdout) == (2, "")
    assert "requirements.in of HEAD^1 must pin one exact version" in done.stderr


@pytest.mark.parametrize("base", ["", "origin/"])  # as where "$CHANGE_TARGET" is not set
def test_an_empty_base_fails(tmp_path: Path, base: str) -> None:
    """Git would read `:requirements.txt` from its index, and the version would be compared with itself."""
    done = pin(merged(tmp_path), base)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tfgate: error: BASE is empty: ")


@pytest.mark.parametrize("base", ["no-such-branch", "0123456789012345678901234567890123456789", "HEAD^1"])
def test_an_unknown_base_fails(tmp_path: Path, base: str) -> None:
    done = pin(cloned(merged(tmp_path), "--depth", "1"), base)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"tfgate: error: BASE is '{base}': not in this clone" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("arguments", [[], ["HEAD^1"], ["HEAD^1", "requirements.txt", "more"], ["--help"]])
def test_without_its_arguments_it_says_what_it_takes(tmp_path: Path, arguments: list[str]) -> None:
    done = run(tmp_path, SCRIPT, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: .ci/pin BASE FILE\n  BASE")


def test_a_shallow_clone_fetches_the_base_alone(tmp_path: Path) -> None:
    origin = merged(tmp_path)
    clone = cloned(origin, "--depth", "1", "--branch", "change")
    base = git(origin, "rev-parse", "target")
    assert pin(clone, base).stdout == PRINTED
    assert git(clone, "rev-list", "--count", base) == "1"
    assert pin(clone, "origin/target").stdout == PRINTED


def test_a_whole_clone_that_lacks_the_base_stays_whole(tmp_path: Path) -> None:
    """Only the branch that is built has been fetched."""
    clone = cloned(merged(tmp_path), "--single-branch", "--branch", "change")
    git(tmp_path / "origin", "checkout", "target")
    git(tmp_path / "origin", "commit", "--allow-empty", "--message", "Later")
    assert pin(clone, "origin/target").stdout == PRINTED
    assert git(clone, "rev-parse", "--is-shallow-repository") == "false"


def test_github_s_action_outputs_both_pins(tmp_path: Path) -> None:
    """The clone is what GitHub checks out for a pull request: the merge, and its parents."""
    path = ROOT / ".github" / "actions" / "pin" / "action.yml"
    action: Any = yaml.YAML(typ="safe").load(path.read_text())
    (step,) = action["runs"]["steps"]
    clone, output = cloned(merged(tmp_path), "--depth", "2"), tmp_path / "output"
    known = {"GITHUB_ACTION_PATH": str(path.parent), "GITHUB_OUTPUT": str(output)}
    known["FILE"] = action["inputs"]["file"]["default"]
    assert run(clone, "bash", "-eo", "pipefail", "-c", step["run"], **known).returncode == 0
    written = dict(line.split("=") for line in output.read_text().splitlines())
    values = {name: one["value"] for name, one in action["outputs"].items()}
    prefix = f"${{{{ steps.{step['id']}.outputs."
    told = {name: written[value.removeprefix(prefix).removesuffix(" }}")] for name, value in values.items()}
    assert told == {"from": "2.20.0", "tensorflow": "2.21.0"}


def checkout(folder: Path) -> Path:
    """Returns a stand-in of tfgate's checkout: the real .ci/pin, with an installation and a gate that note the call."""
    for name, text in {"install": 'mkdir -p "$2/bin"', "gate": 'echo "$FROM to $TENSORFLOW" > gated'}.items():
        write_program(folder / ".ci" / name, f"#!/bin/sh\n{text}\n")
    shutil.copy(SCRIPT, folder / ".ci")
    return folder


RESULTS = [(PIN, CHANGE, 0, "2.20.0 to 2.21.0\n"), (PIN, PIN, 0, None), (PIN, "tensorflow>=2.21", 2, None)]


def gated(clone: Path) -> str | None:
    return (clone / "gated").read_text() if (clone / "gated").exists() else None


def gitlab_jobs() -> list[Any]:
    blocks = [one.text for one in code_blocks((PAGES / "gitlab.md").read_text()) if ".ci/pin" in one.text]
    return [yaml.YAML(typ="safe").load(text)["tfgate"] for text in blocks]


@pytest.mark.parametrize("branch", ["change", "main"])  # main is what a merged results pipeline builds
@pytest.mark.parametrize(("old", "new", "code", "result"), RESULTS)
def test_gitlab_s_recipe_gates_a_change(
    tmp_path: Path, branch: str, old: str, new: str, code: int, result: str | None
) -> None:
    (job,) = gitlab_jobs()
    origin = merged(tmp_path, old, new)
    clone = cloned(origin, "--depth", "1", "--branch", branch)
    checkout(clone / ".tfgate" / "checkout")
    base = git(origin, "rev-parse", "target")
    script = "\n".join(job["script"])
    done = run(clone, "bash", "-eo", "pipefail", "-c", script, CI_MERGE_REQUEST_DIFF_BASE_SHA=base, TENSORFLOW="")
    assert (done.returncode, gated(clone)) == (code, result)


def test_gitlab_s_recipe_leaves_a_change_of_the_target_alone(tmp_path: Path) -> None:
    """With merged results, what is built holds the target's own changes since the merge request began."""
    (job,) = gitlab_jobs()
    origin = merged(tmp_path, new=PIN)
    begun = git(origin, "rev-parse", "target")
    git(origin, "checkout", "target")
    (origin / "requirements.txt").write_text(CHANGE)
    git(origin, "commit", "--all", "--message", "Pin")
    git(origin, "checkout", "main")
    git(origin, "merge", "target")
    clone = cloned(origin, "--depth", "1", "--branch", "main")
    checkout(clone / ".tfgate" / "checkout")
    now = git(origin, "rev-parse", "target")
    known = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": begun, "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": now}
    done = run(clone, "bash", "-eo", "pipefail", "-c", "\n".join(job["script"]), **known, TENSORFLOW="")
    assert (done.returncode, gated(clone)) == (0, None)


def shell_lines(text: str) -> list[str]:
    """Returns the scripts of a pipeline's sh steps. Groovy leaves what is in single quotes as it is, but for `\\`."""
    scripts = re.findall(r"\bsh ('''.*?'''|'.*?')", text, re.DOTALL)
    assert not any("\\" in script for script in scripts)
    return [dedent(script.strip("'")) for script in scripts]


@pytest.mark.parametrize(("old", "new", "code", "result"), RESULTS)
def test_jenkins_s_recipe_gates_a_change(tmp_path: Path, old: str, new: str, code: int, result: str | None) -> None:
    """The shell is sh, in which Jenkins runs a step."""
    (block,) = (one.text for one in code_blocks((PAGES / "jenkins.md").read_text()) if ".ci/pin" in one.text)
    (script,) = shell_lines(block)
    clone = cloned(merged(tmp_path, old, new), "--single-branch", "--branch", "main")
    done = run(clone, "sh", "-xe", "-c", script, CHANGE_TARGET="target", **tfgate_in(tmp_path / "tfgate"))
    assert (done.returncode, gated(clone)) == (code, result)


def tfgate_in(folder: Path) -> dict[str, str]:
    """Makes tfgate's repository of the stand-in. Returns the variables that make git take it for that of the pages."""
    git(checkout(folder), "init", "--initial-branch", "COMMIT")
    git(folder, "add", ".")
    git(folder, "commit", "--message", "Stand in")
    instead = {"GIT_CONFIG_KEY_0": f"url.{folder.as_uri()}.insteadOf", "GIT_CONFIG_COUNT": "1"}
    return instead | {"GIT_CONFIG_VALUE_0": "https://github.com/OWNER/tfgate"}


def test_jenkins_s_pipeline_gates_and_cleans_up(tmp_path: Path) -> None:
    block = next(one.text for one in code_blocks((PAGES / "jenkins.md").read_text()) if "pipeline {" in one.text)
    script, clean = shell_lines(block)
    done = run(tmp_path, "sh", "-xe", "-c", clean)
    assert done.returncode == 0  # before anything is installed
    known = {"TENSORFLOW": "2.20.0", "FROM": "2.19.0"}
    assert run(tmp_path, "sh", "-xe", "-c", script, **known, **tfgate_in(tmp_path / "tfgate")).returncode == 0
    assert gated(tmp_path) == "2.19.0 to 2.20.0\n"
    for name in ("tfgate", "uv"):
        write_program(tmp_path / ".tfgate" / "own" / "bin" / name, '#!/bin/sh\necho "$@"\n')
    assert run(tmp_path, "sh", "-xe", "-c", clean).stdout == "env remove --keep-newest 2\ncache prune --ci\n"
