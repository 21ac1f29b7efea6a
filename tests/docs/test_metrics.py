"""docs/metrics.md is what the judge's table and the margins file say today."""

import dataclasses

from bench.judge.margins import read_margins
from bench.judge.metrics import NAMES
from tests.docs.metrics import MARGINS, OUTPUT, reference


def test_the_page_is_current() -> None:
    said = "python -m tests.docs.metrics writes it anew"
    assert OUTPUT.read_text(encoding="utf-8") == reference(read_margins(MARGINS)), said


def test_every_metric_is_in_it() -> None:
    assert [name for name in NAMES if f"\n| {name} | " not in reference(read_margins(MARGINS))] == []


def test_another_margin_is_another_page() -> None:
    """A log ratio of log(1.05) is shown as 5%, a growth in bytes with its unit, and what isn't gated as a dash."""
    margins = dataclasses.replace(
        read_margins(MARGINS),
        gating={"step_time": 0.05, "memory_growth": {"tiny": 2048}},
        without_pilot={},
        workloads={"rebuild": {"memory_growth": {"tiny": 1024}}},
    )
    page = reference(margins)
    assert "| step time | 5.0% | 5.0% | 5.0% | 5.0% | 5.0% |" in page
    assert "| memory growth | 2.0 KiB/step | – | – | – | – |" in page
    assert "- `rebuild`: memory growth 1.0 KiB/step (`tiny`)\n" in page
