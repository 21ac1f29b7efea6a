"""Takes the cost of recording off where it was spent.

Recording slows a step by a little at each event, so that many small operations suffer more than a few large ones. The
cost of an event is the one that, taken off as often as there were events but never below zero, leaves as much as the
unprofiled step took. What is more than recording can cost is the machine's, which was slower for a while, and comes off
all parts alike.
"""

import dataclasses

from bench.profile.timeline import Timeline

# An event cost 0.5 µs in TensorFlow 2.12 and 0.8 µs in 2.15: what a step of `tiny` took longer, by its events, where
# all operations were recorded.
MOST_EVENT_NS = 1000.0
HALVINGS = 60  # of the interval from 0 to MOST_EVENT_NS: far below a nanosecond


def without_overhead(times: Timeline, step_seconds: float) -> Timeline:
    """Returns the timeline as it were had nothing been recorded: it adds up to `step_seconds` a step.

    What is left over or missing after that (an unprofiled step that was slower than the profiled one, say) is spread in
    proportion.
    """
    wanted = step_seconds * 1e9 * times.steps
    taken = [(cell.shared_ns, cell.calls) for cell in times.cells] + [
        (times.rest_ns[name], times.rest_events[name]) for name in times.rest_ns
    ]
    cost = event_cost(taken, wanted)
    left = [max(time - cost * events, 0.0) for time, events in taken]
    scale = wanted / sum(left)
    scaled = [time * scale for time in left]
    cells = tuple(dataclasses.replace(cell, shared_ns=time) for cell, time in zip(times.cells, scaled, strict=False))
    rest = dict(zip(times.rest_ns, scaled[len(cells) :], strict=True))
    return dataclasses.replace(times, window_ns=round(wanted), cells=cells, rest_ns=rest)


def event_cost(taken: list[tuple[float, int]], wanted: float) -> float:
    """Returns nanoseconds an event, by halving; 0 where nothing is to be taken off.

    `taken`: time and events of each part.
    """
    low, high = 0.0, MOST_EVENT_NS
    if sum(time for time, _ in taken) <= wanted:
        return 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if sum(max(time - middle * events, 0.0) for time, events in taken) > wanted:
            low = middle
        else:
            high = middle
    return low
