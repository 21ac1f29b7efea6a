"""Workloads as parameters of tests."""

from collections.abc import Collection
from typing import Any

import pytest

from lm.workloads.registry import names, workload


def answering(slow: Collection[str] = ()) -> list[Any]:
    """Returns the names of the workloads that have cases; those that take much memory are slow, too."""
    found = {name: workload(name) for name in names() if workload(name).cases}
    return [
        pytest.param(name, marks=[pytest.mark.slow] * (one.memory_gib > 0 or name in slow))
        for name, one in found.items()
    ]
