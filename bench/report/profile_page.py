"""A profile, or two side by side, as an HTML page."""

from collections.abc import Sequence

from bench.profile.compare import compare
from bench.profile.fingerprint import Fingerprint, differences
from bench.profile.timeline import timeline
from bench.record.profile import Profile
from bench.report.fingerprint import alike, shown
from bench.report.pages import rendered
from bench.report.profile import caveats, comparison_heading, heading, notes, sortable
from bench.report.tables import Cell, Table
from bench.report.tables import differences as parts

FILE = "profile.html"


def profile_page(profiles: Sequence[Profile], fingerprints: Sequence[Fingerprint]) -> str:
    """Returns the page of one profile, or of a reference and a candidate with their fingerprints."""
    if len(profiles) == 1:
        (one,) = profiles
        times = timeline(one.trace)
        title, *lines = heading(one, times)
        return rendered("profile.html", title=title, lines=[*lines, *notes(one)], tables=sortable(one, times))
    reference, candidate = profiles
    found, executed = compare(reference, candidate), differences(*fingerprints)
    rows = tuple(
        (Cell(one.kind), Cell(one.name), Cell(shown(one.reference)), Cell(shown(one.candidate))) for one in executed
    )
    fingerprint = Table("Execution fingerprint", ("kind", "of", "reference", "candidate"), rows)
    return rendered(
        "profile.html",
        title=comparison_heading(reference, candidate, found),
        lines=[*caveats(found), *([] if executed else [alike(*fingerprints)])],
        tables=[*parts(found), *([fingerprint] if executed else [])],
    )
