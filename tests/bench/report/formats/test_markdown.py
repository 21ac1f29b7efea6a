"""Markdown against golden files, and rendered: names from a run stay text. `TFGATE_GOLDEN=write` writes them anew."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from bench.report.formats.markdown import escaped, markdown
from bench.report.judged import Judged
from bench.report.lines import one_line
from tests.bench.report.formats.test_html import hostile, hostile_upgrade
from tests.builders.verdicts import HOSTILE, gate, hostile_gate, upgrade

GOLDEN = Path(__file__).parent / "golden"
ZERO_WIDTH_SPACE = "\u200b"


def rendered(text: str) -> list[tuple[str, str]]:
    """(type, content) of every token of a line within a list's item."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(f"- {text}")
    inline = [child for token in tokens if token.children for child in token.children]
    blocks = [(token.type, "") for token in tokens if not token.children and not token.type.endswith("_close")]
    return blocks + [(child.type, child.content) for child in inline]


@pytest.mark.parametrize(
    ("name", "judged"),
    [("summary", upgrade(1.2, warnings=["load: 3.00 processes ran besides"])), ("gate", gate())],
    ids=["summary", "gate"],
)
def test_against_a_golden_file(name: str, judged: Judged) -> None:
    text, path = markdown([judged]), GOLDEN / f"{name}.md"
    if os.environ.get("TFGATE_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_several_runs_follow_each_other_each_with_its_scope() -> None:
    lines = markdown([upgrade(), upgrade(1.2), gate(speed=False)]).splitlines()
    assert [line for line in lines if line.startswith("###")] == [
        "### ✔ PASS",
        "### ✖ REGRESSION",
        "### ✔ PASS (numbers only; speed not measured)",
    ]


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "# heading",
        "- list",
        "+68.7%",
        "12. item",
        "1) item",
        "=== ",
        "> quote",
        "| cell |",
        "`code` **bold** _it_ ~~gone~~ $x$ \\",
        "[a](b) ![c](d) <b>e</b> &lt;",
        "    indented code",
        "---",
    ],
)
def test_text_stays_text(text: str) -> None:
    tokens = [token for token in rendered(escaped(text)) if token[0] != "text_special"]
    assert {kind for kind, _ in tokens} == {"bullet_list_open", "list_item_open", "paragraph_open", "text"}
    shown = "".join(content for _, content in tokens).replace(ZERO_WIDTH_SPACE, "")
    assert shown == one_line(text)


@pytest.mark.parametrize(
    "text", ["@everyone", "#12", "GH-12", "http://owned.example", "www.owned.example", "a@owned.example"]
)
def test_nothing_that_a_service_makes_a_link_of_is_left_whole(text: str) -> None:
    assert text not in escaped(text)
    assert escaped(text).replace("&#8203;", "") == text


@pytest.mark.parametrize("of", [hostile, hostile_upgrade, hostile_gate])
def test_hostile_names_leave_every_table_whole(of: Callable[[], Judged]) -> None:
    lines = markdown([of()]).splitlines()
    widths = {line.replace("\\|", "").count("|") for line in lines if line.startswith("|")}
    assert widths == {10, 4}  # of nine columns and of three
    assert not [line for line in lines if "<script" in line or "\x1b" in line or "\u202e" in line]
