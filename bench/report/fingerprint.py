"""The fingerprints of two profiles, compared: as text and as plain data."""

import itertools
from collections.abc import Sequence
from typing import Any

from bench.profile.fingerprint import Difference, Fingerprint, compared, differences
from bench.record.codec import to_plain
from bench.report.text import WIDTH, table_text, wrapped
from bench.report.values import NOTHING

TOP = 8  # differences of a kind


def fingerprint_text(reference: Fingerprint, candidate: Fingerprint) -> str:
    """Returns what differs between two fingerprints, or that nothing does and what follows."""
    found = differences(reference, candidate)
    if not found:
        return wrapped(alike(reference, candidate), WIDTH)
    rows = [row for _, group in itertools.groupby(found, lambda one: one.kind) for row in _rows(list(group))]
    headers = ["execution fingerprint", "", "reference", "candidate"]
    table = table_text(headers, rows, ("left", "left", "right", "right"))
    same = [kind for kind in compared(reference, candidate) if kind not in {one.kind for one in found}]
    return "\n".join([table, *([f"alike: {', '.join(same)}"] if same else [])])


def alike(reference: Fingerprint, candidate: Fingerprint) -> str:
    """Returns what follows from fingerprints without a difference."""
    kinds = ", ".join([*compared(reference, candidate), "settings"])
    whole = "graph operations" in compared(reference, candidate)
    why = "a difference in time would come from the host, or from the layout in memory"
    why = why if whole else "a graph was not compared, so the sides may still execute different operations"
    return f"the same execution fingerprint ({kinds}): {why}"


def fingerprint_json(reference: Fingerprint, candidate: Fingerprint) -> dict[str, Any]:
    """Returns the kinds that were compared, and every difference."""
    found = to_plain(differences(reference, candidate))
    return {"compared": [*compared(reference, candidate), "settings"], "differences": found}


def _rows(found: Sequence[Difference]) -> list[list[str]]:
    """Returns the rows of one kind, its name in the first alone."""
    rows = [[one.name, shown(one.reference), shown(one.candidate)] for one in found[:TOP]]
    if len(found) > TOP:
        rows.append([f"{len(found) - TOP} others", "", ""])
    return [[found[0].kind if place == 0 else "", *row] for place, row in enumerate(rows)]


def shown(value: int | str | None) -> str:
    """Returns a side's value as text."""
    return NOTHING if value is None else str(value)
