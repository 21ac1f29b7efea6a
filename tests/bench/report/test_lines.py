"""Text made safe to print."""

import codecs

import pytest

from bench.report.grids import IMPROVED
from bench.report.headlines import GLYPHS
from bench.report.lines import like_ascii, one_line, printable
from bench.stats.outcome import Outcome


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain text – σ² × 2", "plain text – σ² × 2"),
        ("two\nlines\r\nand\ttabs", "two lines and tabs"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("a\u202eb\u2028c\x00d\x9bm", "a b c d m"),
        ("  much   space  ", "much space"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert one_line(text) == line


def test_what_is_to_be_pasted_keeps_its_blanks() -> None:
    assert printable("tfgate check 'a  b\x1b[0m\n'") == "tfgate check 'a  b [0m '"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "≤ ±2 × σ² … ┊━●│"), ("ascii", "<= +-2 x ?? ... :=o|"), ("latin-1", "<= ±2 × ?² ... :=o|")],
)
def test_what_an_encoding_lacks_is_replaced(encoding: str, shown: str) -> None:
    codecs.register_error("like-ascii", like_ascii)
    assert "≤ ±2 × σ² … ┊━●│".encode(encoding, "like-ascii").decode(encoding) == shown


def test_outcomes_differ_in_ascii() -> None:
    """A table of a survey has nothing else to tell them by."""
    codecs.register_error("like-ascii", like_ascii)
    signs = [*GLYPHS.values(), IMPROVED]
    assert len({sign.encode("ascii", "like-ascii") for sign in signs}) == len(signs)
    assert GLYPHS[Outcome.INCONCLUSIVE].encode("ascii", "like-ascii") == b"?"
