"""Surveys that are thinned for publication: judged as before, or refused."""

import dataclasses
from pathlib import Path

import pytest

from bench.commands.stored import baselines_folder, read_folder
from bench.commands.surveys import judged_survey
from bench.commands.verdicts import judged
from bench.drive.paired import PAIRED_FILE
from bench.record.files import read_record, write_record
from bench.record.paired import PairedRun
from bench.report.sentences import sentence
from bench.report.survey import survey_text
from experiments import publish
from experiments.publish import SAID, main
from tests.builders.commands import snapshot
from tests.builders.surveys import keep_survey, surveyed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three releases, the second of which got slower."""
    return keep_survey(tmp_path / "survey", surveyed({"2.12.1": 0.0, "2.13.1": 0.2, "2.14.1": 0.2}))


def told(folder: Path) -> str:
    return survey_text(judged_survey(folder, read_folder(baselines_folder(None))))


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


def warned(path: Path) -> list[str]:
    standards = read_folder(baselines_folder(None))
    return list(map(sentence, judged(read_record(PairedRun, path), standards).verdict.warnings))


def test_a_warning_that_is_told_by_what_is_left_out_stays(folder: Path) -> None:
    """The reference's steps take 0.1 s, and 0.13 s in one launch."""
    path = next(folder.rglob(PAIRED_FILE))
    run = read_record(PairedRun, path)
    slow = dataclasses.replace(run.pairs[2].reference, step_seconds=(0.13,) * 5)
    pairs = (*run.pairs[:2], dataclasses.replace(run.pairs[2], reference=slow), *run.pairs[3:])
    write_record(path, dataclasses.replace(run, pairs=pairs), replace=True)
    (drifted,) = warned(path)
    assert drifted.startswith("the machine's speed changed")
    main([str(folder)])
    assert warned(path) == [drifted, SAID]


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
