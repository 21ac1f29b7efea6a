"""Surveys that are thinned for publication: judged as before, or refused."""

import dataclasses
from pathlib import Path

import pytest

from bench.commands.stored import read_folder
from bench.commands.surveys import judged_survey
from bench.drive.upgrade import PAIRED_FILE
from bench.record.files import read_record, write_record
from bench.record.paired import PairedRun
from bench.report.survey import survey_text
from experiments import publish
from experiments.publish import BASELINES, SAID, main
from tests.builders.commands import snapshot
from tests.builders.surveys import keep_survey, surveyed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three releases, the second of which got slower."""
    return keep_survey(tmp_path / "survey", surveyed({"2.12.1": 0.0, "2.13.1": 0.2, "2.14.1": 0.2}))


def told(folder: Path) -> str:
    return survey_text(judged_survey(folder, read_folder(BASELINES)))


def test_it_is_told_as_before_and_once_thinned_stays(folder: Path) -> None:
    before = told(folder)
    main([str(folder)])
    assert told(folder) == before
    runs = [read_record(PairedRun, path) for path in folder.rglob(PAIRED_FILE)]
    assert len(runs) == 3
    for run in runs:
        assert run.warnings[-1] == SAID
        assert not any(pair.candidate.step_seconds for pair in run.pairs)
    thinned = snapshot(folder)
    main([str(folder)])
    assert snapshot(folder) == thinned


def test_a_comparison_that_is_not_over_stays_as_it_is(folder: Path) -> None:
    path = next(folder.rglob(PAIRED_FILE))
    write_record(path, dataclasses.replace(read_record(PairedRun, path), incomplete="interrupted"), replace=True)
    before = path.read_bytes()
    main([str(folder)])
    assert path.read_bytes() == before


def test_one_that_would_be_judged_otherwise_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "DIGITS", 1)
    before = snapshot(folder)
    with pytest.raises(ValueError, match="thinned, it would be judged otherwise"):
        main([str(folder)])
    assert snapshot(folder) == before
