"""Fingerprints compared, as text and for programs."""

import json

from bench.profile.fingerprint import Fingerprint
from bench.report.fingerprint import TOP, fingerprint_json, fingerprint_text
from tests.builders.golden import golden

SETTINGS = {"threads": "2", "oneDNN": "v2.7.3"}
KERNELS = {"MatMul": 26e3, "Add": 3e3}  # nanoseconds
ONE = Fingerprint({"graph operations": {"MatMul": 3, "Add": 2}, "HLO operations": {"dot": 3}}, KERNELS, SETTINGS)
OTHER = Fingerprint(
    {"graph operations": {"MatMul": 7} | {f"Kind{number}": 1 for number in range(TOP)}, "HLO operations": {"dot": 3}},
    {"Add": 4e3},
    {"threads": "2", "oneDNN": "v3.7.3\x1b[31m"},
)


def test_differences_are_a_table_the_largest_first() -> None:
    golden("fingerprint.txt", f"{fingerprint_text(ONE, OTHER)}\n\n{fingerprint_text(ONE, ONE)}")


def test_programs_get_every_difference() -> None:
    plain = json.loads(json.dumps(fingerprint_json(ONE, OTHER), allow_nan=False))
    assert plain["compared"] == ["graph operations", "HLO operations", "kernels", "settings"]
    first = {"kind": "graph operations", "name": "MatMul", "reference": 3, "candidate": 7}
    assert (plain["differences"][0], len(plain["differences"])) == (first, TOP + 4)
    assert fingerprint_json(ONE, ONE)["differences"] == []


def test_equal_settings_alone_explain_nothing() -> None:
    """Of most workloads there is no graph to compare."""
    alone = Fingerprint({}, {}, SETTINGS)
    assert "may still execute different operations" in " ".join(fingerprint_text(alone, alone).split())
    assert "from the host" in " ".join(fingerprint_text(ONE, ONE).split())
