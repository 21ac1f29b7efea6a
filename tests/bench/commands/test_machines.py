"""`tfgate machines`: reports of several machines, and those that tell nothing together."""

import dataclasses
import json
from pathlib import Path

import pytest

from bench.record.files import write_record
from bench.record.types import Machine
from tests.builders.commands import Tfgate, snapshot
from tests.builders.launches import on_both
from tests.builders.reports import gate_report
from tests.builders.surveys import CRASH, compared, keep_survey, run_of, surveyed

ONE, OTHER = Machine("one", 2, "x86_64 avx2", 24), Machine("other", 2, "x86_64 avx2", 24)


def keep(path: Path, reference: str, candidate: str, step: float, machine: Machine) -> str:
    write_record(path / "paired.json", compared(reference, candidate, step, machine).run, seal=True)
    return str(path)


def test_two_upgrades_on_two_machines(tfgate: Tfgate, tmp_path: Path) -> None:
    reports = [keep(tmp_path / "one", "a", "b", 0.0, ONE), keep(tmp_path / "other", "a", "b", 0.02, OTHER)]
    before = snapshot(tmp_path)
    found = tfgate("machines", *reports, "--json")
    assert found.code == 0, found
    plain = json.loads(found.out)
    assert [one["cpu_model"] for one in plain["machines"]] == ["one", "other"]
    assert {one["candidate"] for one in plain["comparisons"]} == {"b"}
    text = tfgate("machines", *reports)
    assert text.code == 0
    assert "b against a" in text.out
    assert snapshot(tmp_path) == before


def test_a_survey_and_an_upgrade_of_another_machine(tfgate: Tfgate, tmp_path: Path) -> None:
    """Only what both have compared is told."""
    survey = keep_survey(tmp_path / "survey", surveyed({"a": 0.0, "b": 0.1, "c": 0.1}))
    found = tfgate("machines", survey, keep(tmp_path / "other", "b", "c", 0.02, OTHER), "--json")
    assert found.code == 0, found
    assert {(one["reference"], one["candidate"]) for one in found.plain["comparisons"]} == {("b", "c")}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (("a", "b", ONE), "the reports are of one machine, one: name those of two or more"),
        (("a", "c", OTHER), "no two machines have compared the same two environments: name reports that have"),
    ],
)
def test_reports_that_tell_nothing_together(
    tfgate: Tfgate, tmp_path: Path, other: tuple[str, str, Machine], said: str
) -> None:
    reference, candidate, machine = other
    reports = [keep(tmp_path / "one", "a", "b", 0.0, ONE), keep(tmp_path / "two", reference, candidate, 0.0, machine)]
    found = tfgate("machines", *reports)
    assert (found.code, found.error, found.out) == (2, said, "")


def test_a_report_that_is_given_twice_is_refused(tfgate: Tfgate, tmp_path: Path) -> None:
    """Also as a part of its survey."""
    survey = keep_survey(tmp_path / "survey", surveyed({"a": 0.0, "b": 0.1}))
    (part,) = (path.parent for path in survey.rglob("paired.json"))
    other = keep(tmp_path / "other", "a", "b", 0.02, OTHER)
    for reports in ((survey, other, part), (other, part, other)):
        found = tfgate("machines", *reports)
        assert (found.code, found.out) == (2, "")
        assert found.error.startswith("b against a, measured ")
        assert found.error.endswith(" is given twice: it counts once")


def test_a_candidate_that_fails_on_one_machine_is_told(tfgate: Tfgate, tmp_path: Path) -> None:
    """Nothing else is shared by both machines."""
    failed = run_of("a", "b", 0.0, CRASH)
    moved = dataclasses.replace(failed, pairs=tuple(on_both(one, machine=OTHER) for one in failed.pairs))
    write_record(tmp_path / "other" / "paired.json", moved, seal=True)
    found = tfgate("machines", keep(tmp_path / "one", "a", "b", 0.0, ONE), tmp_path / "other")
    assert found.code == 0, found
    assert f"b against a on {OTHER.fingerprint()}: " in found.out
    assert "killed by SIGKILL" in " ".join(found.out.split())


def test_a_gate_is_refused(tfgate: Tfgate, tmp_path: Path) -> None:
    write_record(tmp_path / "gate" / "gate.json", gate_report([]))
    found = tfgate("machines", tmp_path / "gate", tmp_path / "gate")
    assert (found.code, found.out) == (2, "")
    assert found.error.endswith("is a report of gate: name reports of upgrade and survey")
