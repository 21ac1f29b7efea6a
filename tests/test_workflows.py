"""The workflows call tfgate and tox as they can be called; zizmor and check-jsonschema judge the rest (tox -e lint)."""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("ruamel.yaml", reason="ruamel.yaml is not installed; tox run -e py311 has it")

from bench.report.formats import dotenv  # noqa: E402
from tests.builders.programs import write_program  # noqa: E402
from tests.builders.schemas import accepted, gitlab_accepts  # noqa: E402
from tests.builders.verdicts import upgrade  # noqa: E402
from tests.docs.command_lines import commands, problem  # noqa: E402  # what it imports is there where the above is
from tests.docs.markdown import code_blocks, documents  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
ACTION = ROOT / ".github" / "actions" / "gate" / "action.yml"
GITHUB = ROOT / "docs" / "how-to" / "github.md"
GITLAB = ROOT / "docs" / "how-to" / "gitlab.md"
OURS = "OWNER/tfgate/"
ACTIONS = sorted((ROOT / ".github").glob("actions/*/action.yml"))
FILES = [*sorted((ROOT / ".github").glob("workflows/*.yml")), *ACTIONS]


def load(text: str) -> dict[str, Any]:
    plain: dict[str, Any] = yaml.YAML(typ="safe").load(text)
    return plain


def steps(plain: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in plain["jobs"].values() if "jobs" in plain else [plain["runs"]]:
        yield from job.get("steps", ())


def step_of(which: str) -> dict[str, Any]:
    """Returns the action's step of an id or a name."""
    (step,) = (one for one in steps(load(ACTION.read_text())) if which in (one.get("id"), one.get("name")))
    return step


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


def wrong_calls(text: str) -> list[str]:
    """Returns what a document's workflows ask of ours that isn't there: files, inputs, outputs of a step."""
    found = []
    for block in code_blocks(text):
        plain: Any = load(block.text) if block.language == "yaml" else {}
        jobs = [{"steps": plain}] if isinstance(plain, list) else plain.get("jobs", {}).values()  # or steps alone
        called = [one for job in jobs for one in (job, *job.get("steps", ()))]
        for one in called:
            if not one.get("uses", "").startswith(OURS):
                continue
            path = one["uses"].removeprefix(OURS).removesuffix("@COMMIT")
            file = ROOT / path / "action.yml" if "/actions/" in path else ROOT / path
            if not file.is_file():
                found.append(f"there is no {path}")
                continue
            ours = load(file.read_text())
            ours = ours["on"]["workflow_call"] if "on" in ours else ours
            given, inputs = set(one.get("with", ())), ours["inputs"]
            found += [f"{path} has no input {name}" for name in sorted(given - set(inputs))]
            required = {name for name, its in inputs.items() if its.get("required")}
            found += [f"{path} needs {name}" for name in sorted(required - given)]
            asked = set(re.findall(rf"steps\.{one['id']}\.outputs\.(\w+)", block.text)) if "id" in one else set()
            found += [f"{path} has no output {name}" for name in sorted(asked - set(ours.get("outputs", ())))]
        named = set(re.findall(r"\bsteps\.(\w+)\.", block.text)) - {one.get("id") for one in called}
        found += [f"there is no step {name}" for name in sorted(named if jobs else ())]
    return found


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_workflows_in_documents_call_what_is_there(path: Path) -> None:
    assert wrong_calls(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("uses: OWNER/tfgate/.github/actions/gaet@COMMIT", ["there is no .github/actions/gaet"]),
        ("uses: OWNER/tfgate/.github/actions/comment@COMMIT", [".github/actions/comment needs run"]),
        ("{uses: OWNER/tfgate/.github/actions/gate@COMMIT, with: {to: a}}", [".github/actions/gate has no input to"]),
        (
            "{uses: OWNER/tfgate/.github/actions/gate@COMMIT, id: a, name: steps.a.outputs.ratio}",
            [".github/actions/gate has no output ratio"],
        ),
        ("uses: actions/checkout@main", []),
        ("{uses: actions/checkout@main, if: steps.b.outcome}", ["there is no step b"]),
    ],
)
def test_a_call_in_a_document_that_is_wrong_is_found(step: str, said: list[str]) -> None:
    assert wrong_calls(f"```yaml\njobs:\n  a:\n    steps:\n      - {step}\n```\n") == said


def github_accepts(texts: Sequence[str], folder: Path) -> bool:
    """Tells whether GitHub's schema has nothing against workflows. Jobs alone are taken as those of a push."""
    whole = [text if "on" in load(text) else f"on: push\n{text}" for text in texts]
    return accepted(whole, folder, "vendor.github-workflows")


def workflows(path: Path) -> list[str]:
    """Returns a document's workflows, and jobs of such."""
    blocks = code_blocks(path.read_text(encoding="utf-8"))
    return [one.text for one in blocks if one.language == "yaml" and "jobs" in load(one.text)]


def test_github_accepts_the_workflows_in_documents(tmp_path: Path) -> None:
    assert github_accepts([text for path in documents() for text in workflows(path)], tmp_path)


def test_github_refuses_a_wrong_one(tmp_path: Path) -> None:
    text, right = next(text for text in workflows(GITHUB) if "cron" in text), "runs-on:"
    assert text.count(right) == 1
    assert not github_accepts([text.replace(right, "run-on:")], tmp_path)


def test_the_recipe_for_forks_waits_for_each_recipe_that_gates_pull_requests() -> None:
    """A workflow without a name has its path for one, so that the other would never start."""
    whole = [load(text) for path in documents() for text in workflows(path)]
    ((awaited,),) = (one["on"]["workflow_run"]["workflows"] for one in whole if "workflow_run" in one.get("on", ()))
    assert [one.get("name") for one in whole if one.get("on") == "pull_request"] == [awaited] * 3


def test_values_of_inputs_in_documents_are_text() -> None:
    """GitLab refuses a number, and YAML makes 2.2 of 2.20."""
    on_github = [one for path in documents() for text in workflows(path) for one in steps(load(text))]
    given = [one.get("with", {}) for one in on_github if one.get("uses", "").startswith(OURS)]
    on_gitlab = [include["inputs"] for text in gitlab_recipes() for include in load(text).get("include", ())]
    assert len(given) >= len(on_gitlab) == 4
    assert [one for one in (*given, *on_gitlab) if not all(isinstance(value, str) for value in one.values())] == []


def test_a_recipe_that_makes_an_environment_chooses_its_python() -> None:
    """A hosted runner's own is another than the reference's."""
    (badge,) = (text for text in workflows(GITHUB) if "-m venv" in text)
    order = [next(word for word in ("setup-python@", "-m venv", "") if word in str(one)) for one in steps(load(badge))]
    assert order[1:3] == ["setup-python@", "-m venv"]


def test_ci_tests_every_tensorflow_that_tox_does() -> None:
    """Pull requests have those of the label `test`, Sundays the others."""
    ini = (ROOT / "tox.ini").read_text()
    tested, versions = (set(re.findall(r"tf\d+", line)) for line in re.findall(r"(?m)^    (?:test|versions) = .*", ini))
    slow = steps(load((ROOT / ".github" / "workflows" / "slow.yml").read_text()))
    assert versions == tested | {name for step in slow for name in re.findall(r"tf\d+", step.get("run", ""))}


def test_pins_are_made_anew_without_the_reference() -> None:
    """Another reference is another ledger's, and baselines change alone."""
    ini = (ROOT / "tox.ini").read_text()
    lock, reference = (
        ini.partition(f"\n[testenv:{name}]\n")[2].partition("\n[")[0] for name in ("lock", "lock-reference")
    )
    assert ("constraints" in lock, "baselines" in lock, "baselines" in reference) == (True, False, True)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_job_that_fails_keeps_its_cache(path: Path) -> None:
    """`actions/cache` itself saves after jobs that succeed alone: a noisy runner's would build anew each time."""
    jobs = load(path.read_text())
    for job in jobs["jobs"].values() if "jobs" in jobs else [jobs["runs"]]:
        cached = [one for one in job.get("steps", ()) if one.get("uses", "").startswith("actions/cache")]
        called = [one["uses"].partition("@")[0] for one in cached]
        assert called in ([], ["actions/cache/restore", "actions/cache/save"])
        if cached:
            restore, save = cached
            (measures,) = (one for one in job["steps"] if one.get("id") in ("gate", "upgrade"))
            assert sorted((restore, measures, save), key=job["steps"].index) == [restore, measures, save]
            assert save["if"].startswith("${{ !cancelled() && ")
            assert save["with"]["path"] == restore["with"]["path"]
            assert save["with"]["key"] == f"${{{{ steps.{restore['id']}.outputs.cache-primary-key }}}}"


def cache_key(folder: Path, week: str, **asked: str) -> str:
    """Returns the key that the action's own step makes in a week, in a stand-in of a checkout."""
    step = step_of("installed")
    action, output = folder / ".github" / "actions" / "gate", folder / "output"
    for program, text in ((folder / ".ci" / "install", ""), (folder / "bin" / "date", f"echo {week}")):
        write_program(program, f"#!/bin/sh\n{text}\n")
    for path in (action, folder / "baselines" / "reference"):
        path.mkdir(parents=True, exist_ok=True)
    (folder / "baselines" / "reference" / "lock.txt").write_text("tensorflow-cpu==2.20.0")
    known = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "GITHUB_OUTPUT": str(output)}
    known |= {"GITHUB_ACTION_PATH": str(action), "PYTHON": "python3", "OWN": "own", "TENSORFLOW": "", "FROM": ""}
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], env=known | asked, check=True)
    return output.read_text().splitlines()[-1]


@pytest.mark.parametrize("asked", [{"TENSORFLOW": "tf-nightly"}, {"FROM": "tensorflow"}, {"ARGUMENTS": "--to x"}])
def test_what_is_asked_for_is_cached_for_a_week(tmp_path: Path, asked: dict[str, str]) -> None:
    """An entry never changes, so that a nightly's would hold the first night's for good."""
    keys = [cache_key(tmp_path, week, **asked) for week in ("2026-W01", "2026-W02", "2026-W01")]
    assert (keys[0] == keys[2], keys[0] == keys[1]) == (True, False)
    assert cache_key(tmp_path, "2026-W01") not in keys


def test_what_is_pinned_is_cached_until_its_pin_changes(tmp_path: Path) -> None:
    assert cache_key(tmp_path, "2026-W01") == cache_key(tmp_path, "2026-W02")


def test_what_is_asked_for_by_arguments_has_an_entry_of_its_own(tmp_path: Path) -> None:
    """Such as another Python, whose environment would be built anew by each job."""
    assert cache_key(tmp_path, "2026-W01", ARGUMENTS="--python-version 3.12") != cache_key(tmp_path, "2026-W01")


def test_what_is_cached_is_of_the_locks_that_are_asked_for_and_of_the_python(tmp_path: Path) -> None:
    """An entry never changes: with a key of another reference's lock, every job would build the reference anew."""
    lock, python = tmp_path / "mine" / "reference" / "lock.txt", tmp_path / "python"
    lock.parent.mkdir(parents=True)
    keys = []
    for pinned, version in (("2.20.0", "3.11.9"), ("2.21.0", "3.11.9"), ("2.21.0", "3.11.10")):
        lock.write_text(f"tensorflow-cpu=={pinned}")
        write_program(python, f"#!/bin/sh\necho Python {version}\n")
        keys.append(cache_key(tmp_path, "2026-W01", BASELINES=str(lock.parent.parent), PYTHON=str(python)))
    assert len(set(keys)) == 3


def gitlab_recipes() -> list[str]:
    return [one.text for one in code_blocks(GITLAB.read_text(encoding="utf-8")) if one.language == "yaml"]


def pages(text: str) -> tuple[str, str]:
    """Returns the artifact that a workflow uploads for GitHub Pages, and the one that it publishes there."""
    given = {one["uses"].partition("@")[0]: one["with"] for one in steps(load(text)) if "pages" in one.get("uses", "")}
    return given["actions/upload-pages-artifact"]["name"], given["actions/deploy-pages"]["artifact_name"]


def test_each_attempt_of_a_run_publishes_an_artifact_of_its_own() -> None:
    """Those of earlier attempts stay, and of two with one name none is published."""
    (badge,) = (text for text in workflows(GITHUB) if "deploy-pages" in text)
    assert pages(badge) == 2 * ("badge-${{ github.run_attempt }}",)
    site = (ROOT / ".github" / "workflows" / "site.yml").read_text()
    assert pages(site) == ("${{ steps.site.outputs.artifact }}", "${{ needs.build.outputs.artifact }}")
    assert load(site)["jobs"]["build"]["outputs"] == {"artifact": "${{ steps.site.outputs.artifact }}"}
    (built,) = (one for one in steps(load(site)) if one.get("id") == "site")
    assert 'echo "artifact=site-$GITHUB_RUN_ATTEMPT" >> "$GITHUB_OUTPUT"' in built["run"]


def test_calls_of_two_workflows_and_two_calls_of_one_don_t_cancel_each_other() -> None:
    group = load((ROOT / ".github" / "workflows" / "gate.yml").read_text())["concurrency"]["group"]
    assert {"github.workflow", "inputs.artifact", "github.ref"} <= set(re.findall(r"\w+\.\w+", group))


def test_a_push_cancels_no_earlier_one_s_tests() -> None:
    """Else a commit of main has no result, where others come before its run is over: a group has one that waits."""
    found = load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["concurrency"]
    assert found["group"].endswith("-${{ github.event_name == 'pull_request' && github.ref || github.sha }}")


def test_without_a_report_the_recipe_for_forks_writes_no_comment() -> None:
    """A gate that skipped itself uploads no artifact: that is no failure of the second workflow."""
    (text,) = (text for text in workflows(GITHUB) if "workflow_run" in load(text).get("on", ()))
    download, comment = steps(load(text))
    assert download["continue-on-error"] is True
    assert f"steps.{download['id']}.outcome == 'success'" in comment["if"]


def test_gitlab_accepts_the_recipes(tmp_path: Path) -> None:
    assert gitlab_accepts(gitlab_recipes(), tmp_path)


def test_gitlab_refuses_a_wrong_recipe(tmp_path: Path) -> None:
    text, right = next(text for text in gitlab_recipes() if ".ci/pin" in text), "changes: [requirements.txt]"
    assert text.count(right) == 1
    assert not gitlab_accepts([text.replace(right, "changed: [requirements.txt]")], tmp_path)


def test_gitlab_s_page_gives_inputs_that_are_there() -> None:
    header = (ROOT / "templates" / "gate.yml").read_text().partition("\n---\n")[0]
    inputs = load(header)["spec"]["inputs"]
    required = {name for name, its in inputs.items() if "default" not in its}
    included = [one for text in gitlab_recipes() for one in load(text).get("include", ())]
    assert len(included) == 4
    for include in included:
        assert required <= set(include["inputs"]) <= set(inputs)


def test_gitlab_s_job_that_fails_keeps_its_cache() -> None:
    (job,) = load((ROOT / "templates" / "gate.yml").read_text().partition("\n---\n")[2]).values()
    assert job["cache"]["when"] == "always"


def test_gitlab_s_page_names_what_the_component_s_job_sets() -> None:
    (job,) = load((ROOT / "templates" / "gate.yml").read_text().partition("\n---\n")[2]).values()
    (listed,) = re.findall(r"The component's job sets (.*?)\.", GITLAB.read_text(encoding="utf-8"), re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == list(job)


def test_each_service_passes_on_what_the_script_reads() -> None:
    """All of .ci/gate's variables are set by the action and by the component; GitLab has its own way to fail less."""
    read = set(re.findall(r"\$\{([A-Z_]+):-\}", (ROOT / ".ci" / "gate").read_text())) - {"GITHUB_STEP_SUMMARY"}
    assert {"TENSORFLOW", "FROM", "WORKLOAD", "BUDGET", "BASELINES", "ARGUMENTS", "FAIL_ON"} <= read
    run = step_of("gate")
    jobs = (ROOT / "templates" / "gate.yml").read_text()
    for name in read:
        assert name in run["env"]
        assert (f'{name}="$TFGATE_INPUT_{name}"' in jobs) is (name != "FAIL_ON")


def test_no_variable_of_a_gitlab_project_replaces_an_input() -> None:
    """A project's variable, a group's or a needed job's replaces the job's own of the same name."""
    (job,) = load((ROOT / "templates" / "gate.yml").read_text().partition("\n---\n")[2]).values()
    assert {name.partition("_")[0] for name in job["variables"]} == {"TFGATE", "UV"}
    exports = "\n".join(line for line in job["before_script"] if line.startswith("export "))
    inputs = {name: value for name, value in job["variables"].items() if name.startswith("TFGATE_INPUT_")}
    theirs = {name.removeprefix("TFGATE_INPUT_"): "theirs" for name in inputs} | {"FAIL_ON": "theirs"}
    shell = ["bash", "-euc", f"{exports}\nenv"]
    done = subprocess.run(shell, env=os.environ | theirs | inputs, capture_output=True, text=True, check=True)
    seen = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert seen["FAIL_ON"] == ""  # which is no input: its page has GitLab's own way
    asked = {name: seen[name] for name in theirs if name not in ("REPOSITORY", "REF", "FAIL_ON")}
    assert asked == {name: f"$[[ inputs.{name.lower()} ]]" for name in asked}
    (fetch,) = (line for line in job["before_script"] if " fetch " in line)
    assert fetch.endswith('"$TFGATE_INPUT_REPOSITORY" "$TFGATE_INPUT_REF"')


def test_the_action_s_outputs_are_what_the_verdict_s_file_holds(tmp_path: Path) -> None:
    (tmp_path / dotenv.FILE).write_text(dotenv.render([upgrade(1.2)]))
    output, prefix = tmp_path / "output", "${{ steps.outputs.outputs."
    variables = {**os.environ, "RUN": str(tmp_path), "GITHUB_OUTPUT": str(output)}
    subprocess.run(["bash", "-eo", "pipefail", "-c", step_of("outputs")["run"]], env=variables, check=True)
    written = dict(line.split("=") for line in output.read_text().splitlines())
    outputs = {name: one["value"] for name, one in load(ACTION.read_text())["outputs"].items()}
    told = {name: written[value.removeprefix(prefix).removesuffix(" }}")] for name, value in outputs.items()}
    assert told == {"verdict": "REGRESSION", "slowdown": "+20.0%", "report": f"{tmp_path}/report.html"}


COMMENT = "Write the report into a comment"


def test_a_comment_must_be_asked_for() -> None:
    assert load(ACTION.read_text())["inputs"]["comment"]["default"] == "false"
    condition = step_of(COMMENT)["if"]
    assert "&& inputs.comment == 'true' && github.event_name == 'pull_request'" in condition


@pytest.mark.parametrize(("head", "said"), [("OWNER/it", "posted RUN/report.md 7 gate"), ("FORK/it", "::notice::")])
def test_a_fork_s_pull_request_gets_a_notice_instead_of_a_comment(tmp_path: Path, head: str, said: str) -> None:
    """Its token can't write, and the job must go on."""
    post = tmp_path / "comment" / "post"
    (tmp_path / "gate").mkdir()
    write_program(post, '#!/bin/sh\necho posted "$@"\n')
    known = {"GITHUB_ACTION_PATH": str(tmp_path / "gate"), "GITHUB_REPOSITORY": "OWNER/it"}
    known |= {"HEAD": head, "RUN": "RUN", "NUMBER": "7", "NAME": "gate"}
    command = ["bash", "-eo", "pipefail", "-c", step_of(COMMENT)["run"]]
    done = subprocess.run(command, env=os.environ | known, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(said)


@pytest.mark.parametrize("path", ACTIONS, ids=lambda path: path.parent.name)
def test_an_action_leaves_the_caller_s_path_and_python_alone(path: Path) -> None:
    text = path.read_text()
    setups = [one for one in steps(load(text)) if one.get("uses", "").startswith("actions/setup-python@")]
    assert not any(one["with"]["update-environment"] for one in setups)
    assert "GITHUB_PATH" not in text
