"""`tfgate micro`: launches kept, judged and judged again, and its exit codes."""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from bench.cli import command_parser
from bench.commands import micro as micro_command
from bench.commands.micro import TARGETS, UNIT
from bench.drive.doctor import Finding
from bench.drive.micro import Suite
from bench.drive.requests import AsOf, BuildError, RequestError
from bench.judge.micro import GATING
from bench.record.files import write_record
from bench.record.ledger import Entry, Ledger, Ratio
from bench.record.micro import MICRO_FILE, launch_file, read_micro
from bench.record.paired import CANDIDATE, REFERENCE, Side
from bench.record.types import SCHEMA
from bench.stats.outcome import Outcome
from tests.builders.commands import INCONCLUSIVE, NOT_GATED, REGRESSION, Answer, Tfgate
from tests.builders.micro import EAGER, MICRO_RUN, PACKAGES, STEP, calls, micro_interpreter, write_launch
from tests.builders.programs import write_program

ROOT = Path(__file__).resolve().parents[3]
# Medians of the step in four launches, about 1% apart.
SECONDS = (0.0600, 0.0606, 0.0597, 0.0603)
LAUNCHES = [{STEP: value, EAGER: 4 * value} for value in SECONDS]
SLOWER = [{STEP: 1.5 * value, EAGER: 4 * value} for value in (0.0603, 0.0600, 0.0606, 0.0597)]
OTHER = {**PACKAGES, "tensorflow-cpu": "2.22.0"}
SUBJECT, METRIC = "notebook cells on cpu:0", "step graph"

Measure = Callable[..., Answer]


@pytest.fixture
def measure(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> Measure:
    """Calls `tfgate micro` with a candidate and a reference; the report goes to tmp_path/out."""

    def call(candidate: Path, reference: Path, *more: str | Path) -> Answer:
        sides = ("--to", candidate, "--from", reference)
        return tfgate("micro", *sides, "--output", tmp_path / "out", "--baselines", empty_baselines, *more)

    return call


def refused(verdict: object) -> list[str]:
    """Returns the objections of the published schema to a verdict."""
    schema = json.loads((ROOT / "docs" / "schema" / "verdict.schema.json").read_text(encoding="utf-8"))
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(verdict)]


def sides(folder: Path, *launches: dict[str, float]) -> tuple[Path, Path]:
    """(a candidate of these launches, a reference of LAUNCHES) of unlike TensorFlows."""
    return micro_interpreter(folder, *launches, packages=OTHER), micro_interpreter(folder, *LAUNCHES)


def test_the_candidate_is_measured_in_turn_with_the_reference_and_judged(
    measure: Measure, tfgate: Tfgate, tmp_path: Path, empty_baselines: Path
) -> None:
    answer = measure(*sides(tmp_path, *SLOWER), "--json")
    assert answer.outcome is REGRESSION, answer.err
    assert answer.outcomes == {METRIC: REGRESSION, "step eager": NOT_GATED}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *(f"candidate-{number:02}.json" for number in range(4)),
        "micro.json",
        *(f"reference-{number:02}.json" for number in range(4)),
    ]
    said = [line.partition(" launch")[0] for line in answer.err.splitlines() if " launch " in line]
    assert said == ["reference", "candidate", "candidate", "reference"] * 2
    assert tfgate("check", tmp_path / "out", "--baselines", empty_baselines, "--json").out == answer.out


@pytest.mark.parametrize(("launches", "code"), [(LAUNCHES[::-1], 0), (LAUNCHES[:1], 3)])
def test_a_report_judged_again_has_the_same_verdict_byte_for_byte(
    measure: Measure, tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, launches: list[dict[str, float]], code: int
) -> None:
    """The last: one launch of each side."""
    answer = measure(*sides(tmp_path, *launches), "--json", *(("--launches", "1") if code == 3 else ()))
    again = tfgate("check", tmp_path / "out", "--baselines", empty_baselines, "--json")
    assert (answer.code, again.code, again.out) == (code, code, answer.out)
    plain = json.loads(answer.out)
    assert refused(plain) == []
    assert [one["metric"]["name"] for one in plain["comparisons"]] == [METRIC, "step eager"]
    moved = (tmp_path / "out").rename(tmp_path / "elsewhere")
    assert tfgate("check", moved / "micro.json", "--baselines", empty_baselines, "--json").out == answer.out


def test_a_report_has_a_page_and_a_summary(
    measure: Measure, tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has every case and both environments; nothing else is drawn."""
    summary, out = tmp_path / "summary.md", tmp_path / "out"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    measure(*sides(tmp_path, *SLOWER), "--json")
    formats = ("--format", "html", "--format", "markdown")
    assert tfgate("report", out, *formats, "--baselines", empty_baselines).code == 0
    page, text = ((out / name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))
    assert [word in page for word in (METRIC, "step eager", SUBJECT, "tensorflow-cpu==2.22.0", "60.15 ms")] == [
        True
    ] * 5
    assert "<svg" not in page
    assert text.startswith("### ✖ REGRESSION")
    assert f"| ✖ REGRESSION | {METRIC} | {SUBJECT} |" in text
    assert "| tensorflow-cpu | 2.21.0 | 2.22.0 |" in text
    assert tfgate("check", out, "--summary", "--baselines", empty_baselines).code == 1
    assert summary.read_text(encoding="utf-8") == text


def test_where_nothing_gates_nothing_is_proven(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    write_record(tmp_path / MICRO_FILE, MICRO_RUN, seal=True)
    for number, seconds in enumerate(SECONDS):
        for role in (REFERENCE, CANDIDATE):
            write_launch(launch_file(tmp_path, role, number), {EAGER: seconds})
    answer = tfgate("check", tmp_path, "--baselines", empty_baselines, "--json")
    assert (answer.code, answer.outcomes) == (3, {"step eager": NOT_GATED})


def test_what_sets_the_sides_apart_and_disturbs_is_in_the_report(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.commands.timing.examine", lambda: (Finding("load", "2.0", "a load of 2.0"),))
    candidate = micro_interpreter(tmp_path, *LAUNCHES, packages={**OTHER, "numpy": "1.26.0"})
    measure(candidate, micro_interpreter(tmp_path, *LAUNCHES), "--launches", "1")
    warnings = read_micro(tmp_path / "out")[0].warnings
    assert len(warnings) == 2
    assert "a load of 2.0" in warnings
    assert any("2.4.0 and 1.26.0" in warning for warning in warnings)


def identity(packages: dict[str, str], tmp_path: Path) -> str:
    """Of the side that an interpreter with such packages becomes."""
    from bench.drive.environments import prepare

    return prepare(str(micro_interpreter(tmp_path, packages=packages)), AsOf("")).identity


def test_what_was_accepted_last_is_what_the_candidate_is_measured_by(
    measure: Measure, tmp_path: Path, empty_baselines: Path
) -> None:
    """A candidate that takes 1.15 times as long as the reference, as the TensorFlow before it did: by the first look it
    is as fast as that, and by the reference alone nothing would be certain.
    """
    ratios = (Ratio(SUBJECT, METRIC, math.log(1.15), 0.01, 12),)
    entry = Entry(
        "2026-01-01T00:00:00+00:00",
        "2.21.5",
        "abc",
        identity(PACKAGES, tmp_path),
        "def",
        "a host",
        "for a test",
        ratios,
    )
    write_record(empty_baselines / "ledger.json", Ledger(SCHEMA, (entry,)))
    candidate, reference = sides(tmp_path, *({STEP: 1.15 * one[STEP], EAGER: one[EAGER]} for one in LAUNCHES[::-1]))
    answer = measure(candidate, reference)
    assert (answer.code, len(calls(candidate))) == (0, 4), answer.out
    assert "accepted" in answer.out.splitlines()[0]


@pytest.mark.parametrize(
    "error", [BuildError("the package index can't be reached"), RequestError("there is no lock for this platform")]
)
def test_without_a_reference_nothing_is_measured(
    tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(folder: Path, **more: object) -> Side:
        assert folder == empty_baselines / "reference"
        raise error

    monkeypatch.setattr("bench.commands.sides.prepare_reference", fail)
    candidate = micro_interpreter(tmp_path, *LAUNCHES)
    answer = tfgate("micro", "--to", candidate, "--baselines", empty_baselines, "--output", tmp_path / "out", "--json")
    assert (answer.outcome, answer.plain["comparisons"], refused(answer.plain)) == (INCONCLUSIVE, [], [])
    assert str(error) in answer.out
    assert "--from" in answer.out
    assert ((candidate.parent / "calls").exists(), (tmp_path / "out").exists()) == (False, False)


def test_the_pinned_reference_is_taken_where_none_is_named(
    tfgate: Tfgate, tmp_path: Path, empty_baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate, reference = sides(tmp_path, *LAUNCHES[::-1])
    asked: list[tuple[Path, object]] = []

    def pinned(folder: Path, *, variables: dict[str, str], say: object) -> Side:
        asked.append((folder, variables))
        return Side("reference", str(reference), variables)

    monkeypatch.setattr("bench.commands.sides.prepare_reference", pinned)
    options = ["--from-env", "A=1", "--output", tmp_path / "out", "--baselines", empty_baselines]
    answer = tfgate("micro", "--to", candidate, *options)
    assert (answer.code, "15.0%" in answer.out.splitlines()[0]) == (0, True), answer  # what is ruled out
    assert asked == [(empty_baselines / "reference", {"A": "1"})]
    assert (len(calls(candidate)), len(calls(reference))) == (4, 4)  # of at most twelve


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--from", "2.20.0"], "tensorflow-cpu==2.20.0 pytest pytest-benchmark"),
        (["--from", "2.20.0", "--device", "gpu:0"], "tensorflow[and-cuda]==2.20.0 pytest pytest-benchmark"),
        (["--from", "tf-nightly keras==3.1"], "tf-nightly keras==3.1 pytest pytest-benchmark"),
    ],
)
def test_a_reference_that_is_built_has_what_times_it(
    tfgate: Tfgate,
    tmp_path: Path,
    empty_baselines: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    wanted: str,
) -> None:
    from bench.drive.environments import prepare

    def build(requested: str, as_of: AsOf, **more: object) -> Side:
        if Path(requested).exists():
            return prepare(requested, as_of)
        raise BuildError(f"asked for {requested}")

    monkeypatch.setattr("bench.commands.sides.prepare", build)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    candidate = micro_interpreter(tmp_path, *LAUNCHES)
    answer = tfgate("micro", "--to", candidate, *options, "--baselines", empty_baselines, "--json")
    assert (answer.code, answer.error) == (4, f"asked for {wanted}")


def test_the_pinned_reference_times_no_gpu(tfgate: Tfgate, tmp_path: Path, empty_baselines: Path) -> None:
    candidate = micro_interpreter(tmp_path, *LAUNCHES)
    answer = tfgate("micro", "--to", candidate, "--require", "gpu", "--baselines", empty_baselines)
    assert (answer.code, "the pinned reference has no GPU" in answer.out) == (3, True)


def suite(*words: str) -> Suite:
    """The cases that a command line asks for."""
    known = argparse.Namespace(command_line=("tfgate", "micro"))
    return micro_command.request(command_parser("micro").parse_args(["--to", "2.21.0", *words], known)).suite


CHOSEN = ["--config=tiny", "--device=cpu:1", "--implementation=layers", "--mode=eager"]
USUAL = ["--config=notebook", "--implementation=cells", "--mode=graph"]


@pytest.mark.parametrize(
    ("words", "files", "options"),
    [
        ([*CHOSEN, "--target=step", "--target=clip"], ("step", "clip"), CHOSEN),
        ([], ("forward", "gradient", "clip"), USUAL),
    ],
)
def test_what_is_asked_for_is_timed_or_else_what_the_project_is_for(
    words: list[str], files: tuple[str, ...], options: list[str]
) -> None:
    assert suite(*words).arguments(Path("suite")) == [*(f"suite/test_{name}.py" for name in files), *options]


@pytest.mark.parametrize(
    ("words", "gpu"),
    [
        ([], False),
        (["--device=cpu:1"], False),
        (["--device=cpu:0", "--device=gpu:1"], True),
        (["--require=gpu"], True),
        (["--require=gpu", "--workload=xla"], True),
    ],
)
def test_a_gpu_is_timed_where_one_is_named_or_required(words: list[str], gpu: bool) -> None:
    found = suite(*words)
    required = found.arguments(Path("suite"))[-1] == "--require-gpu"
    assert (found.gpu, required) == (gpu, "--require=gpu" in words)


def test_a_workload_s_unit_and_its_variables_reach_pytest(measure: Measure, tmp_path: Path) -> None:
    candidate, reference = sides(tmp_path, *LAUNCHES)
    measure(candidate, reference, "--workload", "train-without-onednn", "--config", "tiny", "--launches", "1")
    for (call,) in (calls(candidate), calls(reference)):
        options = [argument for argument in call if argument.startswith(("--config", "--workload", "--mode", "--var"))]
        assert options == ["--variable=TF_ENABLE_ONEDNN_OPTS=0", "--config=tiny", "--workload=train-without-onednn"]
        assert [Path(argument).name for argument in call if argument.endswith(".py")] == ["test_unit.py"]


def test_all_workloads_are_all_that_one_process_can_time(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = suite("--workload", "all", "--config", "tiny").options
    assert {"--workload=masked", "--workload=predict"} <= set(chosen)
    assert "--workload=train-without-onednn" not in chosen
    assert capsys.readouterr().err.startswith("left out: train-without-onednn has environment variables of its own")


def test_what_is_left_out_is_not_told_where_progress_is_not_wanted(tfgate: Tfgate) -> None:
    words = ("micro", "--to", "./none", "--workload", "all", "--config", "tiny")
    for more, told in ((), True), (("--quiet",), False):
        found = tfgate(*words, *more)
        assert (found.code, "left out: train-without-onednn" in found.err) == (2, told)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workload", "masked", "--target", "clip"], "--target is for parts of a training step"),
        (["--workload", "masked", "--mode", "eager"], "--mode is for parts of a training step"),
        (["--workload", "masked", "--config", "medium"], "workload masked has no configuration medium"),
        (["--workload", "masked", "--workload", "train-without-onednn"], "train-without-onednn has environment"),
    ],
)
def test_a_workload_that_cannot_be_timed_so_is_refused(measure: Measure, words: list[str], message: str) -> None:
    answer = measure(Path("new"), Path("old"), *words)
    assert answer.code == 2
    assert message in answer.error


# From its second call on an interpreter finds a wrong answer.
WRONG = "if number >= 1: print('E   WrongAnswerError: loss is 1.0e-01 off'); sys.exit(1)"


def test_a_candidate_that_fails_twice_where_the_reference_runs_is_a_regression(
    measure: Measure, tfgate: Tfgate, tmp_path: Path, empty_baselines: Path
) -> None:
    """In launch 2, where the candidate goes first, and the reference is asked after it."""
    reference = micro_interpreter(tmp_path, *LAUNCHES)
    candidate = micro_interpreter(tmp_path, *LAUNCHES, planted=WRONG)
    answer = measure(candidate, reference, "--json")
    assert (answer.code, len(calls(reference)), len(calls(candidate))) == (1, 2, 3), answer.err
    assert refused(answer.plain) == []
    assert answer.outcome is REGRESSION
    outcomes = [Outcome(one["outcome"]) for one in answer.plain["comparisons"]]
    assert outcomes[0] is REGRESSION
    assert len(outcomes) == 3  # what the whole launches before it tell
    failure = read_micro(tmp_path / "out")[0].failure
    assert failure is not None
    assert "WrongAnswerError: loss is 1.0e-01 off" in failure.message
    again = tfgate("check", tmp_path / "out", "--baselines", empty_baselines, "--json")
    assert (again.code, again.out) == (1, answer.out)


def test_a_reference_that_fails_is_a_failed_measurement(
    measure: Measure, tfgate: Tfgate, tmp_path: Path, empty_baselines: Path
) -> None:
    """Whatever the candidate does: here it fails in the same launch, before. What is left says that it isn't whole."""
    candidate, reference = (micro_interpreter(tmp_path, *LAUNCHES, planted=WRONG) for _ in range(2))
    answer = measure(candidate, reference)
    assert (answer.code, answer.out) == (4, "")
    why = f"micro-benchmarks under {reference}: WrongAnswerError: loss is 1.0e-01 off"
    assert answer.err.splitlines()[-1] == f"tfgate: error: {why}"
    assert read_micro(tmp_path / "out")[0].incomplete
    again = tfgate("check", tmp_path / "out", "--baselines", empty_baselines)
    assert again.code == 4


LACKING = "print('ERROR: this Python has no pytest_benchmark: bench/micro needs pytest-benchmark'); sys.exit(4)"
BROKEN = "print('ImportError: cannot import name hookspec of pluggy, for pytest-benchmark'); sys.exit({})"


@pytest.mark.parametrize("collecting", [LACKING, BROKEN.format(1), BROKEN.format(3)])
@pytest.mark.parametrize("role", ["candidate", "reference"])
def test_an_environment_that_lacks_what_times_it_is_told_before_anything_is_measured(
    measure: Measure, tmp_path: Path, role: str, collecting: str
) -> None:
    sound = micro_interpreter(tmp_path, *LAUNCHES)
    lacking = micro_interpreter(tmp_path, *LAUNCHES, collecting=collecting)
    answer = measure(*((lacking, sound) if role == "candidate" else (sound, lacking)))
    assert (answer.code, "pytest-benchmark" in answer.error, str(lacking) in answer.error) == (4, True, True)
    assert not (sound.parent / "calls").exists()


UNIMPORTABLE = "print('E   ImportError: libcuda.so.1: undefined symbol'); sys.exit(2)"


def test_a_candidate_whose_tensorflow_cannot_be_imported_is_a_regression(measure: Measure, tmp_path: Path) -> None:
    """Collecting the cases imports it: pytest ends with 2 there, and in each launch."""
    candidate = micro_interpreter(tmp_path, *LAUNCHES, packages=OTHER, planted=UNIMPORTABLE, collecting=UNIMPORTABLE)
    reference = micro_interpreter(tmp_path, *LAUNCHES)
    answer = measure(candidate, reference, "--json")
    assert (answer.code, len(calls(reference)), len(calls(candidate))) == (1, 2, 2), answer.err
    assert answer.outcome is REGRESSION
    failure = read_micro(tmp_path / "out")[0].failure
    assert failure is not None
    assert "ImportError: libcuda.so.1: undefined symbol" in failure.message


def test_a_reference_whose_tensorflow_cannot_be_imported_is_told_before_anything_is_measured(
    measure: Measure, tmp_path: Path
) -> None:
    sound = micro_interpreter(tmp_path, *LAUNCHES)
    answer = measure(sound, micro_interpreter(tmp_path, *LAUNCHES, collecting=UNIMPORTABLE))
    assert (answer.code, "undefined symbol" in answer.error, (tmp_path / "out").exists()) == (4, True, False)


@pytest.mark.slow  # three launches of a real TensorFlow
def test_a_candidate_that_computes_wrongly_is_a_regression(
    measure: Measure, tmp_path: Path, newest_python: Path
) -> None:
    """The same TensorFlow, but for a fault planted in the candidate's clipping."""
    hook = ROOT / "tests" / "faults" / "hook"
    text = f'#!/bin/sh\nPYTHONPATH="{hook}:$PYTHONPATH" TFGATE_FAULT=clip-missing exec "{newest_python}" "$@"\n'
    candidate = write_program(tmp_path / "python", text)
    answer = measure(Path(candidate), newest_python, "--config", "tiny", "--target", "clip", "--json")
    assert answer.code == 1, answer.err
    failure = read_micro(tmp_path / "out")[0].failure
    assert failure is not None
    assert "it isn't timed" in failure.message


def test_every_target_gates_but_those_that_are_timed_to_explain() -> None:
    assert set(TARGETS) - set(GATING) == {"input", "dropout"}
    assert set(GATING) <= set(TARGETS)


def test_targets_are_the_suites_files() -> None:
    assert sorted((*TARGETS, UNIT)) == sorted(
        path.stem.removeprefix("test_") for path in (ROOT / "bench" / "micro").glob("test_*.py")
    )
