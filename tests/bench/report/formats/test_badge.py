"""A badge says no more than the verdict."""

import json

import pytest

from bench.report.formats.badge import render
from bench.report.judged import Judged
from tests.builders.verdicts import failed, gate, upgrade


@pytest.mark.parametrize(
    ("judged", "message", "color"),
    [
        ([upgrade()], "PASS", "brightgreen"),
        ([upgrade(1.2)], "REGRESSION", "red"),
        ([upgrade(1.05, 0.02)], "INCONCLUSIVE", "yellow"),
        ([failed()], "MEASUREMENT FAILED", "lightgrey"),
        ([upgrade(), upgrade(1.2)], "REGRESSION", "red"),  # the worst
        ([gate(speed=False)], "PASS (numbers only; speed not measured)", "brightgreen"),
        # No wider than the narrowest, in either order.
        ([upgrade(), gate(speed=False)], "PASS (numbers only; speed not measured)", "brightgreen"),
        ([gate(speed=False), upgrade()], "PASS (numbers only; speed not measured)", "brightgreen"),
        ([gate(speed=False), upgrade(1.2)], "REGRESSION", "red"),
    ],
)
def test_it_has_the_worst_outcome_and_what_was_measured(judged: list[Judged], message: str, color: str) -> None:
    badge = json.loads(render(judged))
    assert badge == {"schemaVersion": 1, "label": "tfgate", "message": message, "color": color}
