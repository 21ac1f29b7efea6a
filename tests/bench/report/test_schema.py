"""The published schemas: current, valid, true of what tfgate writes, and wrong of what it doesn't."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing

from bench.drive.lockfile import read_lock
from bench.judge.margins import read_margins
from bench.judge.paired import judge_paired
from bench.record.codec import to_plain
from bench.record.files import read_record
from bench.record.ledger import Ledger
from bench.record.paired import PairedRun, Side
from bench.record.types import Baseline
from bench.report.formats.json import verdict_json
from tests.builders.golden import golden
from tests.builders.published_schemas import SCHEMAS, schema_text
from tests.builders.reasons import REASONS
from tests.builders.records import record, records, run
from tests.builders.verdicts import EXACT, STANDARDS, gate, gate_run, judged_run, paired_run, upgrade, verdict

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = ROOT / "docs" / "schema"
REPORTS = sorted((ROOT / "reports" / "published").glob("*/paired.json"))
MARGINS = read_margins(ROOT / "baselines" / "margins.toml")


def validator(name: str) -> Any:
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in PUBLISHED.iterdir()}
    registry = referencing.Registry().with_contents(schemas.items())
    return jsonschema.Draft202012Validator(schemas[f"{name}.schema.json"], registry=registry)


def as_json(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_current_and_valid(name: str) -> None:
    golden(f"{name}.schema.json", schema_text(name), PUBLISHED)
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name]())


def test_no_other_schema_is_published() -> None:
    assert {path.name for path in PUBLISHED.iterdir()} == {f"{name}.schema.json" for name in SCHEMAS}


@pytest.mark.parametrize("path", sorted((ROOT / "baselines").glob("*-*.json")), ids=lambda path: path.stem)
def test_the_repository_s_baselines_are_valid(path: Path) -> None:
    assert read_record(Baseline, path).subject.name == path.stem
    plain = shortened(json.loads(path.read_text(encoding="utf-8")))
    assert list(validator("baseline").iter_errors(plain)) == []


def test_the_repository_s_ledger_is_valid_and_of_the_pinned_reference() -> None:
    path = ROOT / "baselines" / "ledger.json"
    ledger = read_record(Ledger, path)
    assert list(validator("ledger").iter_errors(json.loads(path.read_text(encoding="utf-8")))) == []
    (lock,) = (ROOT / "baselines" / "reference").glob("*.txt")
    pinned = Side("reference", "", {}, packages=read_lock(lock.read_text(encoding="utf-8")).packages)
    assert {entry.reference for entry in ledger.entries} == {pinned.identity}
    assert pinned.identity in {entry.environment for entry in ledger.entries}


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.parent.name)
def test_the_published_paired_runs_and_their_verdicts_are_valid(path: Path) -> None:
    report = read_record(PairedRun, path)
    assert report.pairs
    plain = shortened(json.loads(path.read_text(encoding="utf-8")))
    assert list(validator("paired-run").iter_errors(plain)) == []
    told = as_json(verdict_json(judge_paired(report, MARGINS)))
    assert list(validator("verdict").iter_errors(told)) == []


def shortened(plain: Any) -> Any:
    """The same with three of each list's numbers, which are all of one schema: read_record has looked at each."""
    if isinstance(plain, dict):
        return {name: shortened(value) for name, value in plain.items()}
    if isinstance(plain, list):
        return [shortened(value) for value in (plain if any(isinstance(v, dict | list) for v in plain) else plain[:3])]
    return plain


def test_there_are_published_paired_runs_and_a_damaged_one_is_refused() -> None:
    plain = shortened(json.loads(REPORTS[0].read_text(encoding="utf-8")))
    del plain["pairs"][-1]["steps"][0]["order"]
    with pytest.raises(jsonschema.ValidationError, match="'order' is a required property"):
        validator("paired-run").validate(plain)


def test_runs_are_valid_with_numbers_that_json_lacks() -> None:
    wild = type(record())(**{**vars(record()), "losses": (float("nan"), float("inf"), float("-inf"))})
    assert list(validator("run").iter_errors(as_json(to_plain(run([wild, *records()]))))) == []
    assert list(validator("paired-run").iter_errors(as_json(to_plain(paired_run())))) == []
    assert list(validator("gate-run").iter_errors(as_json(to_plain(gate_run())))) == []
    assert list(validator("ledger").iter_errors(as_json(to_plain(STANDARDS.ledger)))) == []


def test_every_reason_is_valid() -> None:
    told = verdict([EXACT], warnings=REASONS)
    assert list(validator("verdict").iter_errors(as_json(verdict_json(told)))) == []


def test_verdicts_are_valid() -> None:
    judged = [
        upgrade(1.2),
        upgrade(1.05, 0.02),
        gate(),
        gate(1.2),
        gate(speed=False),
        judged_run(run(records())),
        judged_run(run([])),
    ]
    plain = [as_json(verdict_json(each.verdict)) for each in judged]
    assert list(validator("report").iter_errors(plain)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda plain: plain.update(outcome="not gated"), "'not gated' is not one of"),
        (lambda plain: plain.update(exit_code=2), "2 is not one of"),
        (lambda plain: plain.update(schema=1), "8 was expected"),
        (lambda plain: plain.pop("failures"), "'failures' is a required property"),
        (lambda plain: plain.update(added=1), "Additional properties are not allowed"),
        (lambda plain: plain["comparisons"][1]["interval"].update(low="low"), "is not valid under any"),
        (lambda plain: plain["comparisons"][0].pop("precision"), "'precision' is a required property"),
        (lambda plain: plain["comparisons"][0].update(reason="as a sentence"), "is not valid under any"),
        (lambda plain: plain["comparisons"][0]["reason"].update(kind="other"), "is not valid under any"),
        (lambda plain: plain["comparisons"][0]["reason"].pop("nearest"), "is not valid under any"),
        (lambda plain: plain["comparisons"][1]["metric"].update(unit="furlong"), "is not one of"),
    ],
)
def test_what_tfgate_does_not_write_is_refused(change: Any, said: str) -> None:
    plain = copy.deepcopy(as_json(verdict_json(upgrade(1.2).verdict)))
    change(plain)
    with pytest.raises(jsonschema.ValidationError, match=said):
        validator("verdict").validate(plain)


def test_a_run_of_another_schema_version_is_refused() -> None:
    plain = as_json(to_plain(run(records())))
    plain["schema"] = 99
    with pytest.raises(jsonschema.ValidationError, match="5 was expected"):
        validator("run").validate(plain)
