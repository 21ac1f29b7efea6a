"""Command lines, as reports keep them."""

from collections.abc import Collection, Sequence

# Words that change nothing of what is measured: those with a value, and those that stand alone.
WITH_VALUE = ("--output", "--cluster")
TOLD = ("--json", "--quiet")
ALONE = ("--resume", "--summary", "--verbose", "--blame", "--profile", *TOLD)


def words_without(words: Sequence[str], with_value: Collection[str], alone: Collection[str]) -> list[str]:
    """Returns a command's words without some options: those with a value, and those that stand alone."""
    left, found = list(words), []
    while left:
        word = left.pop(0)
        if word in with_value and left:
            left.pop(0)
        elif word not in alone and word.partition("=")[0] not in with_value:
            found.append(word)
    return found
