"""`tfgate compare`: exit codes, what may be given together, and damaged files in one line."""

import json
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path

import pytest

from bench.record.files import write_record
from tests.bench.benchmark_samples import STEP, document, write
from tests.bench.commands.conftest import Tfgate, snapshot
from tests.bench.paired_samples import pair, paired_run
from tests.bench.samples import OTHER_MACHINE, SPEEDS, SUBJECT, baseline, records, session

Keep = Callable[..., Path]
OTHERS = (5.002, 4.999, 5.003, 5.0)
LATER = "2026-02-02T03:04:05+00:00"


@pytest.fixture
def reference(keep: Keep) -> Path:
    return keep("reference")


@pytest.fixture
def baselines(baselines: Path) -> Path:
    """The folder of baselines, with sessions whose memory differs, too."""
    held = baseline(sessions=[session(SPEEDS, day, peak_rss_mebibytes=1020 + day) for day in (1, 2, 3)])
    write_record(baselines / f"{SUBJECT.name}.json", held, replace=True)
    return baselines


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Eight launches, to be taken in the order ABBAABBA."""
    speeds = (0.1, 0.101, 0.102, 0.1, 0.101, 0.1, 0.102, 0.101)
    return [write(tmp_path / f"{minute}.json", document({STEP: seconds}, minute)) for minute, seconds in enumerate(speeds)]


@pytest.mark.parametrize(("factor", "code", "word"), [(1.0, 0, "PASS: "), (2.0, 1, "REGRESSION: "), (1.25, 3, "CANNOT JUDGE: ")])
def test_two_runs(tfgate: Tfgate, keep: Keep, reference: Path, baselines: Path, factor: float, code: int, word: str) -> None:
    candidate = keep("candidate", records(OTHERS, [factor * seconds for seconds in SPEEDS]), LATER)
    before = snapshot(baselines)
    found = tfgate("compare", reference, candidate, "--baselines", baselines)
    assert (found.code, found.err) == (code, "")
    assert found.out.startswith(word)
    assert snapshot(baselines) == before


def test_unlike_machines_exit_with_3_and_say_both(tfgate: Tfgate, keep: Keep, reference: Path, baselines: Path) -> None:
    found = tfgate("compare", reference, keep("candidate", records(OTHERS, machine=OTHER_MACHINE), LATER), "--baselines", baselines)
    assert found.code == 3
    assert "cpu_model A CPU in the reference, Another CPU in the candidate" in " ".join(found.out.split())


def test_a_margin_of_ones_own(tfgate: Tfgate, keep: Keep, reference: Path, baselines: Path) -> None:
    candidate = keep("candidate", records(OTHERS, [1.25 * seconds for seconds in SPEEDS]), LATER)
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
        ([], "0 runs are given; two are compared, the reference first"),
        (["a"], "1 runs are given"),
        (["a", "b", "c"], "3 runs are given"),
        (["a", "--reference", "x"], "give two runs, or files by --reference and --candidate, not both"),
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


def test_a_run_against_itself_is_refused(tfgate: Tfgate, reference: Path, baselines: Path) -> None:
    assert "is given twice" in tfgate("compare", reference, reference, "--baselines", baselines).error


@pytest.mark.parametrize("place", ["", "paired.json"], ids=["folder", "file"])
def test_a_paired_run_is_sent_to_check(tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path, place: str) -> None:
    write_record(tmp_path / "upgrade" / "paired.json", paired_run([pair()]))
    found = tfgate("compare", reference, tmp_path / "upgrade" / place, "--baselines", baselines)
    assert found.code == 2
    name = tmp_path / "upgrade" / place
    assert found.error == f"{name} is a paired run, which holds two environments: `tfgate check {name}` judges it"
    assert tfgate("check", name, "--baselines", baselines).code in (0, 3)  # and check takes it


def test_a_folder_without_a_run_is_named(tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert tfgate("compare", reference, tmp_path / "empty", "--baselines", baselines).error.startswith(
        f"{tmp_path / 'empty' / 'run.json'}:"
    )
