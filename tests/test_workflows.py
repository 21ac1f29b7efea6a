"""The workflows and the action are valid, may do little, run code that is pinned, and call tfgate as it can be called."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("check_jsonschema", reason="check-jsonschema is not installed; tox run -e py311 has it")
yaml = pytest.importorskip("ruamel.yaml", reason="ruamel.yaml is not installed; tox run -e py311 has it")

from tests.docs.command_lines import commands, problem  # noqa: E402  # what it imports is there where the above is
from tests.docs.markdown import code_blocks  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
GATE, SLOW, TESTS = (ROOT / ".github" / "workflows" / f"{name}.yml" for name in ("gate", "slow", "tests"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
USES = re.compile(r"\s*(- )?uses: ")
READS = {"contents": "read"}
PINNED = re.compile(r"uses: (\./[\w./-]+|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)")

VALID = """\
on: push
permissions:
  contents: read
jobs:
  test:
    runs-on: ubuntu-24.04
    timeout-minutes: 1
    steps:
      - run: tfgate check "$RUN"
"""
VALID_ACTION = """\
name: a
description: b
runs:
  using: composite
  steps:
    - run: tfgate check "$RUN"
      shell: bash
"""


def refused(path: Path) -> bool:
    schema = "vendor.github-actions" if path.name == "action.yml" else "vendor.github-workflows"
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


def problems(text: str) -> list[str]:
    """What the schema doesn't see: each line of the answer is one."""
    plain = yaml.YAML(typ="safe").load(text)
    found = [
        f"not pinned: {line.strip()}" for line in text.splitlines() if USES.match(line) and not PINNED.search(line)
    ]
    found += [
        f"{word} is used"
        for word in ("pull_request_target", "secrets", "workflow_run:", "github.token")
        if word in text
    ]
    if "jobs" in plain:
        found += [] if plain.get("permissions") == READS else ["the token may do more than read"]
        unsafe = [name for name, job in plain["jobs"].items() if job.get("permissions", READS) != READS]
        found += [f"the token of job {name} may do more than read" for name in unsafe]
        found += [
            f"job {name} has no time limit" for name, job in plain["jobs"].items() if "timeout-minutes" not in job
        ]
    for step in _steps(plain):
        if "actions/checkout" in step.get("uses", "") and step.get("with", {}).get("persist-credentials") is not False:
            found.append("a checkout leaves the token behind")
        script = step.get("run", "")
        found += [f"text from outside becomes code: {script}"] if "${{" in script else []
        found += [what for words in commands(script) if (what := problem(words))]
    return found


def _steps(plain: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in plain["jobs"].values() if "jobs" in plain else [plain["runs"]]:
        yield from job.get("steps", ())


def test_there_are_workflows_and_an_action() -> None:
    assert [path.name for path in WORKFLOWS] == ["baselines.yml", "gate.yml", "nightly.yml", "slow.yml", "tests.yml"]
    assert [path.parent.name for path in ACTIONS] == ["gate"]


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_is_valid_and_safe(path: Path) -> None:
    assert not refused(path)
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("name", "text", "lost"),
    [
        ("workflow.yml", VALID, None),
        ("workflow.yml", VALID, "    runs-on: ubuntu-24.04\n"),
        ("action.yml", VALID_ACTION, None),
        ("action.yml", VALID_ACTION, "  using: composite\n"),
    ],
    ids=["workflow", "job without a runner", "action", "action of no kind"],
)
def test_the_schemas_refuse_what_is_broken(tmp_path: Path, name: str, text: str, lost: str | None) -> None:
    path = tmp_path / name
    path.write_text(text.replace(lost, "") if lost else text)
    assert refused(path) is bool(lost)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("on: push", "on: push", None),
        ("on: push", "on: pull_request_target", "pull_request_target is used"),
        ("contents: read", "contents: write", "the token may do more than read"),
        ("permissions:\n  contents: read\n", "", "the token may do more than read"),
        ("    timeout-minutes: 1\n", "", "job test has no time limit"),
        ("    steps:", "    steps:\n      - uses: actions/checkout@v4", "not pinned: - uses: actions/checkout@v4"),
        (
            "    steps:",
            f"    steps:\n      - uses: actions/checkout@{'a' * 40} # v4.0.0",
            "a checkout leaves the token behind",
        ),
        ('"$RUN"', '"$RUN"\n        env:\n          A: ${{ secrets.A }}', "secrets is used"),
        ("    runs-on: ubuntu-24.04\n", "    runs-on: ubuntu-24.04\n    secrets: inherit\n", "secrets is used"),
        (
            "    timeout",
            "    permissions:\n      contents: write\n    timeout",
            "the token of job test may do more than read",
        ),
        ("    timeout", "    permissions: write-all\n    timeout", "the token of job test may do more than read"),
        ('"$RUN"', "${{ github.head_ref }}", "text from outside becomes code: tfgate check ${{ github.head_ref }}"),
        ('"$RUN"', '"$RUN" --quick', "tfgate: error: unrecognized arguments: --quick"),
        ("tfgate check", "tox run -e gaet #", "tox.ini has no environments gaet"),
    ],
)
def test_what_is_unsafe_or_unknown_is_found(old: str, new: str, said: str | None) -> None:
    assert old in VALID
    found = problems(VALID.replace(old, new))
    assert said in found if said else found == []


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert command.endswith("tox run -m test")
    assert command in (ROOT / "README.md").read_text()
    assert "run: .ci/run\n" in (ROOT / ".github" / "workflows" / "tests.yml").read_text()


def caller_problems(text: str) -> list[str]:
    """Why other repositories couldn't call the gate, or not for a TensorFlow of theirs."""
    plain = yaml.YAML(typ="safe").load(text)
    inputs, steps = plain["on"]["workflow_call"]["inputs"], list(_steps(plain))
    given = next(step["with"] for step in steps if step.get("uses") == "./.github/actions/gate")
    unknown = set(given) - set(yaml.YAML(typ="safe").load(ACTIONS[0].read_text())["inputs"])
    noted = next(
        (step["run"] for step in steps if step.get("env", {}).get("TENSORFLOW") == "${{ inputs.tensorflow }}"), ""
    )
    built = next((step for step in steps if step.get("id") == "measured"), {})
    cached = next(step["with"]["key"] for step in steps if step.get("uses", "").startswith("actions/cache@"))
    looked_at = {
        "the repository can be left out": inputs["repository"].get("required") is True
        and "default" not in inputs["repository"],
        f"the action has no {', '.join(unknown)}": not unknown,
        "the requirement is lost": 'echo "$TENSORFLOW" > .cache/tensorflow.txt' in noted
        and ".cache/tensorflow.txt" in built.get("run", ""),
        "an environment is built unasked": built.get("if") == "${{ inputs.tensorflow }}",
        "the environment that is built is not measured": given.get("to") == "${{ steps.measured.outputs.python }}"
        and '/.cache/measured/bin/python" >> "$GITHUB_OUTPUT"' in built.get("run", ""),
        "two TensorFlows share a cache": ".cache/tensorflow.txt" in cached,
    }
    return [what for what, well in looked_at.items() if not well]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: gate", "name: gate", None),
        ("required: true", 'default: ""', "the repository can be left out"),
        ("          to: ${{", "          ot: ${{", "the action has no ot"),
        (
            "          to: ${{ steps.measured.outputs.python }}\n",
            "",
            "the environment that is built is not measured",
        ),
        ("id: measured\n        if: ${{ inputs.tensorflow }}", "id: measured", "an environment is built unasked"),
        ("--requirement .cache/tensorflow.txt", "tensorflow", "the requirement is lost"),
        (", '.cache/tensorflow.txt')", ")", "two TensorFlows share a cache"),
    ],
)
def test_the_gate_can_be_called_by_other_workflows(old: str, new: str, said: str | None) -> None:
    text = GATE.read_text()
    assert old in text
    assert {"pull_request", "push", "workflow_call"} <= set(yaml.YAML(typ="safe").load(text)["on"])
    found = caller_problems(text.replace(old, new))
    assert said in found if said else found == []


def test_a_requirement_that_became_code_would_be_found() -> None:
    text = GATE.read_text().replace('echo "$TENSORFLOW"', "echo ${{ inputs.tensorflow }}")
    assert any(
        found.startswith("text from outside becomes code: mkdir .cache\necho ${{ inputs.tensorflow }}")
        for found in problems(text)
    )


def gate_problems(text: str) -> list[str]:
    """What a job that calls the action wouldn't get: a verdict in its summary, its exit code, and the report whatever that is."""
    steps = yaml.YAML(typ="safe").load(text)["runs"]["steps"]
    gate = next(step for step in steps if step.get("id") == "gate")
    whatever = "${{ !cancelled() && steps.gate.outcome != 'skipped' }}"
    after = [step for step in steps[steps.index(gate) + 1 :] if step.get("if") == whatever]
    called = [words for words in commands(gate["run"]) if words[:2] == ["tfgate", "gate"]]
    report = [words for step in after for words in commands(step.get("run", "")) if words[:2] == ["tfgate", "report"]]
    kept = [step["with"] for step in after if step.get("uses", "").startswith("actions/upload-artifact@")]
    looked_at = {
        "the gate isn't run, or not last in its step": len(called) == 1
        and gate["run"].strip().splitlines()[-1].startswith("tfgate gate"),
        "no summary": bool(called) and "--summary" in called[0],
        "a red gate is a green step": not any("continue-on-error" in step for step in steps)
        and not re.search("[;|&]", gate["run"]),
        "no report": bool(report) and {"html", "markdown", "junit", "json"} <= set(report[0]),
        "nothing is kept": len(kept) == 1 and kept[0]["path"] == "${{ runner.temp }}/${{ inputs.artifact }}",
        "nothing says for how long": len(kept) == 1 and kept[0].get("retention-days") == "${{ inputs.retention-days }}",
    }
    return [what for what, well in looked_at.items() if not well]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: gate", "id: gate", None),
        ("tfgate gate --summary", "tfgate gate", "no summary"),
        ("$ARGUMENTS\n", "$ARGUMENTS || true\n", "a red gate is a green step"),
        ("$ARGUMENTS\n", "$ARGUMENTS; true\n", "a red gate is a green step"),
        ("      id: gate", "      id: gate\n      continue-on-error: true", "a red gate is a green step"),
        ("$ARGUMENTS\n", "$ARGUMENTS\n        echo done\n", "the gate isn't run, or not last in its step"),
        ("--format junit ", "", "no report"),
        (
            "    - name: Write the report, whatever the verdict\n      if: ${{ !cancelled()",
            "    - name: Write\n      if: ${{ success()",
            "no report",
        ),
        ("actions/upload-artifact@", "actions/download-artifact@", "nothing is kept"),
        ("        retention-days: ${{", "        compression-level: ${{", "nothing says for how long"),
    ],
)
def test_the_action_tells_and_keeps_what_the_gate_finds(old: str, new: str, said: str | None) -> None:
    text = ACTIONS[0].read_text()
    assert old in text
    found = gate_problems(text.replace(old, new))
    assert said in found if said else found == []


def nightly_problems(text: str) -> list[str]:
    """Whether each night holds tf-nightly against a release, from environments that are kept within a budget of disk."""
    plain = yaml.YAML(typ="safe").load(text)
    steps = list(_steps(plain))
    (job,) = plain["jobs"].values()
    measured = ["tfgate", "upgrade", "--from", "tensorflow", "--to", "tf-nightly"]
    called = [words for step in steps for words in commands(step.get("run", ""))]
    saved = [step for step in steps if step.get("uses", "").startswith("actions/cache/save@")]
    budget = next((step for step in steps if step.get("id") == "budget"), {}).get("run", "")
    looked_at = {
        "it runs by no schedule": bool(plain["on"].get("schedule")),
        "tf-nightly is not measured": any(words[:6] == measured for words in called),
        "environments are built anew every night": any(
            step.get("uses", "").startswith("actions/cache/restore@") for step in steps
        ),
        "environments pile up": ["tfgate", "env", "remove", "--keep-newest", "2"] in called,
        "the cache has no bound": '[ "$size" -le "$BUDGET_MIB" ]' in budget
        and job["env"].get("BUDGET_MIB", "").isdigit()
        and [step.get("if") for step in saved] == ["${{ !cancelled() && steps.budget.outputs.within == 'true' }}"],
    }
    return [what for what, well in looked_at.items() if not well]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("schedule:", "schedule:", None),
        ("  schedule:\n", "  push:\n", "it runs by no schedule"),
        ("--to tf-nightly", "--to tensorflow==2.21.0", "tf-nightly is not measured"),
        ("actions/cache/restore@", "actions/cache/save@", "environments are built anew every night"),
        ("--keep-newest 2", "--keep-newest 20", "environments pile up"),
        ("steps.budget.outputs.within == 'true'", "true", "the cache has no bound"),
        ('[ "$size" -le "$BUDGET_MIB" ]', "true", "the cache has no bound"),
    ],
)
def test_the_nightly_measures_tf_nightly_within_a_budget(old: str, new: str, said: str | None) -> None:
    text = (ROOT / ".github" / "workflows" / "nightly.yml").read_text()
    assert old in text
    found = nightly_problems(text.replace(old, new))
    assert said in found if said else found == []


def screenshots_are_kept(text: str) -> bool:
    """Whether the tests find a folder for them, and the artifact holds it whatever the tests said."""
    steps = list(_steps(yaml.YAML(typ="safe").load(text)))
    folder = "${{ runner.temp }}/screenshots"
    made = [number for number, step in enumerate(steps) if step.get("run") == 'mkdir "$RUNNER_TEMP/screenshots"']
    tested = [number for number, step in enumerate(steps) if step.get("env", {}).get("TFGATE_SCREENSHOTS") == folder]
    kept = [
        number
        for number, step in enumerate(steps)
        if step.get("if") == "always()" and step.get("with", {}).get("path") == folder
    ]
    return len(made) == len(tested) == len(kept) == 1 and made < tested < kept and steps[tested[0]]["run"] == ".ci/run"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("        if: always()", "        if: success()"),
        ('run: mkdir "$RUNNER_TEMP/screenshots"', "run: true"),
        ("          TFGATE_SCREENSHOTS: ", "          SCREENSHOTS: "),
        ("          path: ${{ runner.temp }}/screenshots", "          path: screenshots"),
    ],
)
def test_screenshots_are_kept_whatever_the_tests_say(old: str, new: str) -> None:
    text = TESTS.read_text()
    assert old in text
    assert screenshots_are_kept(text.replace(old, new)) is not bool(old)


def runs_slow_tests(text: str) -> bool:
    """Whether the slow tests run by a schedule, with both TensorFlows there, without which they would skip."""
    plain = yaml.YAML(typ="safe").load(text)
    called = [
        words[1:] for step in _steps(plain) for words in commands(step.get("run", "")) if words[0].endswith("/tox")
    ]
    wanted = [["run", "--notest", "-e", "tf212,tf221"], ["run", "-e", "slow"]]
    return bool(plain["on"].get("schedule")) and called[:2] == wanted and called[2][4:6] == ["-m", "slow"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("run -e slow", "run -e py311"),
        ("tf212,tf221", "tf212"),
        ("schedule:", "push:"),
        ("-m slow", "-m tensorflow"),
    ],
)
def test_slow_tests_run_every_week(old: str, new: str) -> None:
    text = SLOW.read_text()
    assert old in text
    assert runs_slow_tests(text.replace(old, new)) is not bool(old)


def test_baselines_and_what_guards_them_have_owners() -> None:
    owned = {line.split()[0] for line in (ROOT / ".github" / "CODEOWNERS").read_text().splitlines() if line[:1] == "/"}
    assert owned == {"/baselines/", "/.ci/", "/.github/"}
    assert all((ROOT / path.strip("/")).is_dir() for path in owned)


def test_the_tutorial_s_workflows_are_valid_and_call_with_inputs_that_are_there(tmp_path: Path) -> None:
    load = yaml.YAML(typ="safe").load
    known = {"uses: OWNER/tfgate/.github/actions/gate@COMMIT": load(ACTIONS[0].read_text())["inputs"]}
    known["uses: OWNER/tfgate/.github/workflows/gate.yml@COMMIT"] = load(GATE.read_text())["on"]["workflow_call"][
        "inputs"
    ]
    blocks = [
        block.text
        for block in code_blocks((ROOT / "docs" / "tutorials" / "ci.md").read_text())
        if block.language == "yaml"
    ]
    assert len(blocks) == len(known)
    for text, (call, inputs) in zip(blocks, known.items(), strict=True):
        path = tmp_path / "workflow.yml"
        path.write_text(text)
        assert not refused(path)
        assert call in text
        given = text.partition("with:\n")[2]
        assert given
        names = {line.partition(":")[0].strip() for line in given.splitlines()}
        assert {name for name, its in inputs.items() if its.get("required")} <= names <= set(inputs)
