"""Markdown, rendered: names from a run stay text."""

import dataclasses
from collections.abc import Callable

import pytest
from markdown_it import MarkdownIt

from bench.report.formats.markdown import HEADERS, PLOT_WIDTH, code, escaped, render, render_survey
from bench.report.judged import Judged
from bench.report.lines import one_line, printable
from bench.report.precision import CATCHES, RATES, TRUST
from bench.report.precision import HEADERS as PRECISION_HEADERS
from tests.builders.golden import golden
from tests.builders.surveys import survey, surveyed
from tests.builders.verdicts import EXACT, HOSTILE, HOSTILE_REPORTS, LOAD, failed, gate, paired_run, upgrade, verdict

ZERO_WIDTH_SPACE = "\u200b"


def rendered(text: str) -> list[tuple[str, str]]:
    """(type, content) of every token of a line within a list's item."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(f"- {text}")
    inline = [child for token in tokens if token.children for child in token.children]
    blocks = [(token.type, "") for token in tokens if not token.children and not token.type.endswith("_close")]
    return blocks + [(child.type, child.content) for child in inline]


def test_wording() -> None:
    golden("report.md", render([upgrade(1.2, warnings=[LOAD]), gate(), gate(speed=False), failed()]))


def test_what_decides_stands_first_in_the_table() -> None:
    rows = [line.split(" | ") for line in render([gate(1.2)]).splitlines() if line.startswith("| ✖")]
    table = [line for line in render([gate(1.2)]).splitlines() if line.startswith("| ")]
    assert [row[1] for row in rows] == ["step time", "evaluation step", "step time since 2.20.0"]
    assert [line.split(" | ") for line in table[2:5]] == rows


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


@pytest.mark.parametrize("of", HOSTILE_REPORTS)
def test_hostile_names_leave_every_table_whole(of: Callable[[], Judged]) -> None:
    lines = render([of()]).splitlines()
    widths = {line.replace("\\|", "").count("|") for line in lines if line.startswith("|")}
    # Of all metrics and, where launches were compared, of the sides' differences and of the precision.
    assert widths - {4, len(PRECISION_HEADERS) + 1} == {len(HEADERS) + 1}
    assert not [line for line in lines if "\x1b" in line or "\u202e" in line]
    scripts = [rendered(line) for line in lines if "<script" in line]
    assert not [kind for tokens in scripts for kind, _ in tokens if kind.startswith("html")]


def test_what_gates_by_an_interval_has_a_plot_whose_ends_no_renderer_trims() -> None:
    text = render([gate(1.2)])
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith(("| ✔", "| ✖", "| ℹ"))]
    plots = {row[1]: row[HEADERS.index("in margins")] for row in rows}
    assert {name for name, plot in plots.items() if plot} >= {"perplexity", "step time", "peak memory"}
    assert not {name for name, plot in plots.items() if plot} & {"numerics", "retraces", "cpu time", "words/s"}
    assert {len(plot) for plot in plots.values()} == {0, len("``") + PLOT_WIDTH}
    assert not [plot for plot in plots.values() if " " in plot]
    assert "In margins: " in text
    alone = upgrade()
    exact = dataclasses.replace(alone, verdict=verdict([EXACT]))
    assert ("In margins: " in render([alone]), "In margins: " in render([exact])) == (True, False)


@pytest.mark.parametrize(("judged", "told"), [(gate(), RATES), (gate(speed=False), CATCHES)], ids=["gate", "numbers"])
def test_why_to_trust_it_is_told(judged: Judged, told: str) -> None:
    text = render([judged])
    assert f"\n#### {TRUST}\n\n{escaped(told)}" in text


def test_the_command_is_quoted_for_a_shell() -> None:
    """It can be pasted: an address in it is no link, and blanks stay."""
    spaced = dataclasses.replace(paired_run(), command=("tfgate", "upgrade", "--from", "a  b", "--to", "http://c"))
    assert "by: `tfgate upgrade --from 'a  b' --to http://c " in render([dataclasses.replace(upgrade(), run=spaced)])
    found = surveyed({"a  b": 0.0, "c": 0.1}, survey(("a  b", "c")))
    assert "by: `tfgate survey --from 'a  b' --to c --speed-only --as-of 2026-01-02T00:00:00Z`" in render_survey(found)


@pytest.mark.parametrize("text", ["@everyone #1 http://a  b", "`a`", "a ``` b ` c", "a\nb", HOSTILE])
def test_code_is_shown_as_it_is(text: str) -> None:
    assert rendered(code(text))[-1] == ("code_inline", printable(text))
