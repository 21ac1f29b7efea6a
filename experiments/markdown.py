"""The Markdown that experiments write into documents: what is measured. Everything else is written in the document."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tabulate import tabulate

from bench.record.files import write_text

END = "<!-- end -->\n"


def table(rows: Iterable[Sequence[object] | Mapping[str, object]], headers: Sequence[str] = "keys") -> str:
    """Returns a table with aligned columns. Rows without `headers` are dicts by column."""
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


def filled(document: str, made: Mapping[str, str]) -> str:
    """Returns a document with other text between `<!-- NAME -->` and the end mark after it, by name.

    Raises ValueError unless it has each name once.
    """
    for name, text in made.items():
        begin = f"<!-- {name} -->\n"
        before, _, rest = document.partition(begin)
        if begin in rest or END not in rest:
            raise ValueError(f"a document must have one {begin.strip()}, and {END.strip()} after it")
        document = f"{before}{begin}\n{text.strip()}\n\n{END}{rest.partition(END)[2]}"
    return document


def fill(path: Path, made: Mapping[str, str]) -> None:
    """Fills a document; one that isn't there holds nothing else. Raises ValueError as `filled` does, OSError."""
    empty = "".join(f"<!-- {name} -->\n{END}" for name in made)
    write_text(path, filled(path.read_text(encoding="utf-8") if path.exists() else empty, made), replace=True)
