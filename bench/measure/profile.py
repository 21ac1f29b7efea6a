"""Profiles one target inside a measured environment: timed without the profiler before and after it is recorded; then read."""

import time
from pathlib import Path
from typing import Any

from bench.measure.xspace import trace_of
from bench.record.profile import Dump, Profiled, Trace, Traces, flaw

WARM_UP = (
    5  # calls, after which tracing and the choice of kernels are over; TensorFlow warns of retracing from the fifth
)


def profile(trainer: Any, name: str, batch: Any, other: Any, steps: int, folder: Path, *, detailed: bool) -> Profiled:
    """Takes `steps` steps of a target under the profiler, and as many without, half of them before and half after.

    The steps are on `batch`; the warm-up is on `other`, too: what is traced for each batch shows. The raw trace stays below `folder`.
    Raises ValueError for an unknown target and for a trace that lacks something, ProfilerError where TensorFlow can't profile, or traces
    meanwhile.
    """
    from lm.hot_paths import graphs, profiler
    from lm.hot_paths.roofline import matmul_flops_per_second
    from lm.hot_paths.targets import target

    rate = matmul_flops_per_second(trainer.device)
    with profiler.retracing_messages() as messages:
        called = target(trainer, name, batch, other)
        for arguments in called.others:
            called.run_with(arguments)
        for _ in range(WARM_UP):
            called.run()
        plain = [_timed(called) for _ in range(steps // 2)]
        traced = called.function.experimental_get_tracing_count()
        with profiler.recording(folder, detailed=detailed):
            profiled = []
            for number in range(steps):
                with profiler.step_window(number):
                    profiled.append(_timed(called))
        again = called.function.experimental_get_tracing_count() - traced
        if again:
            raise profiler.ProfilerError(
                f"{name} was traced {again} times while it was recorded; give it the same types each step"
            )
        plain += [_timed(called) for _ in range(steps - len(plain))]
    function = called.function
    traces = Traces(int(function.experimental_get_tracing_count()), profiler.signatures(function), tuple(messages))
    graph = graphs.graph_of(function, called.arguments)
    space = profiler.read_xspace(profiler.recorded_file(folder))
    trace = trace_of(space, profiler.WINDOW, graphs.product_flops(graph))
    require_complete(trace, steps, trainer.device)
    dump = Dump(str(graph), graphs.node_lines(graph), *graphs.hlo_of(called.body, called.arguments))
    return Profiled(trace, tuple(plain), tuple(profiled), traces, dump, rate)


def require_complete(trace: Trace, steps: int, device: str) -> None:
    """Raises ValueError for a trace that lacks steps, or all that happened in them, or all of the GPU that took them."""
    problem = flaw(trace)
    if len(trace.windows_ns) < steps:
        problem = f"it holds {len(trace.windows_ns)} of {steps} steps: profile fewer, or the buffer overflows"
    elif "gpu" in device.lower() and not any(line.device for line in trace.lines):
        problem = f"it holds nothing of {device}: this TensorFlow can't reach the GPU's profiler (CUPTI)"
    if problem:
        raise ValueError(f"the trace is incomplete: {problem}")


def _timed(called: Any) -> float:
    """Wall seconds of a call, to the end of what it asked of its device."""
    started = time.perf_counter()
    called.run()
    return time.perf_counter() - started
