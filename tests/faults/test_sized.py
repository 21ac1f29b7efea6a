"""Faults of a known size: by their names, and at work in a process of their own."""

import subprocess
import sys
import time

import pytest

from tests.faults.hook.injected.registry import FAULTS, fault_by_name
from tests.faults.trial import HOOK

# Stands for TensorFlow's: functions whose call takes 50 ms of a clock that is read in a millisecond, one of them the
# training step's.
INJECTED = """
import sys, time, types
sys.path.insert(0, {hook!r})
FUNCTION = "tensorflow.python.eager.polymorphic_function.polymorphic_function"
for module in (FUNCTION, "tensorflow.python.framework.ops"):
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        sys.modules[".".join(parts[:count])] = types.ModuleType(".".join(parts[:count]))
tracing = []
sys.modules["tensorflow.python.framework"].ops = sys.modules["tensorflow.python.framework.ops"]
sys.modules["tensorflow.python.framework.ops"].inside_function = lambda: bool(tracing)

class Clock:
    now = 0.0
    def __call__(self):
        self.now += 0.001
        return self.now

time.perf_counter = clock = Clock()

class Function:
    def __init__(self, body): self.python_function = body
    def __call__(self): clock.now += 0.05
    def get_concrete_function(self):
        tracing.append(self)
        inner()
        tracing.pop()

sys.modules[FUNCTION].Function = Function
from injected.registry import fault_by_name
from injected.sized import _anonymous_bytes
fault_by_name({name!r}).patch()

_anonymous_bytes()  # once, since the first time takes longer

def _train_step(): pass
def _evaluation_step(): pass

inner = Function(_evaluation_step)  # which each calls when it is traced

for body in (_train_step, _evaluation_step):
    for call in (Function(body), Function(body).get_concrete_function):
        started, memory = clock.now, _anonymous_bytes()
        for _ in range({calls}):
            call()
        print(clock.now - started, _anonymous_bytes() - memory)
"""


def test_their_names_say_how_much() -> None:
    assert fault_by_name("slower-by-0.025").description == "the training step takes 2.5% longer"
    assert fault_by_name("calls-slower-by-7").description == "each tf.function takes 700.0% longer"
    assert fault_by_name("larger-by-0.20").description == "the first step keeps 20.0% more memory"
    assert fault_by_name("growing-by-8192").description == "each step keeps 8192 bytes"
    assert fault_by_name("tracing-by-0.50").description == "tracing takes 50.0% longer"
    assert fault_by_name("clock-by-0.05").description == "the clock runs 5.0% fast"
    assert "slower-by-0.10" not in FAULTS  # its numbers are right: no check of them could catch it


@pytest.mark.parametrize("name", ["slower-by-ten", "slower-by-", "slower-by-0.1x", "smaller-by-0.1"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no fault is called"):
        fault_by_name(name)


def done(name: str, calls: int = 1) -> list[list[float]]:
    """Seconds and bytes kept by `calls` of: the step, its tracing, evaluation's step, its tracing."""
    code = INJECTED.format(hook=str(HOOK), name=name, calls=calls)
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [[float(value) for value in line.split()] for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("name", "places"), [("slower-by-0.90", [0]), ("tracing-by-0.90", [1]), ("calls-slower-by-0.90", [0, 2])]
)
def test_some_calls_alone_are_busy_for_their_part_of_the_time(name: str, places: list[int]) -> None:
    """Their 50 ms, the clock's own and 90% of both are 97 ms and less than two more; the others take 50."""
    seconds = [seconds for seconds, _ in done(name)]
    assert all(0.0965 < seconds[place] < 0.099 for place in places)
    others = [value for place, value in enumerate(seconds) if place not in places]
    assert others == pytest.approx([0.05] * (4 - len(places)))


def test_the_first_step_keeps_its_part_of_memory() -> None:
    """A Python with these modules has a few MiB: twice that is more than anything else here keeps."""
    (_, kept), *others = done("larger-by-2", calls=3)
    assert kept > 8e6
    assert all(more < kept / 10 for _, more in others)


def test_each_step_keeps_its_bytes() -> None:
    (_, kept), *others = done("growing-by-4000000", calls=4)
    assert 15e6 < kept < 20e6  # 16e6, of which a kernel may not have counted the last pages
    assert all(more < 4e6 for _, more in others)


def test_by_a_fast_clock_all_takes_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([100.0, 100.0, 110.0, 130.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(readings))
    fault_by_name("clock-by-0.05").patch()
    assert [time.perf_counter() for _ in range(3)] == pytest.approx([100.0, 110.5, 131.5])
