"""A fault is caught where it reaches, and changes nothing where it doesn't: what the catalogue says of each
implementation is true.
"""

import dataclasses
import functools
import itertools
from pathlib import Path

import pytest

from bench.drive.plan import Plan
from lm.config import IMPLEMENTATIONS
from tests.builders.records import standards
from tests.faults.hook.injected.registry import FAULTS, NO_FAULT
from tests.faults.trial import PLAN, catches, run_fault

STEPS = 12  # and the stress steps
# tests/faults/test_faults.py has the table's own.
OTHERS = [name for name in IMPLEMENTATIONS if name != PLAN.implementation]
CASES = list(itertools.product(sorted(FAULTS), OTHERS))


def plan_of(fault: str, implementation: str) -> Plan:
    """Returns a plan with steps enough to be wrong."""
    first = FAULTS[fault].first_step
    return dataclasses.replace(PLAN, steps=first + 3 if first else STEPS, implementation=implementation)


@functools.cache
def clean_losses(python: str, plan: Plan) -> tuple[float, ...]:
    return run_fault(NO_FAULT.name, python, plan).record.losses


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "implementation"), CASES)
def test_a_fault_is_caught_if_and_only_if_it_reaches(newest_python: Path, fault: str, implementation: str) -> None:
    python, plan = str(newest_python), plan_of(fault, implementation)
    trial = run_fault(fault, python, plan)
    reached = implementation in FAULTS[fault].reaches
    assert bool(catches(trial, standards())) == reached
    if not reached:
        assert trial.record.losses == clean_losses(python, plan)  # to the last bit
