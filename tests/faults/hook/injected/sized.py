"""Faults of a known size that leave the numbers right: a step that takes longer, memory that is kept, slow tracing, a
clock that runs fast.

Not in the catalogue: they are what speed and memory are judged by (experiments/rates.py).
"""

import functools
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .fault import Fault, calling, replaced

NAME = re.compile(r"(slower|calls-slower|own-slower|larger|growing|tracing|clock)-by-(\d+(?:\.\d+)?)")


def sized_by_name(name: str) -> Fault | None:
    """Returns the fault called slower-by-0.10, calls-slower-by-0.40, own-slower-by-0.10, larger-by-0.20,
    growing-by-8192, tracing-by-0.50 or clock-by-0.05; None for a name of another form.
    """
    found = NAME.fullmatch(name)
    return KINDS[found[1]](name, float(found[2])) if found else None


def _slower(name: str, part: float) -> Fault:
    """Returns a step that takes 1 + `part` times as long: busy work inside TensorFlow's own call of its function.

    On a CPU the call returns when the step is done, so its time is known.
    """
    return Fault(name, f"the training step takes {part:.1%} longer", calling(longer(part)))


def _calls_slower(name: str, part: float) -> Fault:
    """Returns functions that take 1 + `part` times as long, of whichever workload; what they call doesn't once more."""
    return Fault(name, f"each tf.function takes {part:.1%} longer", calling(longer(part), _is_outermost))


def _own_slower(name: str, part: float) -> Fault:
    """Returns a unit of a user's own model that takes 1 + `part` times as long."""
    busy = longer(part)

    def do(original: Any, *given: Any) -> Any:
        return busy(None, functools.partial(original, *given))

    module = "lm.workloads.parts.own_work"
    return Fault(name, f"a unit takes {part:.1%} longer", replaced(f"{module}:Work", "do", do), module)


def _larger(name: str, part: float) -> Fault:
    """Returns a first step that keeps `part` of the memory that its process has then (RssAnon)."""
    kept: list[bytes] = []

    def make(_: Any, call: Callable[[], Any]) -> Any:
        if not kept:
            kept.append(b"x" * int(part * _anonymous_bytes()))
        return call()

    return Fault(name, f"the first step keeps {part:.1%} more memory", calling(make))


def _growing(name: str, size: float) -> Fault:
    """Returns a step that keeps `size` bytes each time."""
    kept: list[bytes] = []

    def make(_: Any, call: Callable[[], Any]) -> Any:
        kept.append(b"x" * int(size))
        return call()

    return Fault(name, f"each step keeps {size:g} bytes", calling(make))


def _tracing(name: str, part: float) -> Fault:
    """Returns a training step whose tracing takes 1 + `part` times as long."""
    patch = calling(longer(part), method="get_concrete_function")
    return Fault(name, f"tracing takes {part:.1%} longer", patch)


def _clock(name: str, part: float) -> Fault:
    """Returns a clock by which all takes 1 + `part` times as long: exactly so, unlike busy work."""

    def patch() -> None:
        clock = time.perf_counter
        began = clock()
        time.perf_counter = lambda: began + (1 + part) * (clock() - began)

    return Fault(name, f"the clock runs {part:.1%} fast", patch)


KINDS = {
    "slower": _slower,
    "calls-slower": _calls_slower,
    "own-slower": _own_slower,
    "larger": _larger,
    "growing": _growing,
    "tracing": _tracing,
    "clock": _clock,
}


def _is_outermost(function: Any) -> bool:
    """Returns False while a function is traced, which calls others."""
    from tensorflow.python.framework import ops

    return not ops.inside_function()


def longer(part: float) -> Callable[[Any, Callable[[], Any]], Any]:
    """Returns what makes a call take 1 + `part` times as long."""

    def make(_: Any, call: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = call()
        end = started + (1 + part) * (time.perf_counter() - started)
        while time.perf_counter() < end:
            pass
        return result

    return make


def _anonymous_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return 1024 * int(found[1]) if found else 0
