"""The verdict as a badge: what shields.io's endpoint reads (https://shields.io/badges/endpoint-badge)."""

import json
from collections.abc import Sequence

from bench.report.headlines import scope_text
from bench.report.judged import Judged, worst
from bench.stats.outcome import Outcome

FILE = "badge.json"
COLORS = {
    Outcome.PASS: "brightgreen",
    Outcome.REGRESSION: "red",
    Outcome.INCONCLUSIVE: "yellow",
    Outcome.FAILED: "lightgrey",
}


def render(judged: Sequence[Judged]) -> str:
    """Returns the badge of the worst verdict: its outcome, and what was measured where that isn't all.

    Of several that are as bad, the first of which not all was measured is told.
    """
    outcome = worst(each.verdict for each in judged).outcome
    scopes = (scope_text(each.verdict) for each in judged if each.verdict.outcome is outcome)
    message = f"{outcome.value}{next(filter(None, scopes), '')}"
    badge = {"schemaVersion": 1, "label": "tfgate", "message": message, "color": COLORS[outcome]}
    return json.dumps(badge, ensure_ascii=False, indent=1) + "\n"
