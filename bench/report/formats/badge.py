"""The verdict as a badge: what shields.io's endpoint reads (https://shields.io/badges/endpoint-badge)."""

import json
from collections.abc import Sequence

from bench.report.headlines import FAILED, outcome_word, scope_text
from bench.report.judged import Judged, worst
from bench.stats.outcome import Outcome

FILE = "badge.json"
COLORS = {
    Outcome.PASS.value: "brightgreen",
    Outcome.REGRESSION.value: "red",
    Outcome.INCONCLUSIVE.value: "yellow",
    FAILED: "lightgrey",
}


def render(judged: Sequence[Judged]) -> str:
    """Returns the badge of the worst verdict: its outcome, and what was measured where that isn't all."""
    verdict = worst(each.verdict for each in judged)
    word = outcome_word(verdict)
    badge = {"schemaVersion": 1, "label": "tfgate", "message": f"{word}{scope_text(verdict)}", "color": COLORS[word]}
    return json.dumps(badge, ensure_ascii=False, indent=1) + "\n"
