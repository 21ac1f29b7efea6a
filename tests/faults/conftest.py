"""Skips a test of a fault below Python where nothing can build it."""

import shutil

import pytest

from tests.faults.hook.injected.registry import FAULTS
from tests.faults.native.library import COMPILER


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips by the name of the fault that a test is given."""
    given = item.callspec.params.get("fault") if isinstance(item, pytest.Function) and hasattr(item, "callspec") else ""
    if given in FAULTS and FAULTS[given].library and not shutil.which(COMPILER):
        pytest.skip(f"no {COMPILER} to build {given}")
