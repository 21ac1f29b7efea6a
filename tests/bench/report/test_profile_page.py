"""A profile's page has every row; that of two has what differs in what they execute, or says that nothing does."""

import html

from bench.profile.fingerprint import Fingerprint
from bench.report.profile import TOP
from bench.report.profile_page import profile_page
from tests.builders.profiles import two_operations
from tests.builders.traces import profile, trace

MS = 1_000_000
SAME = Fingerprint({"graph operations": {"MatMul": 1}}, {}, {"threads": "2"})
OTHER = Fingerprint({"graph operations": {"_FusedMatMul": 1}}, {}, {"threads": "2"})


def test_one_profile_has_every_row() -> None:
    """More than the table on a terminal has."""
    events = [(f"a{number}:Kind{number}", number * MS, (number + 1) * MS) for number in range(TOP + 5)]
    page = profile_page([profile(trace({"worker": events}, [(0, 25 * MS)]), 0.025)], [])
    assert all(f">Kind{number}<" in page for number in range(TOP + 5))
    assert page.count('<td class="number" data-key="1.0">1.000</td>') >= 2 * (TOP + 5)  # ms, thread ms
    assert "traced once" in page


def test_two_profiles_have_their_difference_and_fingerprints() -> None:
    sides = [two_operations(6 * MS, 2 * MS), two_operations(7 * MS, 2 * MS)]
    page = html.unescape(profile_page(sides, [SAME, OTHER]))
    assert "9.000 ms a step instead of 8.000, +12.5%" in page
    assert "Execution fingerprint" in page
    assert "_FusedMatMul" in page
    alike = html.unescape(profile_page(sides, [SAME, SAME]))
    assert "Execution fingerprint" not in alike
    assert "the same execution fingerprint (graph operations, settings)" in alike


def test_names_are_escaped() -> None:
    page = profile_page([two_operations(6 * MS, 2 * MS, prefix="<b>")], [])
    assert "<b>" not in page
    assert "&lt;b&gt;MatMul" in page
