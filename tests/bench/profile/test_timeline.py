"""Each instant of a step has its owners, and all of them add up to the step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.profile.timeline import EXECUTOR, IDLE, PYTHON, WAITING, Timeline, steady, timeline
from tests.builders.traces import Happened, trace

# A `model.predict` of Keras 3 under TensorFlow 2.16.2, in µs: some of the events that the profiler recorded.
PREDICT = [
    ("tf.function-graph_building", 1_201, 3_475),
    ("EagerLocalExecute: MapDataset", 3_646, 4_250),
    ("tf.function-graph_building", 5_015, 8_274),
    ("TFE_Py_FastPathExecute_C", 15_420, 22_778),
    ("EagerLocalExecute: MakeIterator", 15_430, 22_775),
    ("KernelAndDeviceFunc::Run", 15_436, 22_774),
    ("MakeIterator::RootDataset", 15_473, 22_762),
    ("EagerLocalExecute: __inference_one_step_on_data_distributed_556", 23_760, 24_441),
    ("KernelAndDeviceFunc::Run", 23_780, 24_439),
    ("EagerLocalExecute: MakeIterator", 24_636, 31_706),
    ("KernelAndDeviceFunc::Run", 24_640, 31_705),
]
RUN, SCHEDULING = (WAITING, 0, 100), "ExecutorState::Process"


def shares(times: Timeline) -> dict[str, tuple[float, int, int]]:
    """(shared, own, calls) by operation."""
    return {cell.operation.name: (cell.shared_ns, cell.thread_ns, cell.calls) for cell in times.cells}


def test_a_nested_operation_takes_its_time_from_the_one_around_it() -> None:
    """100 of the outer, of which 20 to 50 is the inner's."""
    times = timeline(trace({"python": [RUN], "worker": [("outer:A", 0, 100), ("inner:B", 20, 50)]}, [(0, 100)]))
    assert shares(times) == {"outer": (70, 70, 1), "inner": (30, 30, 1)}
    assert times.rest_ns == {EXECUTOR: 0, PYTHON: 0, IDLE: 0}


def test_threads_share_an_instant_and_keep_their_own_time() -> None:
    """A alone for 50, then A and B for 50: 50 + 25 and 25."""
    times = timeline(trace({"python": [RUN], "one": [("a:A", 0, 100)], "two": [("b:B", 50, 100)]}, [(0, 100)]))
    assert shares(times) == {"a": (75, 100, 1), "b": (25, 50, 1)}


def test_what_no_operation_takes_is_the_executors_then_idle_while_python_waits_else_pythons() -> None:
    """Python to 10; the executor from 10 to 30 without the operation's 20 to 30; nobody from 60 to 90; Python again."""
    lines = {"python": [(WAITING, 10, 90)], "worker": [(SCHEDULING, 10, 40), ("a:A", 20, 60)]}
    times = timeline(trace(lines, [(0, 100)]))
    assert shares(times) == {"a": (40, 40, 1)}
    assert times.rest_ns == {PYTHON: 20, EXECUTOR: 10, IDLE: 30}
    assert times.rest_events == {PYTHON: 1, EXECUTOR: 1, IDLE: 0}


def test_the_executor_may_work_on_python_s_thread() -> None:
    times = timeline(trace({"python": [(SCHEDULING, 20, 90)]}, [(0, 100)]))
    assert times.rest_ns == {EXECUTOR: 70, PYTHON: 30, IDLE: 0}


def test_what_python_does_outside_the_graph_has_its_own_rows() -> None:
    """7,345 + 7,070 for the two iterators, 2,274 + 3,259 for two traces. The wait for the function stays idle's, and a
    graph's operation or the executor on another thread has its instants first: 100 and 200 off the first iterator.
    """
    worker = [("a:A", 16_000, 16_100), (SCHEDULING, 17_000, 17_200)]
    times = timeline(trace({"python": PREDICT, "worker": worker}, [(0, 32_522)]))
    assert {cell.operation.kind: (cell.shared_ns, cell.calls) for cell in times.cells} == {
        "A": (100, 1),
        "eager MakeIterator": (14_415 - 300, 2),
        "eager MapDataset": (604, 1),
        "tf.function-graph_building": (5_533, 2),
    }
    assert times.rest_ns == {EXECUTOR: 200, IDLE: 659, PYTHON: 32_522 - 14_415 - 604 - 5_533 - 659}


def test_an_operation_that_only_waits_for_others_has_no_time() -> None:
    times = timeline(
        trace({"python": [RUN, ("call:StatefulPartitionedCall", 0, 100)], "worker": [("a:A", 0, 80)]}, [(0, 100)])
    )
    assert shares(times) == {"a": (80, 80, 1)}
    assert times.rest_ns[EXECUTOR] == 20


def test_a_device_has_its_instants_before_the_host() -> None:
    """The host launches from 0 to 40, the device works from 20 to 90."""
    lines = {"python": [RUN], "worker": [("a:A", 0, 40)], "/device:GPU:0 stream": [("a:A", 20, 90)]}
    times = timeline(trace(lines, [(0, 100)]))
    assert [(cell.line, cell.shared_ns, cell.thread_ns) for cell in times.cells] == [
        ("worker", 20, 40),
        ("/device:GPU:0 stream", 70, 70),
    ]
    assert times.rest_ns[IDLE] == 10


def test_events_that_overlap_without_nesting_are_the_later_ones() -> None:
    """0 to 60 and 40 to 100 on one line, as TensorFlow 2.12 has it for what ends on another thread."""
    times = timeline(trace({"python": [RUN], "worker": [("a:A", 0, 60), ("b:B", 40, 100)]}, [(0, 100)]))
    assert shares(times) == {"a": (40, 40, 1), "b": (60, 60, 1)}


def test_an_event_is_cut_to_the_step_and_counts_where_it_begins() -> None:
    times = timeline(trace({"python": [(WAITING, 0, 300)], "worker": [("a:A", 50, 150)]}, [(100, 200)]))
    assert shares(times) == {"a": (50, 50, 0)}
    assert sum(times.rest_ns.values()) + 50 == 100


def test_the_fastest_and_the_slowest_quarter_do_not_count() -> None:
    windows = [(0, 10), (20, 1020), (2000, 2100), (3000, 3102)]
    times = timeline(trace({"python": [(WAITING, 0, 4000)]}, windows))
    assert (times.steps, times.window_ns) == (2, 100 + 102)
    assert steady([5, 1, 4, 3, 2]) == [2, 3, 4]
    assert steady([2, 1]) == [1, 2]


EVENTS = st.tuples(st.sampled_from(["a:A", "b/c:B", "call:While", SCHEDULING]), st.integers(0, 120), st.integers(0, 60))


@given(st.lists(st.lists(EVENTS, max_size=12), max_size=4), st.lists(EVENTS, max_size=3))
def test_shares_add_up_to_the_step_whatever_happens(threads: list[list[Happened]], streams: list[Happened]) -> None:
    lines = {f"thread {place}": events for place, events in enumerate(threads)} | {
        "python": [(WAITING, 5, 80), ("EagerLocalExecute: MakeIterator", 40, 60), (PREDICT[0][0], 50, 54)],
        "/device:": streams,
    }
    placed = {
        name: sorted((what, start, start + length) for what, start, length in events) for name, events in lines.items()
    }
    times = timeline(trace(placed, [(30, 130)]))
    assert sum(cell.shared_ns for cell in times.cells) + sum(times.rest_ns.values()) == pytest.approx(100)
    assert all(cell.shared_ns <= cell.thread_ns + 1e-9 for cell in times.cells)
