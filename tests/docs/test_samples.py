"""Samples of published runs in the documentation are what `tfgate check` prints today."""

from collections.abc import Sequence

import pytest

from bench.commands.stored import read_folder, read_report
from bench.commands.verdicts import judged
from bench.report.brief import brief_text
from bench.report.judged import names
from tests.docs.markdown import ROOT, code_blocks

SAMPLES = {"README.md": "upgrade-2.15.1-2.16.2", "docs/tutorials/upgrade.md": "upgrade-2.20.0-2.21.0"}
LEFT_OUT = "…"


def strangers(shown: Sequence[str], printed: Sequence[str]) -> list[str]:
    """Returns the lines that are shown and not printed in that order. The prompt and what is left out don't count."""
    ahead = iter(printed)
    lines = [line for line in shown if line.strip() not in ("", LEFT_OUT) and not line.startswith("$ ")]
    return [line for line in lines if line not in ahead]


def printed(run: str) -> list[str]:
    report = read_report(str(ROOT / "reports" / "published" / run))
    found = judged(report, read_folder(ROOT / "baselines"))
    return brief_text(found.verdict, names=names(found)).splitlines()


@pytest.mark.parametrize(("document", "run"), SAMPLES.items())
def test_a_sample_is_what_is_printed(document: str, run: str) -> None:
    blocks = code_blocks((ROOT / document).read_text(encoding="utf-8"))
    (sample,) = [block.text.splitlines() for block in blocks if "PASS: " in block.text]
    assert strangers(sample, printed(run)) == []


def test_other_lines_and_another_order_are_found() -> None:
    assert strangers(["$ tfgate check RUN", "a", "…", "c"], ["a", "b", "c"]) == []
    assert strangers(["a", "d"], ["a", "b", "c"]) == ["d"]
    assert strangers(["c", "a"], ["a", "b", "c"]) == ["a"]
