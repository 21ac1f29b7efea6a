"""Times the implementations next to PyTorch's nn.LSTM and the machine's matrix products, two threads each.

python -m experiments.pytorch TORCH_PYTHON [CONFIG [LAUNCHES [STEPS]]], in an environment with TensorFlow; TORCH_PYTHON
is an interpreter with PyTorch and NumPy. A launch is a fresh process for each subject, all alive at once, which work in
turn in blocks ordered ABC…CBA; the first steps of a block are dropped. Prints a table.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from experiments.pytorch_worker import PRODUCT_SIZE
from lm.config import CONFIGS, Config
from lm.hot_paths import costs

SUBJECTS = ("cells", "layers", "fused", "pytorch", "product numpy", "product tensorflow")
ROUNDS = 4  # ABC…CBA twice
DROPPED = 2  # steps of a block: caches are the last subject's, whose threads may still spin
AGREEMENT = 1e-5  # of the first losses, relative: nobody times a wrong answer

Answer = dict[str, Any]


def ask(worker: "subprocess.Popen[str]", steps: int) -> Answer:
    """Returns the worker's answer after that many steps.

    Raises BrokenPipeError or ValueError for one that died: its own message is on standard error.
    """
    assert worker.stdin is not None
    assert worker.stdout is not None
    print(steps, file=worker.stdin, flush=True)
    answer: Answer = json.loads(worker.stdout.readline())
    return answer


def launch(torch_python: str, config: Config, steps: int) -> dict[str, Answer]:
    """Measures one launch: each subject's median seconds and CPU seconds of a step, first loss and peak memory."""
    workers = {
        subject: subprocess.Popen(
            [
                torch_python if subject == "pytorch" else sys.executable,
                "-m",
                "experiments.pytorch_worker",
                subject,
                config.name,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for subject in SUBJECTS
    }
    times: dict[str, dict[str, list[float]]] = {subject: {"seconds": [], "cpu_seconds": []} for subject in SUBJECTS}
    last: dict[str, Answer] = {}
    try:
        for worker in workers.values():
            ask(worker, DROPPED + 1)  # warm-up
        for turn in range(ROUNDS):
            for subject in SUBJECTS[:: 1 if turn % 2 == 0 else -1]:
                last[subject] = ask(workers[subject], DROPPED + steps)
                for what, values in times[subject].items():
                    values += last[subject][what][DROPPED:]
    finally:
        for worker in workers.values():
            worker.kill()
            worker.wait()
    losses = {subject: answer["first_loss"] for subject, answer in last.items() if not subject.startswith("product ")}
    assert max(losses.values()) <= min(losses.values()) * (1 + AGREEMENT), losses
    medians = {
        subject: {what: statistics.median(values) for what, values in of.items()} for subject, of in times.items()
    }
    return {subject: {**last[subject], **medians[subject]} for subject in SUBJECTS}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m experiments.pytorch", description=__doc__)
    parser.add_argument("torch_python", metavar="TORCH_PYTHON")
    parser.add_argument("config", nargs="?", choices=tuple(CONFIGS), default="notebook")
    parser.add_argument("launches", nargs="?", type=int, default=4)
    parser.add_argument("steps", nargs="?", type=int, default=8)
    options = parser.parse_args(arguments)
    config = CONFIGS[options.config]
    found = [launch(options.torch_python, config, options.steps) for _ in range(options.launches)]
    rates = [
        max(2 * PRODUCT_SIZE**3 / run[subject]["seconds"] for subject in SUBJECTS if subject.startswith("product "))
        for run in found
    ]
    print(
        f"{config.name}: {costs.step(config).flops / 1e9:.2f} GFLOP a step; "
        f"the machine's products {statistics.median(rates) / 1e9:.0f} GFLOP/s"
    )
    print(
        "| implementation | step, ms | words/s | × cells | × PyTorch | of the roofline | peak memory, MiB | CPU, ms |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for subject in SUBJECTS[:4]:
        seconds = [run[subject]["seconds"] for run in found]
        faster = {
            other: statistics.median(run[other]["seconds"] / run[subject]["seconds"] for run in found)
            for other in ("cells", "pytorch")
        }
        roofline = statistics.median(
            costs.step(config).flops / second / rate for second, rate in zip(seconds, rates, strict=True)
        )
        cpu = statistics.median(run[subject]["cpu_seconds"] for run in found)
        median, peak = statistics.median(seconds), max(run[subject]["peak_bytes"] for run in found)
        speeds = f"{median * 1e3:.1f} | {config.tokens_per_step / median:,.0f}"
        columns = f"{speeds} | {faster['cells']:.2f} | {faster['pytorch']:.2f}"
        print(f"| {subject} | {columns} | {roofline:.0%} | {peak / 2**20:.0f} | {cpu * 1e3:.1f} |")


if __name__ == "__main__":
    main()
