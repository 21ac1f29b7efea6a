"""Text that came from elsewhere, made safe to print."""


def one_line(text: str) -> str:
    """The text as one line without control characters: terminal escapes and bidirectional overrides are among them."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
