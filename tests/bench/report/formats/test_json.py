"""JSON: numbers, names and enums, no sentence."""

import dataclasses
import json
from typing import Any

import pytest

from bench.judge.notices import LaunchFailed
from bench.judge.types import Verdict
from bench.report.formats.json import SCHEMA, render, verdict_json
from bench.report.sentences import sentence, why
from tests.builders.golden import golden
from tests.builders.reasons import REASONS
from tests.builders.verdicts import EXACT, LOAD, failed, gate, upgrade, verdict


def plain(of: Verdict) -> Any:
    return json.loads(json.dumps(verdict_json(of), allow_nan=False))


def test_the_whole_of_a_verdict() -> None:
    golden("report.json", render([upgrade(1.2, warnings=[LOAD])]))


def test_runs_keep_their_order() -> None:
    found = json.loads(render([upgrade(), upgrade(1.2), failed()]))
    assert [each["exit_code"] for each in found] == [0, 1, 4]


def test_a_reason_is_its_kind_and_parameters() -> None:
    failures = [LaunchFailed("oracle", None, "reference", "killed")]
    (failure,) = plain(verdict([EXACT], failures=failures))["failures"]
    parameters = {"where": "oracle", "launch": None, "side": "reference", "message": "killed"}
    assert failure == {"kind": "launch_failed", **parameters, "own_code": False}


def test_a_reason_within_a_reason_tells_its_kind() -> None:
    nested = next(reason for reason in REASONS if reason.kind == "reference_departs")
    (warning,) = plain(verdict([EXACT], warnings=[nested]))["warnings"]
    assert warning["candidate"]["kind"] == warning["reference"]["kind"] == "oracle_errors"


def test_numbers_that_json_lacks_are_words() -> None:
    reasons = [reason for reason in REASONS if reason.kind in {"not_a_number", "not_gated", "reference_diverged"}]
    found = plain(verdict([EXACT], warnings=reasons))["warnings"]
    assert [each.get("value", each.get("difference", each.get("loss"))) for each in found] == [
        "Infinity",
        0.0123,
        "NaN",
        "NaN",
    ]


@pytest.mark.parametrize("of", [gate(1.2).verdict, upgrade(1.2).verdict, failed().verdict])
def test_no_sentence_is_in_it(of: Verdict) -> None:
    text = json.dumps(plain(of))
    said = [why(one) for one in of.comparisons] + [sentence(reason) for reason in of.failures]
    assert not [each for each in said if each in text]


def test_the_rest_of_a_verdict() -> None:
    numbers = gate(speed=False).verdict
    found = plain(dataclasses.replace(numbers, failures=failed().verdict.failures))
    told = {name: found[name] for name in ("schema", "question", "outcome", "scope", "exit_code")}
    assert told == {
        "schema": SCHEMA,
        "question": "gate",
        "outcome": "MEASUREMENT FAILED",
        "scope": "numbers",
        "exit_code": 4,
    }
