"""Text that came from elsewhere, made safe to print."""

ASCII = str.maketrans({"≤": "<=", "≥": ">=", "±": "+-", "×": "x", "–": "-", "−": "-", "→": "->", "…": "..."})


def printable(text: str, encoding: str) -> str:
    """Returns the text with what an encoding can't hold replaced, by its like in ASCII where there is one."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(ASCII).encode(encoding, "replace").decode(encoding)
    return text


def one_line(text: str) -> str:
    """Returns the text as one line without control characters, such as terminal escapes and bidirectional overrides."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
