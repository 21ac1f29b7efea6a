"""Profiles of a step of two operations."""

from bench.profile.timeline import WAITING
from bench.record.profile import Profile
from tests.builders.traces import profile, trace


def two_operations(product: int, addition: int, prefix: str = "") -> Profile:
    """A step of a product in `dense` and an addition in `rnn`, in ns; recording cost nothing."""
    end = product + addition
    events = [(f"dense/MatMul:{prefix}MatMul", 0, product), ("rnn/add:Add", product, end)]
    return profile(trace({"python": [(WAITING, 0, end)], "worker": events}, [(0, end)]), end / 1e9)
