"""The Markdown of documents that experiments write."""

import textwrap
from collections.abc import Iterable, Sequence

from tabulate import tabulate


def table(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """Returns a table with aligned columns."""
    text: str = tabulate(rows, headers, "github", disable_numparse=True)
    return text


def bare_table(rows: Iterable[Sequence[str]], headers: Sequence[str]) -> str:
    """Returns a table without padding, whose lines change only where its cells do; it ends with a newline."""
    return "".join(f"| {' | '.join(line)} |\n" for line in (headers, ["---"] * len(headers), *rows))


def folded(item: str) -> str:
    """Wraps an item of a list at the documents' 120 columns."""
    return textwrap.fill(item, 120, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def paragraph(text: str) -> str:
    """Wraps a paragraph at the documents' 120 columns."""
    return textwrap.fill(text, 120, break_on_hyphens=False)
