"""The trace file, by the fields that viewers read."""

from bench.profile.timeline import WAITING
from bench.report.chrome import chrome_trace
from tests.builders.traces import profile, trace


def test_every_event_has_its_thread_its_time_in_microseconds_and_its_name() -> None:
    made = chrome_trace(
        profile(trace({"python": [(WAITING, 0, 4000)], "worker": [("x/a:MatMul", 500, 2500)]}, [(0, 4000)]), 4e-6)
    )
    threads = {event["tid"]: event["args"]["name"] for event in made["traceEvents"] if event["name"] == "thread_name"}
    assert threads == {0: "steps", 1: "python", 2: "worker"}
    step, waiting, product = (event for event in made["traceEvents"] if event["ph"] == "X")
    assert (step["name"], step["tid"], step["ts"], step["dur"]) == ("step 0", 0, 0, 4)
    assert (waiting["name"], waiting["cat"]) == (WAITING, "runtime")
    assert (product["name"], product["args"], product["tid"], product["ts"], product["dur"]) == (
        "MatMul",
        {"name": "x/a"},
        2,
        0.5,
        2,
    )
