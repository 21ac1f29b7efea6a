"""The words of a page are the glossary's."""

import re

import pytest

from bench.judge.history import histories, report_points
from bench.judge.metrics import NAMES, NUMERICS, RETRACES
from bench.report import registry
from bench.report.formats.html import render
from bench.report.history import history_page
from bench.report.terms import GLOSSARY, METRICS, OUTCOMES, PAGES, TERMS
from bench.stats.outcome import Outcome
from tests.builders.reports import paired_report, pairs
from tests.builders.surveys import RELEASES, surveyed
from tests.builders.verdicts import upgrade
from tests.docs.markdown import ROOT


def entries() -> dict[str, str]:
    """The glossary's entries, without emphasis."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").translate({ord(mark): None for mark in "*`"})
    lines = [" ".join(entry.split()) for entry in text.split("\n- ")[1:]]
    return dict(line.split(": ", 1) for line in lines)


def test_a_page_says_what_the_glossary_says() -> None:
    found = entries()
    assert [word for word, said in GLOSSARY.items() if not found[word].startswith(said)] == []
    assert not found["oracle"].startswith(GLOSSARY["lockstep"])


def test_every_metric_of_launches_is_explained() -> None:
    assert METRICS.keys() == {*NAMES, NUMERICS.name, RETRACES.name}


def test_every_outcome_is_explained() -> None:
    assert {*OUTCOMES} <= {one.value for one in Outcome} <= TERMS.keys()


def test_words_that_a_template_explains_have_an_explanation() -> None:
    templates = (ROOT / "bench" / "report" / "templates").glob("*.html")
    words = {word for path in templates for word in re.findall(r'term\("(.+?)"\)', path.read_text(encoding="utf-8"))}
    assert {"margin"} < words <= TERMS.keys()


def page_of(kind: str) -> str:
    """A page of each kind."""
    if kind == "report":
        return render([upgrade()])
    if kind == "survey":
        return registry.render_survey("html", surveyed(dict.fromkeys(RELEASES, 0.0)))
    reports = [report_points(f"report-{day}", paired_report(pairs(1), f"2026-01-{day:02}")) for day in (1, 2)]
    return history_page(histories(reports), len(reports), [])


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.usefixtures("undrawn")
def test_every_page_lists_its_words_and_each_tip_leads_to_one(kind: str) -> None:
    page = page_of(kind)
    tips, words = set(re.findall(r'href="#(word-[^"]+)"', page)), re.findall(r'<dt id="(word-[^"]+)">', page)
    assert tips
    assert tips <= set(words)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r' id="([^"]+)"', page))
    assert len(words) == len(set(words)) == len(PAGES[kind])
    assert all(f"<dd>{TERMS[word].replace(chr(39), '&#39;')}</dd>" in page for word in PAGES[kind])
