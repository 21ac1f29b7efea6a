"""Profiles of a step of two operations, and what stands for the process that makes one."""

from pathlib import Path

from bench.drive.plan import Plan
from bench.drive.profile import PROFILE_FILE
from bench.profile.timeline import WAITING
from bench.record.files import write_record
from bench.record.paired import Side
from bench.record.profile import Profile
from tests.builders.traces import profile, trace


def two_operations(product: int, addition: int, prefix: str = "") -> Profile:
    """A step of a product in `dense` and an addition in `rnn`, in ns; recording cost nothing."""
    end = product + addition
    events = [(f"dense/MatMul:{prefix}MatMul", 0, product), ("rnn/add:Add", product, end)]
    return profile(trace({"python": [(WAITING, 0, end)], "worker": events}, [(0, end)]), end / 1e9)


def made_profile(plan: Plan, target: str, side: Side, folder: Path, **asked: object) -> Profile:
    """Stands for bench.drive.profile.run_profile."""
    made = two_operations(1_000_000, 2_000_000)
    write_record(folder / PROFILE_FILE, made)
    return made
