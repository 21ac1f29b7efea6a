"""Lines of prose in the documentation end at 120 columns, as those of the code do."""

from pathlib import Path

import pytest

from tests.docs.markdown import PARSER, ROOT, documents

COLUMNS = 120


def too_long(text: str) -> list[str]:
    """Returns the lines of prose that are too long. Code blocks and tables may be, and a line of one word, a link."""
    fences = [range(*token.map) for token in PARSER.parse(text) if token.type == "fence" and token.map]
    return [
        f"line {number + 1}"
        for number, line in enumerate(text.splitlines())
        if len(line) > COLUMNS
        and len(line.split()) > 1
        and not line.lstrip().startswith("|")
        and not any(number in fence for fence in fences)
    ]


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_ends_at_120_columns(path: Path) -> None:
    assert too_long(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Text.\n\n- " + "word " * 24, ["line 3"]),  # 2 + 5 · 24 = 122 columns
        ("word " * 24, []),
        ("word\n" + "w" * 121, []),
        ("| a |\n| - |\n| " + "word " * 24 + "|", []),
        ("- An item:\n\n  ```sh\n  " + "word " * 24 + "\n  ```\n", []),
    ],
)
def test_a_line_that_is_too_long_is_found(text: str, found: list[str]) -> None:
    assert too_long(text) == found
