"""The site is made of the documentation as it is: every page has its place, and links lead where they lead here."""

import re

import pytest

from tests.docs.markdown import ROOT, documents
from tests.docs.site import linked, site_path, tables

URL = "https://example.org/tfgate"
PAGES = {path.relative_to(ROOT / "docs").as_posix() for path in documents() if path.is_relative_to(ROOT / "docs")}


def placed(config: str) -> list[str]:
    """Returns the files that mkdocs.yml names in its nav."""
    return re.findall(r"(?m)^ +- .*: (\S+\.(?:md|html))$", config.partition("\nnav:\n")[2])


def test_every_page_has_its_place_in_the_nav() -> None:
    found = placed((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    assert len(found) == len(set(found))
    reports = {f"published/{path.parent.name}/{path.name}" for path in (ROOT / "reports").glob("published/*/*.html")}
    assert set(found) == PAGES | reports | {"index.md"}


def test_a_page_without_one_is_found() -> None:
    assert placed("a: b.md\nnav:\n  - Start: index.md\n  - More:\n      - 'One: two': c/d.md\n") == [
        "index.md",
        "c/d.md",
    ]


@pytest.mark.parametrize(
    ("link", "source", "led"),
    [
        ("gate.md#the-ledger", "docs/faq.md", "gate.md#the-ledger"),
        ("../gate.md", "docs/tutorials/ci.md", "../gate.md"),
        ("docs/gate.md", "README.md", "gate.md"),
        ("../README.md#use", "docs/commands.md", "index.md#use"),
        ("../../README.md", "docs/tutorials/ci.md", "../index.md"),
        ("schema/run.schema.json", "docs/format.md", "schema/run.schema.json"),
        ("ARCHITECTURE.md", "README.md", f"{URL}/blob/HEAD/ARCHITECTURE.md"),
        ("../CONTRIBUTING.md#baselines", "docs/ci-here.md", f"{URL}/blob/HEAD/CONTRIBUTING.md#baselines"),
        ("../bench/stats", "docs/statistics.md", f"{URL}/tree/HEAD/bench/stats"),
        ("tutorials/", "docs/commands.md", f"{URL}/tree/HEAD/docs/tutorials"),
        (
            "../reports/published/upgrade-2.18.1-2.20.0/report.md",
            "docs/recall.md",
            "published/upgrade-2.18.1-2.20.0/report.html",
        ),
        (
            "../reports/published/upgrade-2.18.1-2.20.0/report.html",
            "docs/recall.md",
            "published/upgrade-2.18.1-2.20.0/report.html",
        ),
        ("#here", "docs/faq.md", "#here"),
        ("https://example.org/x.md", "docs/faq.md", "https://example.org/x.md"),
    ],
)
def test_a_link_leads_to_the_same_on_the_site(link: str, source: str, led: str) -> None:
    assert linked(f"See [it]({link}).", source, URL) == f"See [it]({led})."


def test_what_is_not_in_docs_is_not_on_the_site() -> None:
    assert site_path("docs/nowhere.md") == ""
    assert site_path("bench/cli.py") == ""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (r"| `a\|b` | a\|b |", r"| `a|b` | a\|b |"),  # outside of code the bar would end the cell
        (r"Text with `a\|b`.", r"Text with `a\|b`."),
    ],
)
def test_code_in_a_table_has_its_bars(line: str, shown: str) -> None:
    assert tables(line) == shown
