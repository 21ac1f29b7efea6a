"""The injected slowdown: by its name, and at work in a process of its own."""

import subprocess
import sys

import pytest

from tests.faults.hook.injected.registry import FAULTS, fault_by_name
from tests.faults.trial import HOOK

# Stands for TensorFlow's: functions whose call takes 50 ms, one of them the training step's.
INJECTED = """
import sys, time, types
sys.path.insert(0, {hook!r})
parts = "tensorflow.python.eager.polymorphic_function.polymorphic_function".split(".")
for count in range(1, len(parts) + 1):
    sys.modules[".".join(parts[:count])] = types.ModuleType(".".join(parts[:count]))

class Function:
    def __init__(self, body): self.python_function = body
    def __call__(self): time.sleep(0.05)

sys.modules[".".join(parts)].Function = Function
from injected.registry import fault_by_name
fault_by_name({name!r}).patch()

def _train_step(): pass
def _evaluation_step(): pass

for body in (_train_step, _evaluation_step):
    cpu = time.process_time()
    Function(body)()
    print(time.process_time() - cpu)
"""


def test_its_name_says_how_much() -> None:
    assert fault_by_name("slower-by-0.10").description == "the training step takes 10% longer"
    assert "slower-by-0.10" not in FAULTS  # its numbers are right: no check of them could catch it


@pytest.mark.parametrize("name", ["slower-by-ten", "slower-by-1.5", "slower-by-0.1x"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no fault is called"):
        fault_by_name(name)


def test_the_training_step_alone_is_busy_for_its_part_of_the_time() -> None:
    """The call sleeps for 50 ms and then works for 90% of that, 45 ms of CPU time; evaluation's sleeps and takes next
    to none.
    """
    code = INJECTED.format(hook=str(HOOK), name="slower-by-0.90")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    step, evaluation = map(float, result.stdout.split())
    assert step > 10 * evaluation
