"""Launches that failed once: a failure counts when it happens again."""

from bench.record.paired import Pair
from bench.record.types import Record


def settled_records(records: tuple[Record, ...]) -> tuple[list[Record], list[str]]:
    """Temporary."""
    return list(records), []


def settled_pairs(pairs: tuple[Pair, ...]) -> tuple[list[Pair], list[str]]:
    """Temporary."""
    return list(pairs), []
