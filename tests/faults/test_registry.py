"""The catalogue: well named, and unknown to the code that has to find its faults."""

import re
from pathlib import Path

import pytest

from lm.config import IMPLEMENTATIONS
from tests.faults.hook.injected.registry import FAMILIES, FAULTS, NO_FAULT, OF_OWN, OF_WORKLOADS, fault_by_name
from tests.faults.trial import PLAN

ROOT = Path(__file__).resolve().parents[2]


def test_names_are_words_joined_by_hyphens_and_no_two_are_alike() -> None:
    names = [fault.name for family in FAMILIES for fault in family.FAULTS] + [*OF_WORKLOADS, *OF_OWN]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9.]+(-[a-z0-9.]+)*", name) for name in names)


def test_every_fault_reaches_the_implementation_of_the_table_and_none_that_there_is_not() -> None:
    """tests/faults/test_reach.py shows the others."""
    for fault in FAULTS.values():
        assert PLAN.implementation in fault.reaches, fault.name
        assert set(fault.reaches) <= set(IMPLEMENTATIONS), fault.name


@pytest.mark.parametrize("package", ["bench", "lm"])
def test_no_fault_is_known_outside_the_tests(package: str) -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / package).rglob("*.py")))
    assert "TFGATE_FAULT" not in code
    assert [name for name in (*FAULTS, *OF_WORKLOADS, *OF_OWN) if name in code] == []


def test_the_fault_that_is_none_is_found_by_name_and_not_in_the_catalogue() -> None:
    assert fault_by_name("none") is NO_FAULT
    assert NO_FAULT.name not in FAULTS


def test_an_unknown_fault_is_refused_by_name() -> None:
    with pytest.raises(
        ValueError, match=r"no fault is called 'nought'; there are none, learning-rate-plus-1-percent, "
    ):
        fault_by_name("nought")
