"""An interpreter without TensorFlow whose worker trains and answers all the same, by the oracle in float32."""

import sys
import tempfile
from pathlib import Path

from tests.builders.programs import write_program

# What is injected sees the `trainer` and the `step`, and after the step its `result`, `gradients` and `clipped`; of a
# workload that calls a model its `logits`, by name.
TEXT = """#!{python}
import dataclasses, os, sys, types
if sys.argv[1] == "-c":  # asked what is installed in it
    print('["3.11.0", "fake", []]')
    sys.exit()
import numpy as np
from lm.oracle import step as oracle
from lm.training.initial import initial_weights
from lm.workloads.protocol import Answering

class Trainer:
    step_function = evaluation_function = types.SimpleNamespace(
        get_concrete_function=lambda: types.SimpleNamespace(graph=None)
    )

    def __init__(self, config, implementation, device):
        self.config, self.implementation, self.device = config, implementation, device
        self.learning_rate, self.step = config.learning_rate, 0
        self.zero_state()

    def zero_state(self):
        self.state = {{name: np.zeros(shape, np.float32) for name, shape in self.config.state_shapes().items()}}

    def train_step(self, inputs, targets, masks, with_logits=False):
        trainer, step = self, self.step
        {before}
        rate = self.learning_rate
        taken = oracle.step(self.config, self.weights, self.state, inputs, targets, masks, learning_rate=rate)
        self.weights, self.state = taken.weights, taken.state
        self.step += 1
        gradients, clipped = list(taken.gradients.values()), list(taken.clipped.values())
        logits = taken.logits if with_logits else None
        result = types.SimpleNamespace(
            loss=taken.loss, logits=logits, gradients=gradients, global_norm=taken.global_norm, clipped=clipped
        )
        {after}
        return result

    def evaluation_step(self, inputs, targets):
        loss, self.state = oracle.evaluate(self.config, self.weights, self.state, inputs, targets)
        return loss

class Predicting(Answering):
    device, tokens, fingerprint = "cpu:0", 10, "fa4e"

    def __init__(self, calls, opening):
        self.calls, self.opening = calls, opening

    def answers(self, case):
        logits = self.calls.expected(self.opening, case, np.float32)["logits"]
        {answered}
        return {{"logits": logits}}

versions = dict(python="3.11", tensorflow="9.9.9", distribution="none", keras="9", numpy=np.__version__)
sys.modules["lm.training.trainer"] = types.SimpleNamespace(Trainer=Trainer, StepResult=None)
sys.modules["lm.workloads.parts.sequential"] = types.SimpleNamespace(Predicting=Predicting)
sys.modules["lm.runtime"] = types.SimpleNamespace(
    intra_op_threads=lambda: 2,
    set_threads=lambda threads: None, versions=lambda: versions, onednn_enabled=lambda: False,
    require_device=lambda device: None, peak_gpu_bytes=lambda device: None, tensor_float_32_enabled=lambda: False,
    turn_off_tensor_float_32=lambda device: None, retraces=lambda function: 0, operations=lambda graph: {{}},
)
from bench.measure import worker
sys.exit(worker.main(sys.argv[3:]))
"""


def numpy_interpreter(folder: Path, before: str = "pass", after: str = "pass", answered: str = "pass") -> str:
    """Path of an interpreter with one statement injected before each step, one after it, and one after an answer."""
    path = Path(tempfile.mkdtemp(dir=folder)) / "python"
    return write_program(path, TEXT.format(python=sys.executable, before=before, after=after, answered=answered))
