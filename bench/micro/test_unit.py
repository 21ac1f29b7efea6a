"""A unit of each workload that --workload names, as blocks in turn time it; `tfgate upgrade` judges the answers."""

import itertools
import math
from typing import Any

from bench.micro.answers import WrongAnswerError
from lm.config import IMPLEMENTATIONS, config_by_name
from lm.workloads.parts.unit import Unit
from lm.workloads.protocol import Opening
from lm.workloads.registry import workload

WARM_UP, ROUNDS = 5, 16


def test_unit(benchmark: Any, unit: tuple[str, str], device: str, about: dict[str, Any]) -> None:
    """Times units one after another; what a unit reads is prepared outside the timing."""
    name, config = unit
    work = workload(name).open(Opening(config_by_name(config), device, 0, IMPLEMENTATIONS[0], "synthetic"))
    for begin in (work.build, work.trace, work.start):
        begin()
    path, numbers, found = Unit(work), itertools.count(), list[float]()

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (work.prepare(next(numbers)),), {}

    def timed(prepared: Any) -> None:
        found.append(path(prepared))

    for _ in range(WARM_UP):
        timed(*setup()[0])
    benchmark.pedantic(timed, setup=setup, rounds=ROUNDS)
    if wrong := [value for value in found if not math.isfinite(value)]:
        raise WrongAnswerError(f"a unit of {name} comes to {wrong[0]}: it isn't timed")
    benchmark.extra_info.update(about, fingerprint=work.fingerprint, words=work.tokens)
