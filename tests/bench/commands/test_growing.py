"""The pace of measurements, and the reports that grow by them."""

import dataclasses
from pathlib import Path
from unittest.mock import Mock

import pytest

from bench.commands.growing import LAUNCH_SECONDS, Measure, Pace
from bench.commands.usage import UsageError
from bench.drive.cores import PinnedCore
from bench.drive.plan import Plan
from bench.record.files import write_record
from bench.record.paired import CANDIDATE, REFERENCE
from tests.builders.launches import on_both
from tests.builders.paired import SIDES, pair, paired_run
from tests.builders.records import MARGINS, SUBJECT

MEASURE = Measure(Plan("notebook", 40), "step time", MARGINS, ("tfgate", "blame"))


def test_the_pace_is_the_usual_one_until_something_was_measured() -> None:
    assert MEASURE.pace(60.0).minutes(12) == pytest.approx(12 * LAUNCH_SECONDS / 60)
    assert Pace(17.5, 60.0, count=3, seconds=90.0).minutes(2) == pytest.approx(1.0)
    pace = Pace(17.5, 60.0)
    with pace.timed():
        pass
    assert pace.count == 1
    assert 0 <= pace.minutes(60) < 1


def test_each_report_has_a_folder_that_any_file_system_takes(tmp_path: Path) -> None:
    report = MEASURE.report(tmp_path, 3, "/envs/a b/python", resume=True)
    assert (report.path, report.run) == (tmp_path / "03-envs-a-b-python" / "paired.json", None)


def test_a_report_of_another_file_of_the_users_own_is_refused(tmp_path: Path) -> None:
    """A launch that failed before its file was read tells none."""
    plan = Plan("own", 1, workload="/a/mine.py", fingerprint="1")
    measure = dataclasses.replace(MEASURE, plan=plan)
    subject = dataclasses.replace(SUBJECT, workload="mine.py", fingerprint="1")
    subjects = (subject, dataclasses.replace(subject, fingerprint=""))
    measured = paired_run([on_both(pair(0), subject=of) for of in subjects])
    run = dataclasses.replace(measured, command=("tfgate", "blame"))
    report = measure.report(tmp_path, 1, "keras", resume=False)
    write_record(report.path, run, seal=True)
    assert measure.report(tmp_path, 1, "keras", resume=True, here=False).run == run
    other = dataclasses.replace(measure, plan=dataclasses.replace(plan, fingerprint="2"))
    with pytest.raises(UsageError, match=r"paired.json was begun with another mine\.py: delete it"):
        other.report(tmp_path, 1, "keras", resume=True)


def test_what_disturbs_the_only_core_that_can_be_pinned_is_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.commands.plans.core_to_pin", lambda: PinnedCore(1, (0,), shared=True))
    monkeypatch.setattr(
        "bench.commands.growing.measure_paired", lambda request, *_: paired_run([], (), request.warnings)
    )
    measure = dataclasses.replace(MEASURE, metric="step time on one core")
    sides = dict(zip((REFERENCE, CANDIDATE), SIDES, strict=True))
    run = measure.grow(measure.report(tmp_path, 1, "keras", resume=False), sides, Mock())
    assert any("the other hardware thread of its core" in line for line in run.warnings)


def test_a_metric_that_launches_do_not_tell_is_refused() -> None:
    assert MEASURE.values(paired_run([pair(0, step=0.1)])) == pytest.approx([0.104], abs=0.015)
    with pytest.raises(UsageError, match="don't measure step time here: name another metric"):
        MEASURE.values(paired_run([]))
    of_predict = dataclasses.replace(MEASURE, plan=Plan("tiny", 40, workload="predict"))
    with pytest.raises(UsageError, match="name one of step time on one core, peak memory, "):
        of_predict.values(paired_run([]))
