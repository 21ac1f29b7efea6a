"""Formats are found by their modules."""

from pathlib import Path

import pytest

from bench.report import formats, registry
from tests.builders.verdicts import stored

FILES = {
    "badge": "badge.json",
    "dotenv": "verdict.env",
    "html": "report.html",
    "json": "report.json",
    "junit": "junit.xml",
    "markdown": "report.md",
    "pytest-benchmark": "benchmark.json",
}


def test_every_format_has_its_file() -> None:
    found = {name: registry.find(name).FILE for name in registry.names()}
    assert FILES.items() <= found.items()
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.usefixtures("undrawn")
def test_every_format_renders_a_run(name: str) -> None:
    assert registry.find(name).render([stored()])


def test_a_new_file_is_a_new_format(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = 'FILE = "count.txt"\n\n\ndef render(judged):\n    return str(len(judged))\n'
    (tmp_path / "head_count.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(tmp_path)])
    assert "head-count" in registry.names()
    assert registry.find("head-count").FILE == "count.txt"
    assert registry.find("head-count").render([stored(), stored()]) == "2"
