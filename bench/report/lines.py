"""Text that came from elsewhere, made safe to print."""


def one_line(text: str) -> str:
    """Returns the text as one line without control characters, such as terminal escapes and bidirectional overrides."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
