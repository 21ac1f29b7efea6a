"""Whether a TensorFlow survives it that XLA runs one freshly compiled program several times at once.

python -m tests.figures.concurrent_xla PYTHON… starts each interpreter twice: with nothing between eight softmaxes of a graph, and with
one after the other, as lm/fused_output.py has them. Prints a table. TensorFlow 2.21.0 is killed by SIGSEGV at the first.
"""

import subprocess
import sys

PROGRAMS = 150  # each of a new shape: what crashes is the first executions of a program
CALLS = 12
TIMEOUT = 300.0

CODE = """
import sys
import tensorflow as tf

tf.config.threading.set_inter_op_parallelism_threads(4)
in_turn = sys.argv[1] == "in turn"

def softmaxes(columns):
    @tf.function(jit_compile=True, autograph=False)
    def exponentials(logits):
        e = tf.exp(logits - tf.reduce_max(logits, axis=1, keepdims=True))
        return e, tf.reduce_sum(e, axis=1)

    @tf.function(autograph=False)
    def eight(all_logits):
        sums = []
        for logits in all_logits:
            with tf.control_dependencies(sums[-1:] if in_turn else []):
                sums.append(exponentials(logits)[1])
        return tf.add_n(sums)

    return lambda: eight([tf.random.normal((40, columns)) for _ in range(8)])

for program in range(int(sys.argv[2])):
    call = softmaxes(4000 + program)
    for _ in range(int(sys.argv[3])):
        call()
print(tf.__version__)
"""


def outcome(python: str, order: str) -> str:
    """What became of the process: its TensorFlow's version, or its exit status."""
    command = [python, "-c", CODE, order, str(PROGRAMS), str(CALLS)]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return f"no answer in {TIMEOUT:.0f} s"
    return f"well ({found.stdout.strip()})" if found.returncode == 0 else f"exit status {found.returncode}"


def main(*pythons: str) -> None:
    """Starts all, one after the other."""
    print("| interpreter | at once | in turn |\n| --- | --- | --- |")
    for python in pythons:
        print(f"| {python} | {outcome(python, 'at once')} | {outcome(python, 'in turn')} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
