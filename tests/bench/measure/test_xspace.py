"""Reading a trace, on traces made by hand: a host's, and a device's, which this machine may not have."""

from typing import Any

import pytest

from bench.measure.xspace import trace_of
from bench.record.profile import Operation, PeakMemory, Trace

pytestmark = pytest.mark.tensorflow
STEP = "step"


def space() -> Any:
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    return xplane_pb2.XSpace()


def add(
    space: Any,
    plane_name: str,
    line_name: str,
    events: list[tuple[str, int, int, dict[str, Any]]],
    timestamp_ns: int = 0,
) -> None:
    """Adds a line of events: (name, start and end in ns, statistics).

    TensorFlow stores strings in either of two ways: operations here by reference, others as they are.
    """
    plane = next((plane for plane in space.planes if plane.name == plane_name), None) or space.planes.add(
        name=plane_name
    )
    line = plane.lines.add(name=line_name, timestamp_ns=timestamp_ns)
    for name, start, end, statistics in events:
        number = len(plane.event_metadata) + 1
        plane.event_metadata[number].name = name
        event = line.events.add(metadata_id=number, offset_ps=1000 * start, duration_ps=1000 * (end - start))
        for statistic, value in statistics.items():
            place = len(plane.stat_metadata) + 1
            plane.stat_metadata[place].name = statistic
            stored = event.stats.add(metadata_id=place)
            if statistic == "tf_op":
                stored.ref_value = place + 1
                plane.stat_metadata[place + 1].name = value
            elif isinstance(value, str):
                stored.str_value = value
            else:
                stored.int64_value = value


def test_events_are_read_on_one_clock_with_what_they_are_events_of() -> None:
    """The step begins at 100 on the trace's clock: zero. The worker's line counts from 50. A mere count is no event."""
    made = space()
    add(made, "/host:CPU", "python", [(STEP, 100, 200, {}), ("KernelAndDeviceFunc::Run", 110, 190, {})])
    add(
        made,
        "/host:CPU",
        "worker",
        [("dense/MatMul:MatMul", 70, 120, {}), ("ExecutorState::Process", 65, 125, {})],
        timestamp_ns=50,
    )
    made.planes[0].lines[1].events.add(metadata_id=1, num_occurrences=3, duration_ps=80_000)
    trace = trace_of(made, STEP, {"dense/MatMul": 64})
    assert trace.windows_ns == ((0, 100),)
    assert trace.operations == (
        Operation("KernelAndDeviceFunc::Run", ""),
        Operation("ExecutorState::Process", ""),
        Operation("dense/MatMul", "MatMul", 64),
    )  # fmt: skip
    python, worker = trace.lines
    assert (python.name, python.python, python.device) == ("python", True, False)
    assert (worker.operations, worker.starts_ns, worker.durations_ns) == ((1, 2), (15, 20), (60, 50))
    assert not worker.python


def test_a_kernel_of_an_inlined_function_finds_its_node() -> None:
    made = space()
    inlined = "rnn/while/body/_1/rnn/while/lstm_cell/MatMul"
    add(
        made,
        "/host:CPU",
        "python",
        [(STEP, 0, 100, {}), (f"{inlined}:_MklMatMul", 0, 10, {}), (f"{inlined}:Mul", 20, 30, {})],
    )
    trace = trace_of(made, STEP, {"rnn/while/lstm_cell/MatMul": 8})
    # An elementwise kernel of that name is no product.
    assert [operation.flops for operation in trace.operations] == [8, 0]


def test_a_devices_kernels_go_by_their_operation() -> None:
    made = space()
    add(made, "/host:CPU", "python", [(STEP, 0, 100, {})])
    kernels = [("ampere_sgemm_128x64_tn", 10, 60, {"tf_op": "dense/MatMul:MatMul"}), ("MemcpyD2H", 70, 80, {})]
    add(made, "/device:GPU:0", "Stream #13(Compute)", kernels)
    add(made, "/device:GPU:0", "XLA Modules", [("the same once more", 10, 60, {})])
    trace = trace_of(made, STEP, {})
    (line,) = trace.lines
    assert (line.name, line.device) == ("/device:GPU:0 Stream #13(Compute)", True)
    assert trace.operations == (Operation("dense/MatMul", "MatMul"), Operation("MemcpyD2H", "MemcpyD2H"))


def test_what_happened_outside_the_steps_is_left_out() -> None:
    made = space()
    add(
        made,
        "/host:CPU",
        "python",
        [(STEP, 100, 200, {}), ("a:A", 0, 90, {}), ("b:B", 90, 110, {}), ("c:C", 210, 220, {})],
    )
    assert [operation.name for operation in trace_of(made, STEP, {}).operations] == ["b"]


def test_memory_at_its_peak_is_told_by_operation() -> None:
    """a takes 10 and frees them, b takes 20, c takes 30: most, 55 with the 5 from before, is held after c."""

    def allocation(time: int, name: str, address: int, size: int, in_use: int) -> tuple[str, int, int, dict[str, Any]]:
        held = {
            "allocator_name": "cpu",
            "tf_op": name,
            "addr": address,
            "allocation_bytes": size,
            "bytes_allocated": in_use,
        }
        return "MemoryAllocation", time, time, held

    freed = ("MemoryDeallocation", 20, 20, {"allocator_name": "cpu", "addr": 1, "bytes_allocated": 5})
    made = space()
    events = [allocation(10, "a", 1, 10, 15), freed, allocation(30, "b", 3, 20, 25), allocation(40, "c", 2, 30, 55)]
    add(made, "/host:CPU", "python", [(STEP, 0, 100, {}), *events])
    assert trace_of(made, STEP, {}).memory == (PeakMemory("cpu", 55, {"c": 30, "b": 20}),)


@pytest.mark.parametrize("events", [[], [("a:A", 0, 10, {})]])
def test_without_steps_a_trace_is_empty(events: list[tuple[str, int, int, dict[str, Any]]]) -> None:
    made = space()
    add(made, "/host:CPU", "python", events)
    assert trace_of(made, STEP, {}) == Trace((), (), (), ())
