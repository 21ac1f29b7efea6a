"""The workflows call tfgate and tox as they can be called; zizmor and check-jsonschema judge the rest (tox -e lint)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("ruamel.yaml", reason="ruamel.yaml is not installed; tox run -e py311 has it")

from tests.docs.command_lines import commands, problem  # noqa: E402  # what it imports is there where the above is
from tests.docs.markdown import code_blocks  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
ACTION = ROOT / ".github" / "actions" / "gate" / "action.yml"
GATE = ROOT / ".github" / "workflows" / "gate.yml"
FILES = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ACTION]


def load(text: str) -> dict[str, Any]:
    plain: dict[str, Any] = yaml.YAML(typ="safe").load(text)
    return plain


def steps(plain: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in plain["jobs"].values() if "jobs" in plain else [plain["runs"]]:
        yield from job.get("steps", ())


def problems(text: str) -> list[str]:
    """Returns the calls of shell blocks that lead nowhere."""
    called = (words for step in steps(load(text)) for words in commands(step.get("run", "")))
    return [what for words in called if (what := problem(words))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_each_calls_what_is_there(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tfgate check", "tfgate: error: the following arguments are required: REPORT"),
        ("tox run -e gaet", "tox.ini has no environments gaet"),
    ],
)
def test_what_is_not_there_is_found(line: str, said: str) -> None:
    assert problems(f"runs:\n  steps:\n    - run: {line}\n") == [said]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = (ROOT / ".ci" / "run").read_text().splitlines()[-1]
    assert command.endswith("tox run -m test")
    assert command in (ROOT / "README.md").read_text()


def test_the_tutorial_s_workflows_call_with_inputs_that_are_there() -> None:
    known = {
        "uses: OWNER/tfgate/.github/actions/gate@COMMIT": load(ACTION.read_text())["inputs"],
        "uses: OWNER/tfgate/.github/workflows/gate.yml@COMMIT": load(GATE.read_text())["on"]["workflow_call"]["inputs"],
    }
    tutorial = (ROOT / "docs" / "tutorials" / "ci.md").read_text()
    blocks = [block.text for block in code_blocks(tutorial) if block.language == "yaml"]
    for text, (call, inputs) in zip(blocks, known.items(), strict=True):
        assert call in text
        given = {line.partition(":")[0].strip() for line in text.partition("with:\n")[2].splitlines()}
        assert {name for name, its in inputs.items() if its.get("required")} <= given <= set(inputs)
