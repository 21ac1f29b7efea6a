"""Scripts of CI services: .ci/install and .ci/gate, the comment's scripts, and GitLab's component, with stand-ins."""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.builders.programs import write_program
from tests.builders.schemas import gitlab_accepts
from tests.docs.markdown import code_blocks

ROOT = Path(__file__).resolve().parent.parent
COMMENT = ROOT / ".github" / "actions" / "comment"
COMPONENT = ROOT / "templates" / "gate.yml"
CALLS = 'printf "%s" "$(basename "$0")" >> "$CALLS"; printf " [%s]" "$@" >> "$CALLS"; echo >> "$CALLS"\n'
WRITES = 'if [ "$1" = report ]; then echo "the report" > "$RUN/report.md"; fi\n'
MEASURES = 'if [ "$1" = gate ] && [ "$CODE" != 2 ]; then mkdir -p "$RUN"; touch "$RUN/gate.json"; fi\n'
ANSWERS = 'case $1 in gate) exit "$CODE" ;; report) exit "${REPORT_CODE:-0}" ;; *) exit "${CHECK_CODE:-4}" ;; esac\n'


class Scripts:
    """A folder of stand-ins for programs, which note how they are called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls = folder / "calls"
        self.calls.touch()

    def program(self, name: str, text: str = "") -> None:
        write_program(self.folder / name, f"#!/usr/bin/env bash\n{CALLS}{text}")

    def run(self, *words: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        known = {"PATH": path, "CALLS": str(self.calls), "HOME": str(self.folder)}
        return subprocess.run(
            words, cwd=self.folder, env=known | variables, capture_output=True, text=True, check=False
        )

    @property
    def called(self) -> list[str]:
        return self.calls.read_text().replace(f"{self.folder}/", "").splitlines()


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


def run_gate(scripts: Scripts, code: str = "0", **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs .ci/gate where `tfgate gate` answers with a code; 2 leaves no run."""
    scripts.program("own/bin/tfgate", MEASURES + WRITES + ANSWERS)
    scripts.program("own/bin/uv")
    run = str(scripts.folder / "run")
    return scripts.run(ROOT / ".ci" / "gate", "own", run, RUN=run, CODE=code, **variables)


def gate(scripts: Scripts, code: str = "0", **variables: str) -> int:
    """Returns the exit code of run_gate."""
    return run_gate(scripts, code, **variables).returncode


def test_the_gate_measures_what_is_asked_for_and_writes_the_reports(scripts: Scripts) -> None:
    asked = {"TENSORFLOW": "tensorflow>=2.20, <2.21", "FROM": "tensorflow < 2.20", "WORKLOAD": "./my model.py"}
    more = {"BUDGET": "5", "BASELINES": "mine", "ARGUMENTS": "--config tiny", "GITHUB_STEP_SUMMARY": "summary"}
    assert gate(scripts, **asked, **more) == 0
    called, report = scripts.called
    assert called == (
        "tfgate [gate] [--to] [tensorflow>=2.20, <2.21] [--output] [run] [--baselines] [mine] "
        "[--from] [tensorflow < 2.20] [--workload] [./my model.py] [--budget] [5] [--config] [tiny]"
    )
    assert report.startswith("tfgate [report] [run] [--replace] [--baselines] [mine] [--format] [html]")
    assert report.endswith("[--format] [badge] [--format] [dotenv]")


@pytest.mark.parametrize("code", ["0", "4"])
def test_the_job_s_summary_is_the_report(scripts: Scripts, code: str) -> None:
    """Of a gate that ended by an error, too. The summary may be of a job's other steps as well."""
    (scripts.folder / "summary").write_text("an earlier step's\n")
    assert gate(scripts, code, TENSORFLOW="2.20.0", GITHUB_STEP_SUMMARY="summary") == int(code)
    assert (scripts.folder / "summary").read_text() == "an earlier step's\nthe report\n"


@pytest.mark.parametrize("code", ["0", "1"])
def test_a_summary_that_can_t_be_written_changes_no_code(scripts: Scripts, code: str) -> None:
    found = run_gate(scripts, code, TENSORFLOW="2.20.0", GITHUB_STEP_SUMMARY="none/summary")
    assert found.returncode == int(code)
    assert "none/summary" in found.stderr


@pytest.mark.parametrize(
    ("code", "written", "ends"), [("0", "0", 0), ("1", "0", 1), ("2", "0", 2), ("4", "2", 4), ("0", "4", 4)]
)
def test_the_lines_for_any_job_exit_with_the_gate_s_code(scripts: Scripts, code: str, written: str, ends: int) -> None:
    """The shell is one that ends at a command that fails, as CI services start it."""
    pages = ((ROOT / "docs" / page).read_text(encoding="utf-8") for page in ("tutorials/ci.md", "own-model.md"))
    lines, others = (one.text for page in pages for one in code_blocks(page) if "exit ${code" in one.text)
    without = re.compile("(?<=^tfgate gate ).*(?=--output)", re.MULTILINE)
    assert without.sub("", others) == without.sub("", lines)  # but for what is compared
    scripts.program("tfgate", MEASURES + ANSWERS)
    found = scripts.run("bash", "-e", "-c", lines, RUN="reports/gate", CODE=code, REPORT_CODE=written)
    assert (found.returncode, len(scripts.called)) == (ends, 1 if code == "2" else 2)


def test_arguments_may_stand_in_several_lines(scripts: Scripts) -> None:
    """A pattern stays one."""
    assert gate(scripts, TENSORFLOW="2.20.0", ARGUMENTS="--config tiny\n--full *\n") == 0
    assert scripts.called[0].endswith(" [--config] [tiny] [--full] [*]")


def test_a_full_disk_takes_away_no_arguments(scripts: Scripts) -> None:
    """By a bash that keeps here-strings in files, as all did before 5.1, and a kernel that lets it write none."""
    scripts.program("own/bin/tfgate")
    limited = ("bash", "-c", """trap '' XFSZ; ulimit -f 0; "$@" | cat""", "", ROOT / ".ci" / "gate", "own", "run")
    known = {"TENSORFLOW": "2.20.0", "ARGUMENTS": "--config tiny", "CALLS": "/dev/stdout", "BASH_COMPAT": "5.0"}
    assert scripts.run(*limited, **known).stdout == "tfgate [gate] [--to] [2.20.0] [--output] [run] [--config] [tiny]\n"


@pytest.mark.parametrize("arguments", ["--baselines mine", "--full\n--baselines=mine", "--output mine"])
def test_neither_baselines_nor_output_are_an_argument(scripts: Scripts, arguments: str) -> None:
    """The reports would be judged by tfgate's own baselines, or not be written."""
    found = run_gate(scripts, ARGUMENTS=arguments)
    assert (found.returncode, scripts.called) == (2, [])
    assert "input baselines" in found.stderr


def test_without_a_tensorflow_the_pinned_one_is_built_apart(scripts: Scripts) -> None:
    assert gate(scripts) == 0
    venv, sync, called, _ = scripts.called
    assert venv == "uv [venv] [--quiet] [--allow-existing] [--python] [own/bin/python] [own/measured]"
    assert sync.endswith(f"[own/measured/bin/python] [{ROOT}/constraints/measured.txt]")
    assert called == "tfgate [gate] [--to] [own/measured/bin/python] [--output] [run]"


@pytest.mark.parametrize("code", [1, 3, 4])
def test_the_verdict_s_code_is_the_gate_s_and_the_reports_are_written(scripts: Scripts, code: int) -> None:
    assert gate(scripts, str(code), TENSORFLOW="2.20.0", REPORT_CODE="4") == code
    assert [line.split()[1] for line in scripts.called][:2] == ["[gate]", "[report]"]


@pytest.mark.parametrize("fail_on", ["", "regression"])
def test_a_report_that_can_t_be_written_fails_a_pass(scripts: Scripts, fail_on: str) -> None:
    assert gate(scripts, TENSORFLOW="2.20.0", REPORT_CODE="4", FAIL_ON=fail_on) == 4


def test_where_nothing_was_measured_there_is_no_report(scripts: Scripts) -> None:
    assert gate(scripts, "2", TENSORFLOW="2.20.0") == 2
    assert len(scripts.called) == 1


def test_a_usage_error_has_no_verdict_though_a_run_was_begun(scripts: Scripts) -> None:
    """As where the candidate is there, but not the reference."""
    scripts.program("run/gate.json")
    assert gate(scripts, "2", TENSORFLOW="2.20.0", FROM="2.99.0") == 2
    assert len(scripts.called) == 1


@pytest.mark.parametrize(("code", "ours"), [(0, 0), (1, 1), (2, 2), (3, 0), (4, 4), (143, 143)])
def test_inconclusive_may_be_a_warning(scripts: Scripts, code: int, ours: int) -> None:
    """The reports are written either way, and what is let pass is an annotation."""
    found = run_gate(scripts, str(code), TENSORFLOW="2.20.0", FAIL_ON="regression", GITHUB_ACTIONS="true")
    assert found.returncode == ours
    assert found.stdout.startswith("::warning::tfgate: ") == (code != ours)
    assert [line.split()[1] for line in scripts.called][:2] == ["[gate]", "[report]"][: 1 if code == 2 else 2]


@pytest.mark.parametrize(
    ("fail_on", "written", "kept", "ends"),
    [
        *((fail_on, written, "1", 1) for fail_on in ("", "regression") for written in ("0", "4")),
        *(("", "0", kept, 4) for kept in "0234"),
        ("regression", "0", "0", 4),
    ],
)
def test_an_error_after_a_regression_hides_none(
    scripts: Scripts, fail_on: str, written: str, kept: str, ends: int
) -> None:
    """A REGRESSION of what was kept fails the job, though the disk may be too full for reports."""
    found = run_gate(scripts, "4", TENSORFLOW="2.20.0", FAIL_ON=fail_on, CHECK_CODE=kept, REPORT_CODE=written)
    assert found.returncode == ends
    assert ("REGRESSION" in found.stdout) is (ends == 1)
    assert [line.split()[1] for line in scripts.called] == ["[gate]", "[report]", "[check]"]


def test_what_a_job_may_fail_on_is_spelled_right(scripts: Scripts) -> None:
    found = run_gate(scripts, TENSORFLOW="2.20.0", FAIL_ON="regresion")
    assert (found.returncode, scripts.called) == (2, [])
    assert "regresion" in found.stderr


def test_a_pinned_tensorflow_that_can_t_be_installed_is_a_failed_measurement(scripts: Scripts) -> None:
    scripts.program("own/bin/uv", "exit 1\n")
    assert scripts.run(ROOT / ".ci" / "gate", "own", "run").returncode == 4
    assert scripts.run(ROOT / ".ci" / "gate", "own", "run", FAIL_ON="regression").returncode == 4


def install(scripts: Scripts, **variables: str) -> int:
    """Returns the exit code of .ci/install, where what FAILS names fails; Python makes an environment of stand-ins."""
    fails = 'case " $* " in *" ${FAILS:-none} "*) exit 1 ;; esac\n'
    scripts.program("python", f'{fails}mkdir -p "$3/bin"; cp "$(dirname "$0")"/{{python,uv}} "$3/bin"\n')
    scripts.program("uv", f'{fails}[ -z "${{UV_CONSTRAINT:-}}" ]\n')
    return scripts.run(ROOT / ".ci" / "install", "python", "own", **variables).returncode


def test_the_installation_is_as_its_lock_says(scripts: Scripts) -> None:
    """A project's [tool.uv] constrains and overrides what `uv pip install` resolves, but no `uv pip sync`."""
    assert install(scripts, UV_CONSTRAINT="theirs.txt") == 0
    venv, pip, sync, uv = scripts.called
    lock = f"{ROOT}/constraints/gate.txt"
    assert venv == "python [-m] [venv] [own]"
    assert pip == f"python [-m] [pip] [install] [--quiet] [--constraint] [{lock}] [uv]"
    assert sync == f"uv [pip] [sync] [--python] [own/bin/python] [{lock}]"
    assert uv == f"uv [pip] [install] [--python] [own/bin/python] [--no-deps] [--editable] [{ROOT}]"


@pytest.mark.parametrize("fails", ["venv", "-m pip", "sync", "--editable"])
def test_an_installation_that_fails_is_no_regression(scripts: Scripts, fails: str) -> None:
    """Their own code, 1, is that of one, and the job exits with it."""
    assert install(scripts, FAILS=fails) == 4


def test_the_wheels_for_working_offline_are_all_that_the_installation_takes() -> None:
    """In an editable build hatchling takes editables, which it doesn't require where it is downloaded."""
    assert "--editable" in (ROOT / ".ci" / "install").read_text()
    collect, _ = code_blocks((ROOT / "docs" / "how-to" / "offline.md").read_text(encoding="utf-8"))[0].text.splitlines()
    built_by = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    taken = ["--requirement", "constraints/gate.txt", *built_by, "editables~=0.3"]
    assert shlex.split(collect)[-len(taken) :] == taken


def post(scripts: Scripts, report: str, found: str = "", name: str = "gate") -> subprocess.CompletedProcess[str]:
    """Posts a report where `found` is what GitHub has of own comments. The last body is kept in the folder."""
    scripts.program(
        "gh",
        'for word; do [[ $word != body=@* ]] || cp "${word#body=@}" "$HOME/body"; done\n'
        '[ "$2" != --paginate ] || printf "%s" "$FOUND"\n',
    )
    (scripts.folder / "report.md").write_text(report)
    return scripts.run(COMMENT / "post", "report.md", "7", name, FOUND=found, GITHUB_REPOSITORY="me/mine")


def test_a_first_comment_is_made(scripts: Scripts) -> None:
    assert post(scripts, "### PASS\n").returncode == 0
    look, make = scripts.called
    assert look.startswith("gh [api] [--paginate] [repos/me/mine/issues/7/comments] [--jq]")
    assert make.startswith("gh [api] [--silent] [--method] [POST] [repos/me/mine/issues/7/comments] [--field] [body=@")
    assert (scripts.folder / "body").read_text() == "<!-- tfgate: gate -->\n### PASS\n"


def test_a_comment_that_is_there_is_written_anew(scripts: Scripts) -> None:
    assert post(scripts, "### PASS\n", found="11\n12\n").returncode == 0
    assert "[PATCH] [repos/me/mine/issues/comments/11]" in scripts.called[1]


def test_a_comment_is_no_longer_than_github_takes(scripts: Scripts) -> None:
    assert post(scripts, "x" * 100_000, name="a --> b").returncode == 0
    body = (scripts.folder / "body").read_text()
    assert body.startswith("<!-- tfgate: a_--__b -->\n")
    assert len(body) < 65_536


def test_a_comment_that_github_refuses_fails(scripts: Scripts) -> None:
    scripts.program("gh", "exit 1\n")
    (scripts.folder / "report.md").touch()
    assert scripts.run(COMMENT / "post", "report.md", "7", "gate", GITHUB_REPOSITORY="me/mine").returncode != 0


def test_the_pull_request_is_looked_for_by_its_head(scripts: Scripts) -> None:
    """A branch may be called anything: it reaches GitHub as a value."""
    scripts.program("gh", "echo 7\n")
    head = {"OWNER": "them", "BRANCH": 'a"$(b)', "SHA": "c0ffee"}
    found = scripts.run(COMMENT / "find", GITHUB_REPOSITORY="me/mine", **head)
    assert found.stdout == "7\n"
    asked = scripts.called[0]
    assert '[repos/me/mine/pulls] [--field] [head=them:a"$(b)] [--field] [state=open]' in asked


@pytest.mark.parametrize(
    ("script", "given", "variables", "told"),
    [
        (
            "find",
            '[{"number": 6, "head": {"sha": "other"}}, {"number": 7, "head": {"sha": "c0ffee"}}]',
            {"SHA": "c0ffee"},
            "7",
        ),
        ("find", '[{"number": 6, "head": {"sha": "other"}}]', {"SHA": "c0ffee"}, ""),
        (
            "post",
            '[{"id": 1, "user": {"login": "mallory"}, "body": "<!-- m -->"},'
            ' {"id": 2, "user": {"login": "github-actions[bot]"}, "body": "other"},'
            ' {"id": 3, "user": {"login": "github-actions[bot]"}, "body": "<!-- m -->\\nold"}]',
            {"MARKER": "<!-- m -->"},
            "3",
        ),
    ],
)
def test_github_s_answers_are_read(script: str, given: str, variables: dict[str, str], told: str) -> None:
    """By jq, whose language `gh api --jq` speaks: only the bot's own comment is changed, only what ran is commented."""
    if not shutil.which("jq"):
        pytest.skip("jq isn't installed")
    (program,) = re.findall(r"(?:--jq |own=)'(.*)'", (COMMENT / script).read_text())
    answer = subprocess.run(
        ["jq", "-r", program], input=given, env={**os.environ, **variables}, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == told


def component(text: str) -> tuple[str, str]:
    """Returns the header of GitLab's component and its jobs, inputs put in: their defaults, or their names."""
    header, jobs = text.split("\n---\n")
    defaults = dict(re.findall(r"(?m)^    (\w+):\n      description: .*\n(?:      default: (.*)\n?)?", header))
    named = re.compile(r"\$\[\[ inputs\.(\w+) \]\]")
    assert set(named.findall(jobs)) == set(defaults)
    return header, named.sub(lambda found: defaults[found[1]].strip('"') or found[1], jobs)


def test_gitlab_accepts_the_component(tmp_path: Path) -> None:
    assert gitlab_accepts(component(COMPONENT.read_text()), tmp_path)


def test_gitlab_refuses_a_wrong_one(tmp_path: Path) -> None:
    text, right = COMPONENT.read_text(), "\n  image:"
    assert text.count(right) == 1
    assert not gitlab_accepts(component(text.replace(right, "\n  imagine:")), tmp_path)


def test_gitlab_calls_scripts_that_are_there() -> None:
    called = re.findall(r"\.tfgate/checkout/(\S+)", COMPONENT.read_text())
    assert called == [".ci/install", ".ci/gate"]
    assert all((ROOT / name).stat().st_mode & 0o111 for name in called)


def test_gitlab_s_cache_keeps_wheels_where_the_pinned_tensorflow_is_measured(scripts: Scripts) -> None:
    lines = COMPONENT.read_text().partition("  after_script:\n")[2].partition("  artifacts:")[0].splitlines()
    script = "\n".join(line.strip().removeprefix("- ").strip("'") for line in lines)
    for name in ("tfgate", "uv"):
        scripts.program(f".tfgate/own/bin/{name}")
    assert scripts.run("bash", "-e", "-c", script).returncode == 0
    assert scripts.called == ["tfgate [env] [remove] [--keep-newest] [2]", "uv [cache] [prune] [--ci]"]
    (scripts.folder / ".tfgate" / "own" / "measured").mkdir()  # as .ci/gate makes it
    assert scripts.run("bash", "-e", "-c", script).returncode == 0
    assert scripts.called[2:] == ["tfgate [env] [remove] [--keep-newest] [2]"]


@pytest.mark.parametrize("usage", [".ci/gate FOLDER RUN", ".ci/install PYTHON FOLDER"])
def test_without_its_arguments_a_script_says_what_it_takes(scripts: Scripts, usage: str) -> None:
    found = scripts.run(ROOT / usage.partition(" ")[0], "--help")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith(f"usage: {usage}")
