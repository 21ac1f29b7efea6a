"""`tfgate compare`: exit codes, and files that can't be compared."""

import dataclasses
from pathlib import Path

import pytest

from bench.judge.types import Scope
from bench.record.files import write_record
from bench.stats.outcome import Outcome
from tests.builders.commands import INCONCLUSIVE, PASS, REGRESSION, Keep, Tfgate, snapshot
from tests.builders.launches import on_candidate
from tests.builders.records import environment
from tests.builders.reports import LATER, OTHER_REFERENCE, gate_report, paired_report, pairs


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """The folder of a paired run."""
    write_record(tmp_path / "reference" / "paired.json", paired_report(pairs()))
    return tmp_path / "reference"


def keep_gate(folder: Path, step: float) -> Path:
    """The folder of a gate's report."""
    write_record(folder / "gate.json", gate_report([paired_report(pairs(shift=3, step=step), LATER)], LATER))
    return folder


@pytest.mark.parametrize(("step", "outcome"), [(0.0, PASS), (0.2, REGRESSION), (0.05, INCONCLUSIVE)])
@pytest.mark.parametrize("file", ["", "gate.json"], ids=["folder", "file"])
def test_two_reports(
    tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path, step: float, outcome: Outcome, file: str
) -> None:
    candidate = keep_gate(tmp_path / "candidate", step=step) / file
    before = snapshot(tmp_path)
    found = tfgate("compare", reference, candidate, "--baselines", baselines, "--json")
    assert (found.outcome, found.plain["scope"], found.err) == (outcome, Scope.SPEED.value, "")
    assert snapshot(tmp_path) == before


def test_unlike_references_are_inconclusive_and_named(
    tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path
) -> None:
    write_record(tmp_path / "candidate" / "paired.json", paired_report(pairs(shift=3), LATER, OTHER_REFERENCE))
    found = tfgate("compare", reference, tmp_path / "candidate", "--baselines", baselines)
    assert (found.code, OTHER_REFERENCE.identity in found.out) == (3, True)


@pytest.mark.parametrize(
    ("version", "variables", "said"),
    [
        ("2.22.0", {}, "TensorFlow 2.22.0 is not slower or larger than TensorFlow 2.21.0 by"),
        ("2.21.0", {"A": "1"}, "TensorFlow 2.21.0 with A=1 is not slower or larger than TensorFlow 2.21.0 by"),
        ("2.21.0", {}, "the second report's candidate is not slower or larger than the first's by"),
    ],
)
def test_the_candidates_of_the_reports_are_named(
    tfgate: Tfgate,
    reference: Path,
    baselines: Path,
    tmp_path: Path,
    version: str,
    variables: dict[str, str],
    said: str,
) -> None:
    later = paired_report([on_candidate(one, environment=environment(version)) for one in pairs(shift=3)], LATER)
    side = dataclasses.replace(later.candidate, variables=variables)
    write_record(tmp_path / "candidate" / "paired.json", dataclasses.replace(later, candidate=side))
    found = tfgate("compare", reference, tmp_path / "candidate", "--baselines", baselines)
    assert found.out.startswith("PASS")
    assert said in " ".join(found.out.split())


def test_a_margin_of_ones_own(tfgate: Tfgate, reference: Path, baselines: Path, tmp_path: Path) -> None:
    candidate = keep_gate(tmp_path / "candidate", step=0.2)
    both = (reference, candidate, "--baselines", baselines)
    assert tfgate("compare", *both, "--margin", "0.9").code == 0
    assert tfgate("compare", *both, "--margin", "0.1").code == 1


def test_a_report_given_twice_is_refused(tfgate: Tfgate, reference: Path, baselines: Path) -> None:
    found = tfgate("compare", reference, reference, "--baselines", baselines)
    assert (found.code, found.error.startswith("the report of ")) == (2, True)  # and not called damaged


@pytest.mark.parametrize("file", ["", "run.json"], ids=["folder", "file"])
def test_a_run_of_one_environment_is_refused(
    tfgate: Tfgate, keep: Keep, reference: Path, baselines: Path, file: str
) -> None:
    candidate = keep("candidate") / file
    found = tfgate("compare", reference, candidate, "--baselines", baselines)
    assert found.code == 2
    assert found.error.startswith(f"{candidate} ")


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
    assert found.error.startswith(f"{tmp_path / 'empty'} holds no report")
