"""Interpreters that stand for measured environments: what they answer, or how they misbehave, is a test's to say."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from lm.workloads.parts.own import Workload
from lm.workloads.registry import names, workload
from tests.builders.programs import write_program

Fake = Callable[[str], str]  # makes an interpreter of a piece of Python; the path to it

# Of the workloads, by name. Importing these, and NumPy with them, takes longer than all that a stand-in does.
METRICS = {name: workload(name).metrics for name in names()}

# A program that is started as a worker's interpreter is, reads its first request and then does what a test wants.
FAKE_INTERPRETER = """#!{python} -S
import sys
if sys.argv[1] == "-c":  # asked what is installed in it
    {installed}
    sys.exit()
import json, os, signal, time
assert sys.argv[1:3] == ["-m", "bench.measure.worker"]
requests, replies, kind = os.fdopen(int(sys.argv[3])), int(sys.argv[4]), sys.argv[5]
request = json.loads(requests.readline())

def send(text):
    data = text.encode()
    while data:
        data = data[os.write(replies, data):]

{body}
"""


# A worker without TensorFlow: its losses fall from 50, and the seconds of a step are the step's own number, by which it
# is known again.
FAKE_SESSION = """
import hashlib, itertools
from bench.measure.worker import serve
from bench.record import replies as answers, types
from bench.record.variables import kept

METRICS, OWN_METRICS = {metrics}, {own_metrics}

class Session:
    done = 0

    def describe(self, threads):
        environment = types.Environment("3.11.0", "9.9.9", "fake", "9", "9", False, threads or 2, kept(os.environ))
        return answers.Description(environment, types.Machine("fake", 2, "fake", 1), 1.0)

    def open(self, config, corpus, corpus_path, steps, implementation, device, jitter, workload):
        fingerprint = "fa4e"
        if workload.endswith(".py"):
            with open(workload, "rb") as file:
                fingerprint = hashlib.sha256(file.read()).hexdigest()[:16]
        model = (config, corpus, implementation, device, fingerprint, steps, 10, 80)
        metrics = METRICS.get(workload, OWN_METRICS)
        return answers.Opened(types.Subject(*model, os.path.basename(workload), metrics), 2.0, 3.0)

    def steps(self, count, tell=False):
        steps = range(self.done, self.done + count)
        self.done += count
        return answers.Block(
            losses=tuple(50.0 - 0.125 * step for step in steps),
            seconds=tuple(float(step) for step in steps),
            cpu_seconds=tuple(2.0 * step for step in steps),
            rss_bytes=1000 + 7 * self.done,
        )

    def compute_in_float32(self):
        pass

    def publish(self, folder):
        pass

    def take(self, step, with_logits):
        self.done = step + 1
        return answers.Published(50.0 - 0.125 * step, float(step))

    def stress(self, small, evaluation):
        return answers.Published(60.0, 0.5)

    def repeat(self, steps):
        pass

    def share_answers(self, folder, answers):
        pass

    def answer(self, case):
        return answers.Answered()

    def evaluate(self, max_steps):
        return types.Evaluation(99.0, 80 * max_steps, 0.5, False)

    def relocate(self):
        pass

    def read_anew(self):
        pass

    def pin(self, core):
        os.sched_setaffinity(0, {{core}})

    def evaluation_steps(self, count):
        return answers.Block((60.0,) * count, (0.5,) * count, (0.25,) * count, 1000)

    def finish(self):
        return answers.Finished(4321, 21, 0, {{"MatMul": 3}})

{changes}
serve(itertools.chain([json.dumps(request)], requests), os.fdopen(replies, "w"), Session())
"""

# The oracle's process for such workers: a step with logits stands for a wrong one, all others are right.
FAKE_ORACLE = """
import itertools
from bench.measure.worker import serve
from bench.record import replies as answers, types

class Session:
    wrong = 0.0

    def prepare(self, workload, **told):
        if workload != "train":
            return answers.Cases(4, {"case": {"logits": {"": [2]}}})
        return answers.Agenda(4, (0,), (answers.StressCase(True, False),), 1)

    def check_answer(self, case, refused, promised):
        self.done = 1

    def check(self, step, logits):
        self.done, self.wrong = step + 1, self.wrong or float(logits)

    def errors(self):
        return [types.NumericError(0, "loss", "", self.wrong, 4e-6, self.done)]

    share = pose = check_stress = check_evaluation = check_repeat = lambda self, **asked: None

serve(itertools.chain([json.dumps(request)], requests), os.fdopen(replies, "w"), Session())
"""


def session_text(changes: str = "") -> str:
    """A fake interpreter's body: it answers as a session of TensorFlow's would, with changes to the class `Session`."""
    return FAKE_SESSION.format(changes=changes, metrics=METRICS, own_metrics=Workload.metrics)


def write_interpreter(path: Path, body: str, packages: Mapping[str, str] | None = None) -> str:
    """Makes an interpreter whose workers run a piece of Python on their first request; the path to it.

    It says that `packages` are installed in it, by name; None: none.
    """
    told = json.dumps(["3.11.0", "fake", list((packages or {}).items())])
    return write_program(path, FAKE_INTERPRETER.format(python=sys.executable, body=body, installed=f"print({told!r})"))
