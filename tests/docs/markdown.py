"""The content of a Markdown file, by markdown-it: code blocks, inline code, links and anchors."""

import dataclasses
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
PARSER = MarkdownIt("commonmark").enable("table")


@dataclasses.dataclass(frozen=True)
class Piece:
    """A piece of a document."""

    line: int  # from 1: where the block begins that holds it
    text: str
    language: str = ""  # of a code block


def documents(root: Path = ROOT) -> list[Path]:
    """Every Markdown file of the checkout."""
    others = [*(root / "experiments").glob("*.md"), root / "reports" / "README.md"]
    return sorted([*root.glob("*.md"), *(root / "docs").rglob("*.md"), *others])


def code_blocks(text: str) -> list[Piece]:
    """The fenced blocks."""
    return [Piece(_line(token), token.content, token.info.strip()) for token in _parsed(text) if token.type == "fence"]


def inline_code(text: str) -> list[Piece]:
    """Returns the text between backticks in prose and in tables."""
    return [Piece(line, token.content) for line, token in _inline(text) if token.type == "code_inline"]


def links(text: str) -> list[Piece]:
    """Where links and images lead."""
    found = ((line, token.attrGet("href") or token.attrGet("src")) for line, token in _inline(text))
    return [Piece(line, str(target)) for line, target in found if target]


def anchors(text: str) -> set[str]:
    """Returns the names that a link may end in, as code hosts make them of headings: lower case, hyphens."""
    tokens = _parsed(text)
    headings = [tokens[index + 1].content for index, token in enumerate(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@functools.cache  # of a document by several tests
def _parsed(text: str) -> list[Token]:
    return PARSER.parse(text)


def _inline(text: str) -> Iterator[tuple[int, Token]]:
    line = 1
    for block in _parsed(text):
        line = _line(block) if block.map else line  # a table's cells have none: their row's
        for token in block.children or ():
            yield line, token


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1
