"""`tfgate compare`: exit codes, what may be given together, and damaged files in one line."""

import json
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path

import pytest

from bench.record.files import write_record
from tests.bench.benchmark_samples import STEP, document, write
from tests.bench.commands.conftest import Tfgate, snapshot
from tests.bench.report_samples import LATER, OTHER_REFERENCE, gate_report, paired_report, pairs

Keep = Callable[..., Path]


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """The folder of a paired run."""
    write_record(tmp_path / "reference" / "paired.json", paired_report(pairs()))
    return tmp_path / "reference"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Eight launches, to be taken in the order ABBAABBA."""
    speeds = (0.1, 0.101, 0.102, 0.1, 0.101, 0.1, 0.102, 0.101)
    return [
        write(tmp_path / f"{minute}.json", document({STEP: seconds}, minute)) for minute, seconds in enumerate(speeds)
    ]


def keep_gate(folder: Path, step: float) -> Path:
    """The folder of a gate's report."""
    write_record(folder / "gate.json", gate_report([paired_report(pairs(shift=3, step=step), LATER)], LATER))
    return folder


@pytest.mark.parametrize(
    ("step", "code", "word"),
    [
        (0.0, 0, "PASS (speed and memory only; numbers not compared): "),
        (0.2, 1, "REGRESSION (speed and memory only; numbers not compared): "),
        (0.05, 3, "CANNOT JUDGE (speed and memory only; numbers not compared): "),
    ],
)
@pytest.mark.parametrize("file", ["", "gate.json"], ids=["folder", "file"])
def test_two_reports(
    tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path, step: float, code: int, word: str, file: str
) -> None:
    candidate = keep_gate(tmp_path / "candidate", step=step) / file
    before = snapshot(tmp_path)
    found = tfgate("compare", reference, candidate, "--baselines", baselines)
    assert (found.code, found.err) == (code, "")
    assert found.out.startswith(word)
    assert "numbers (oracle, lockstep, perplexity) are not compared: `tfgate check` judges each report's" in " ".join(
        found.out.split()
    )
    assert snapshot(tmp_path) == before


def test_unlike_references_exit_with_3_and_say_both(
    tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path
) -> None:
    write_record(tmp_path / "candidate" / "paired.json", paired_report(pairs(shift=3), LATER, OTHER_REFERENCE))
    found = tfgate("compare", reference, tmp_path / "candidate", "--baselines", baselines)
    assert found.code == 3
    assert f"TensorFlow 2.20.0 ({OTHER_REFERENCE.identity}) in the candidate report" in " ".join(found.out.split())


def test_a_margin_of_ones_own(tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path) -> None:
    candidate = keep_gate(tmp_path / "candidate", step=0.2)
    assert tfgate("compare", reference, candidate, "--baselines", baselines, "--margin", "0.9").code == 0


def test_benchmark_files(tfgate: Tfgate, files: list[Path]) -> None:
    reference, candidate = (itemgetter(*places)(files) for places in ((0, 3, 4, 7), (1, 2, 5, 6)))
    found = tfgate("compare", "--reference", *reference, "--candidate", *candidate, "--margin", "0.5", "--json")
    assert found.code == 0
    assert json.loads(found.out)["comparisons"][0]["metric"] == "test_step[tiny]"


def test_benchmark_files_of_one_side_after_the_other_cannot_be_judged(tfgate: Tfgate, files: list[Path]) -> None:
    found = tfgate("compare", "--reference", *files[:4], "--candidate", *files[4:], "--margin", "0.5")
    assert found.code == 3
    assert "the sides were not measured in turn" in " ".join(found.out.split())


def test_a_damaged_benchmark_file_is_named(tfgate: Tfgate, files: list[Path]) -> None:
    files[1].write_text("{", encoding="utf-8")
    found = tfgate("compare", "--reference", files[0], "--candidate", files[1])
    assert found.code == 2
    assert found.error.startswith(f"{files[1]} can't be read as pytest-benchmark's JSON: not JSON")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "0 reports are given; two are compared, the reference first"),
        (["a"], "1 reports are given"),
        (["a", "b", "c"], "3 reports are given"),
        (["a", "--reference", "x"], "give two reports, or files by --reference and --candidate, not both"),
        (["--reference", "x"], "--candidate is missing"),
        (["--candidate", "x"], "--reference is missing"),
        (["a", "b", "--gate", "x"], "--gate is for pytest-benchmark files"),
        (["a", "b", "--margin", "0"], "--margin is 0.0; it must be a fraction above 0 and below 1"),
        (["a", "b", "--margin", "nan"], "--margin is nan"),
        (["a", "b"], "a: No such file or directory"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(tfgate: Tfgate, arguments: list[str], said: str) -> None:
    found = tfgate("compare", *arguments)
    assert found.code == 2
    assert found.error.startswith(said)


def test_a_report_given_twice_is_refused(tfgate: Tfgate, reference: Path, baselines: Path) -> None:
    assert "is given twice" in tfgate("compare", reference, reference, "--baselines", baselines).error


@pytest.mark.parametrize("file", ["", "run.json"], ids=["folder", "file"])
def test_a_run_of_one_environment_is_refused(
    tfgate: Tfgate, keep: Keep, reference: Path, baselines: Path, file: str
) -> None:
    candidate = keep("candidate") / file
    found = tfgate("compare", reference, candidate, "--baselines", baselines)
    assert found.code == 2
    assert found.error.startswith(f"{candidate} names one environment without a reference: ")


def test_a_damaged_report_is_named(tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "candidate" / "gate.json"
    damaged.parent.mkdir()
    damaged.write_text("{", encoding="utf-8")
    assert tfgate("compare", reference, tmp_path / "candidate", "--baselines", baselines).error.startswith(
        f"{damaged} is damaged"
    )


def test_a_folder_without_a_report_is_named(tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = tfgate("compare", reference, tmp_path / "empty", "--baselines", baselines)
    assert found.error.startswith(f"{tmp_path / 'empty' / 'run.json'}:")
