"""`tfgate record --accept`: regressions that verdicts name and let pass until a date."""

import dataclasses
import json
import math
from pathlib import Path

import pytest

from bench.record.files import write_record
from bench.record.ledger import AcceptedRegression, Ledger
from bench.record.types import SCHEMA, Failure
from tests.builders.commands import NEW, NEWER, OLD, Answer, Keep, Tfgate, gate_run, in_turn, ledger, report, snapshot
from tests.builders.paired import pair
from tests.builders.records import SUBJECT, records

WHY = ["--reason", "a slower kernel", "--link", "https://example.org/1"]


@pytest.fixture(params=["upgrade", "gate"])
def slow(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    run = in_turn(step=0.2)
    return report(tmp_path / "slow", gate_run(run) if request.param == "gate" else run)


def check(tfgate: Tfgate, name: Path, baselines: Path) -> Answer:
    return tfgate("check", name, "--baselines", baselines)


@pytest.mark.parametrize("until", ["2026-01-06", "2026-01-07", "20260107"])
def test_it_passes_until_the_date(tfgate: Tfgate, slow: Path, tmp_path: Path, baselines: Path, until: str) -> None:
    """The report is of 2026-01-06; today's date plays no part."""
    assert check(tfgate, slow, baselines).code == 1
    before = snapshot(baselines)
    found = tfgate("record", slow, "--accept", "step time", "--until", until, *WHY, "--baselines", baselines)
    day = f"2026-01-{until[-2:]}"
    (accepted,) = ledger(baselines).regressions
    assert (found.code, found.out) == (
        0,
        f"step time of {SUBJECT.name}: accepted until {day}, up to {100 * (accepted.limit or 0):.1f}%\n",
    )
    assert snapshot(baselines).keys() - before.keys() == {"ledger.json"}
    judged = check(tfgate, slow, baselines)
    assert judged.code == 0
    assert day in judged.out
    later = in_turn(step=0.2, created="2026-01-08T00:00:00+00:00")
    assert check(tfgate, report(tmp_path / "later", later), baselines).code == 1


@pytest.mark.parametrize("day", ["31.03.2027", "20270331", "soon"])
def test_a_day_that_was_edited_into_none_is_refused(tfgate: Tfgate, slow: Path, baselines: Path, day: str) -> None:
    """Compared as text, it would hold for ever, or not at all."""
    edited = AcceptedRegression(SUBJECT.name, "step time", 0.5, "known", "https://example.org/2", day)
    write_record(baselines / "ledger.json", Ledger(SCHEMA, (), (edited,)))
    found = check(tfgate, slow, baselines)
    assert (found.code, f"expires on {day!r}" in found.error, "ledger.json" in found.error) == (2, True, True)


def test_of_another_file_it_stays(tfgate: Tfgate, slow: Path, baselines: Path) -> None:
    """Two files of an own model may have one name."""
    held = [
        AcceptedRegression(SUBJECT.name, "step time", 0.5, "known", "https://example.org/2", "2027-01-01", file)
        for file in ("aaaa", "")
    ]
    write_record(baselines / "ledger.json", Ledger(SCHEMA, (), tuple(held)), replace=True)
    given = ("--accept", "step time", "--until", "2026-12-31", *WHY, "--baselines", baselines)
    assert tfgate("record", slow, *given).code == 0
    other, new = ledger(baselines).regressions
    assert (other, new.fingerprint, new.expires) == (held[0], "", "2026-12-31")


def test_recorded_again_it_is_replaced(tfgate: Tfgate, slow: Path, baselines: Path) -> None:
    """So the day moves, in either direction; what was accepted of other metrics stays."""
    trace = AcceptedRegression(SUBJECT.name, "trace", 0.5, "known", "https://example.org/2", "2027-01-01")
    write_record(baselines / "ledger.json", Ledger(SCHEMA, (), (trace,)), replace=True)
    for day, before in (("2026-12-31", ""), ("2026-03-31", "(before: until 2026-12-31, up to ")):
        given = ("--accept", "step time", "--until", day, *WHY, "--baselines", baselines)
        found = tfgate("record", slow, *given)
        assert (found.code, before in found.out, "(before: " in found.out) == (0, True, bool(before))
        held, moved = ledger(baselines).regressions
        assert (held, moved.metric, moved.expires) == (trace, "step time", day)


def test_of_several_reports_the_largest_is_accepted(tfgate: Tfgate, tmp_path: Path, baselines: Path) -> None:
    """Whatever their order: the others pass by it."""
    names = [report(tmp_path / f"{step}", in_turn(step=step)) for step in (0.2, 0.3)]
    for order in (names, names[::-1]):
        given = ("--accept", "step time", "--until", "2026-12-31", *WHY, "--baselines", baselines)
        found = tfgate("record", *order, *given)
        assert found.code == 0, found
        (accepted,) = ledger(baselines).regressions
        assert (accepted.limit or 0.0) > math.expm1(0.3)


def test_an_upgrade_from_another_reference_keeps_its_regressions(
    tfgate: Tfgate, slow: Path, tmp_path: Path, baselines: Path
) -> None:
    """An acceptance for the ledger's reference says nothing of other pairs."""
    for given in (["--accept", "step time", "--until", "2026-12-31", *WHY], ["--reason", "the new release"]):
        assert tfgate("record", slow, *given, "--baselines", baselines).code == 0
    other = report(tmp_path / "other", in_turn(NEW, NEWER, step=0.2))
    assert check(tfgate, other, baselines).code == 1
    before = snapshot(baselines)
    found = tfgate("record", other, "--accept", "step time", "--until", "2026-12-31", *WHY, "--baselines", baselines)
    assert (found.code, "reference is not one of the ledger's" in found.error) == (2, True)
    assert snapshot(baselines) == before


@pytest.mark.parametrize(
    ("until", "told"),
    [("20260105", "before the report's own date, 2026-01-06"), ("2026-12-31T00:00", "is not a date")],
)
def test_a_day_that_is_over_or_none(tfgate: Tfgate, slow: Path, unchanged: Path, until: str, told: str) -> None:
    found = tfgate("record", slow, "--accept", "step time", "--until", until, *WHY, "--baselines", unchanged)
    assert (found.code, "--until" in found.error, told in found.error) == (2, True, True)


@pytest.mark.parametrize("metric", ["evaluation step", "nonsense"])
def test_a_metric_without_a_regression(tfgate: Tfgate, slow: Path, unchanged: Path, metric: str) -> None:
    found = tfgate("record", slow, "--accept", metric, "--until", "2026-12-31", *WHY, "--baselines", unchanged)
    said = f"--accept {metric!r}: the reports have no regression of that metric; they have: step time"
    assert (found.code, said in found.error) == (2, True)


def test_what_failed_cannot_be_accepted(tfgate: Tfgate, tmp_path: Path, unchanged: Path) -> None:
    crash = Failure("crashed", "killed by SIGSEGV")
    made = dataclasses.replace(in_turn(), pairs=(pair(0, failure=crash), pair(0, failure=crash)))
    given = ("--accept", "training", "--until", "2026-12-31", *WHY, "--baselines", unchanged)
    found = tfgate("record", report(tmp_path / "crashed", made), *given)
    assert (found.code, "--accept 'training': what fails leaves the rest unmeasured" in found.error) == (2, True)


def test_a_run_of_one_environment_has_nothing_to_accept(tfgate: Tfgate, keep: Keep, unchanged: Path) -> None:
    traced = keep("run", [dataclasses.replace(one, retraces=3) for one in records()])
    assert check(tfgate, traced, unchanged).code == 1
    given = ("--accept", "retraces", "--until", "2027-12-31", *WHY, "--baselines", unchanged)
    found = tfgate("record", traced, *given)
    assert (found.code, "a run of one environment" in found.error) == (2, True)


def test_a_ledger_is_shown(tfgate: Tfgate, slow: Path, baselines: Path) -> None:
    accept = ("--accept", "step time", "--until", "2026-12-31", *WHY)
    assert tfgate("record", slow, *accept, "--baselines", baselines).code == 0
    accepted = ledger(baselines).regressions
    assert tfgate("record", slow, "--reason", "the new release", "--baselines", baselines).code == 0
    assert ledger(baselines).regressions == ()  # the standard, now: as much again would pass on top of it
    held = dataclasses.replace(ledger(baselines), regressions=accepted)
    write_record(baselines / "ledger.json", held, replace=True)
    shown = tfgate("show", baselines / "ledger.json")
    assert shown.code == 0
    row = next(line.split() for line in shown.out.splitlines() if "step time" in line)
    assert row[:4] == ["2026-01-06T00:00:00+00:00", "2.21.0", "2.20.0", f"({OLD.identity})"]
    assert shown.out.splitlines()[-1].startswith(f"accepted until 2026-12-31: step time of {SUBJECT.name} up to 2")
    assert (
        json.loads(tfgate("show", baselines / "ledger.json", "--json").out)["regressions"][0]["reason"]
        == "a slower kernel"
    )
