"""Text made safe to print."""

import pytest

from bench.report.lines import one_line


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
