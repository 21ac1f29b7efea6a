"""Text that came from elsewhere, made safe to print."""

ASCII = str.maketrans(
    {"≤": "<=", "≥": ">=", "±": "+-", "×": "x", "–": "-", "−": "-", "→": "->", "…": "...", "·": "|"}
    | {"µ": "u", "✔": "v", "✖": "x", "▲": "^", "ℹ": "i"}  # of outcomes: see bench.report.grids
    | {"┊": ":", "│": "|", "━": "=", "●": "o"}  # of a plot: see bench.report.strip
)


def like_ascii(error: UnicodeError) -> tuple[str, int]:
    """Replaces what an encoding can't hold, by its like in ASCII where there is one: a handler of codecs' errors."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end].translate(ASCII)
    return found.encode("ascii", "replace").decode(), error.end


def printable(text: str) -> str:
    """Returns the text with a blank in place of each control character, such as terminal escapes, line ends and
    bidirectional overrides.
    """
    return "".join(character if character.isprintable() else " " for character in text)


def one_line(text: str) -> str:
    """Returns the text as one line without control characters, its words apart by one blank."""
    return " ".join(printable(text).split())
