"""Command lines without some of their options."""

from bench.record.command_lines import words_without


def test_options_are_left_out_with_their_values() -> None:
    words = ("tfgate", "upgrade", "--from", "2.20.0", "--output", "out", "--output=out", "--json", "--to=2.21.0")
    assert words_without(words, ("--output",), ("--json",)) == ["tfgate", "upgrade", "--from", "2.20.0", "--to=2.21.0"]
