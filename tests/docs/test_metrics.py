"""docs/metrics.md is what the judge's table and the margins file say today."""

import dataclasses

from bench.judge.margins import read_margins
from bench.judge.metrics import NAMES
from experiments.markdown import filled
from tests.docs.metrics import MARGINS, OUTPUT, made


def test_the_page_is_current() -> None:
    page = OUTPUT.read_text(encoding="utf-8")
    assert page == filled(page, made(read_margins(MARGINS))), "python -m tests.docs.metrics fills it in anew"


def test_every_metric_is_in_it() -> None:
    found = made(read_margins(MARGINS))["launch by launch"]
    assert [name for name in NAMES if f"\n| {name} | " not in found] == []


def test_another_margin_is_another_page() -> None:
    """A log ratio of log(1.05) is shown as 5%, a growth in bytes with its unit, and what isn't gated as a dash."""
    margins = dataclasses.replace(
        read_margins(MARGINS),
        gating={"step_time": 0.05, "memory_growth": {"tiny": 2048}},
        without_pilot={},
        workloads={"rebuild": {"memory_growth": {"tiny": 1024}}},
    )
    found = made(margins)
    assert "| step time | 5.0% | 5.0% | 5.0% | 5.0% | 5.0% |" in found["the training step"]
    assert "| memory growth | 2.0 KiB/step | – | – | – | – |" in found["the training step"]
    assert "- `rebuild`: memory growth 1.0 KiB/step (`tiny`)" in found["other workloads"].splitlines()
