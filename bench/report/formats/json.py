"""Verdicts as JSON: numbers, names and enums, and no sentence but a survey's notes.

docs/schema/verdict.schema.json describes a verdict.
"""

import dataclasses
import enum
import json
from collections.abc import Sequence
from typing import Any

from bench.judge.reasons import Reason
from bench.judge.survey import Row, Surveyed
from bench.judge.types import Verdict
from bench.record.codec import to_plain
from bench.report.judged import Judged
from bench.report.survey import notes

FILE = "report.json"
# 8: source and case of oracle_errors, whose steps are checked, and answers the source.
# 7: the outcome "MEASUREMENT FAILED" of a verdict, which was INCONCLUSIVE; no one_side_alone; of_report
# in the place of a field `report`; fails_sometimes.
# 6: unpromised's refused, others and error; kinds, not_finite and own_code; not_accepted, foreign_reference, unmoved.
# 5: without too_large, no_stored_speed's instead, graph_changes' counted and lockstep_agrees' overhead.
# 4: as 3; outcomes by the launches that a PASS takes.
# 3: numbers and reasons of a kind in the place of texts.
# 2: a verdict's scope.
SCHEMA = 8


def render(judged: Sequence[Judged]) -> str:
    """Returns the runs' verdicts as a list, in their order."""
    return json.dumps([verdict_json(each.verdict) for each in judged], allow_nan=False, indent=1) + "\n"


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Returns a verdict as plain data of the published schema."""
    plain = _plain(verdict)
    return {"schema": SCHEMA, "exit_code": verdict.exit_code, "outcome": verdict.outcome.value, **plain}


def survey_json(found: Surveyed) -> dict[str, Any]:
    """Returns a survey as plain data: what was asked, the verdicts of every release, and the notes of its page."""
    chapters = [{"name": one.name, "releases": [_release(row) for row in one.rows]} for one in found.chapters]
    asked = to_plain(found.survey)
    return {"exit_code": found.exit_code, "survey": asked, "chapters": chapters, "notes": notes(found)}


def render_survey(found: Surveyed) -> str:
    """Returns the same as text."""
    return json.dumps(survey_json(found), allow_nan=False, indent=1) + "\n"


def _release(row: Row) -> dict[str, Any]:
    pairs = {"before": row.before, "fixed": row.fixed}
    compared = {
        name: {"reference": pair.reference} | verdict_json(pair.verdict) if pair else None
        for name, pair in pairs.items()
    }
    return {"name": row.release, "left_out": row.left_out, "complete": row.complete, **compared}


def _plain(value: object) -> Any:
    """Returns dicts, lists, strings and numbers that stand for a value; a reason tells its kind."""
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value):
        kind = {"kind": value.kind} if isinstance(value, Reason) else {}
        return kind | {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else to_plain(value)
