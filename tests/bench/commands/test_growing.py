"""The pace of measurements, and the places of their reports."""

import dataclasses
from pathlib import Path

import pytest

from bench.commands import bisect, blame
from bench.commands.clustered import stored_reports
from bench.commands.growing import LAUNCH_SECONDS, Measure, Pace
from bench.commands.resume import is_kept
from bench.commands.usage import UsageError
from bench.drive.plan import Plan
from bench.record.files import write_record, write_text
from bench.record.survey import folder_name
from tests.builders.launches import on_both
from tests.builders.paired import pair, paired_run
from tests.builders.records import MARGINS, SUBJECT

MEASURE = Measure(Plan("notebook", 40), "step time", MARGINS, ("tfgate", "blame"))


def test_the_pace_is_the_usual_one_until_something_was_measured() -> None:
    assert MEASURE.pace().minutes(12) == pytest.approx(12 * LAUNCH_SECONDS / 60)
    assert Pace(17.5, count=3, seconds=90.0).minutes(2) == pytest.approx(1.0)
    pace = Pace(17.5)
    with pace.timed():
        pass
    assert pace.count == 1
    assert 0 <= pace.minutes(60) < 1


def test_each_report_has_a_folder_that_any_file_system_takes(tmp_path: Path) -> None:
    report = MEASURE.report(tmp_path, 3, "/envs/a b/python", resume=True)
    assert (report.path, report.run) == (tmp_path / "03-envs-a-b-python" / "paired.json", None)


def test_the_hundredth_report_is_found_as_the_others_are(tmp_path: Path) -> None:
    """And no folder of another command is taken for one."""
    for name in (folder_name(2, "2.13.1"), folder_name(100, "2.22.0"), "20261129T010203-upgrade"):
        write_text(tmp_path / name / "paired.json", "a report")
    assert set(stored_reports(tmp_path)) == {"02-2.13.1/paired.json", "100-2.22.0/paired.json"}
    (tmp_path / "02-2.13.1" / "paired.json").unlink()
    assert is_kept(tmp_path, *bisect.REPORTS)
    assert is_kept(tmp_path, *blame.REPORTS)


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


def test_a_metric_that_launches_do_not_tell_is_refused() -> None:
    assert MEASURE.told(paired_run([pair(0, step=0.1)])) == pytest.approx([0.104], abs=0.015)
    with pytest.raises(UsageError, match="don't measure step time here: name another metric"):
        MEASURE.told(paired_run([]))
    of_predict = dataclasses.replace(MEASURE, plan=Plan("tiny", 40, workload="predict"))
    with pytest.raises(UsageError, match="name one of step time on one core, peak memory, "):
        of_predict.told(paired_run([]))
