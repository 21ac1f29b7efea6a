"""Relative links in the documentation lead to files and headings that are there."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.docs.markdown import ROOT, anchors, documents, links

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")


def broken(path: Path, root: Path = ROOT) -> list[str]:
    """The links of a document that lead nowhere, or out of the checkout, each with its line."""
    found = []
    for link in links(path.read_text(encoding="utf-8")):
        target, _, anchor = unquote(link.text).partition("#")
        place = (path.parent / target).resolve() if target else path
        if SCHEME.match(link.text):
            continue
        if not place.exists() or not place.is_relative_to(root):
            found.append(f"line {link.line}: {link.text}")
        elif anchor and anchor not in anchors(place.read_text(encoding="utf-8")):
            found.append(f"line {link.line}: {link.text} (no such heading)")
    return found


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    assert broken(path) == []


def test_every_document_is_reached_from_the_readme() -> None:
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        if path not in reached:
            reached.add(path)
            targets = [
                (path.parent / link.text.partition("#")[0]).resolve()
                for link in links(path.read_text(encoding="utf-8"))
            ]
            ahead += [target for target in targets if target.suffix == ".md" and target.is_file()]
    assert [path for path in documents() if path.is_relative_to(ROOT / "docs") and path not in reached] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](b.md)", []),
        ("[a](b.md#the-second-part)", []),
        ("[a](#here)\n\n# Here", []),
        ("[a](https://example.org/x.md)", []),
        ("`[a](nowhere.md)`", []),
        ("[a](nowhere.md)", ["line 1: nowhere.md"]),
        ("Text.\n\n![a](nowhere.png)", ["line 3: nowhere.png"]),
        ("| a |\n| - |\n| [b](nowhere.md) |", ["line 3: nowhere.md"]),
        ("[a](b.md#third)", ["line 1: b.md#third (no such heading)"]),
        ("[a](#there)\n\n# Here", ["line 1: #there (no such heading)"]),
        ("[a](../outside.md)", ["line 1: ../outside.md"]),
        ("[a][b]\n\n[b]: nowhere.md", ["line 1: nowhere.md"]),
    ],
)
def test_a_link_that_leads_nowhere_is_found(tmp_path: Path, text: str, found: list[str]) -> None:
    root = tmp_path / "checkout"
    root.mkdir()
    (tmp_path / "outside.md").touch()
    (root / "b.md").write_text("# The first\n\n## The *second* part!\n".replace("*", ""), encoding="utf-8")
    (root / "a.md").write_text(text, encoding="utf-8")
    assert broken(root / "a.md", root) == found
