"""Profiles one target inside a measured environment, and times it without the profiler before and after."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure.xspace import trace_of
from bench.record.profile import CALL_MARK, Dump, Profiled, Trace, Traces, flaw

if TYPE_CHECKING:
    from lm.hot_paths.paths import HotPath
    from lm.workloads.parts.unit import Unit
    from lm.workloads.protocol import Work

    Called = HotPath | Unit

# Calls, after which tracing and the choice of kernels are over; TensorFlow warns of retracing from the fifth.
WARM_UP = 5
BATCHES = 8  # that are taken in turn: `predict-shapes` has a length for each


def profile(work: "Work", name: str, batches: Sequence[Any], steps: int, folder: Path) -> Profiled:
    """Takes `steps` steps of a target under the profiler, and as many without, half of them before and half after.

    The steps take the batches in turn, each of which the warm-up has met. The raw trace stays below `folder`. Raises
    ValueError for a trace that lacks something, ProfilerError where TensorFlow can't profile, or traces meanwhile.
    """
    from lm.hot_paths import graphs, paths, profiler
    from lm.hot_paths.roofline import matmul_flops_per_second

    rate = matmul_flops_per_second(work.device)
    path, given = _target(work, name, *batches)
    with profiler.retracing_messages() as messages:
        for arguments in given:
            path.run(arguments)
        in_turn = [given[number % len(given)] for number in range(steps)]  # the same, with the profiler and without
        plain = [_timed(path, arguments) for arguments in in_turn[: steps // 2]]
        traced = path.traces
        with profiler.recording(folder):
            profiled = []
            for number, arguments in enumerate(in_turn):
                with profiler.step_window(number):
                    profiled.append(_timed(path, arguments))
        again = path.traces - traced
        if again:
            raise profiler.ProfilerError(
                f"{name} was traced {again} times while it was recorded; give it the same types each step"
            )
        plain += [_timed(path, arguments) for arguments in in_turn[len(plain) :]]
    signatures: tuple[str, ...] = ()
    flops, dump = {}, Dump("", "", "", "a unit of this workload is not a graph of its own")
    if isinstance(path, paths.HotPath):
        graph = graphs.graph_of(path.function, given[0])
        signatures, flops = profiler.signatures(path.function), graphs.product_flops(graph)
        dump = Dump(str(graph), graphs.node_lines(graph), *graphs.hlo_of(path.body, given[0]))
    space = profiler.read_xspace(profiler.recorded_file(folder))
    trace = trace_of(space, profiler.WINDOW, flops)
    require_complete(trace, steps, work.device)
    traces = Traces(path.traces, signatures, tuple(messages))
    return Profiled(trace, tuple(plain), tuple(profiled), traces, dump, rate)


def call(work: "Work", name: str, batch: Any) -> None:
    """Calls a target once after a mark on standard output, where oneDNN tells what it runs; traced and warm before."""
    path, (arguments,) = _target(work, name, batch)
    for _ in range(WARM_UP):
        path.run(arguments)
    os.write(1, f"{CALL_MARK}\n".encode())  # not print: oneDNN writes past Python's buffer
    path.run(arguments)


def _target(work: "Work", name: str, *batches: Any) -> "tuple[Called, list[Any]]":
    """Returns a target with its arguments for each batch. Work without training steps has one, its unit: "step"."""
    from lm.hot_paths import paths
    from lm.workloads.parts.unit import Unit

    trainer = getattr(work, "trainer", None)
    if not trainer:
        return Unit(work), [(batch,) for batch in batches]
    return paths.hot_path(trainer, name), [paths.arguments(trainer, name, batch) for batch in batches]


def require_complete(trace: Trace, steps: int, device: str) -> None:
    """Raises ValueError for a trace with a flaw, or that lacks steps or all events of the GPU that took them."""
    problem = flaw(trace)
    if len(trace.windows_ns) < steps:
        problem = f"it holds {len(trace.windows_ns)} of {steps} steps, as its buffer is limited: give fewer --steps"
    elif not problem and device.startswith("gpu") and not any(line.device for line in trace.lines):
        problem = f"it holds nothing of {device}: this TensorFlow can't reach the GPU's profiler (CUPTI)"
    if problem:
        raise ValueError(f"the trace is incomplete: {problem}")


def _timed(path: "Called", arguments: Sequence[Any]) -> float:
    """Returns the wall seconds of a call, until its device is done."""
    started = time.perf_counter()
    path.run(arguments)
    return time.perf_counter() - started
