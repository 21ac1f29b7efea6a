"""Counts the full garbage collections that fall into tracing the training step, where none comes before.

python -m experiments.garbage [CONFIG], in an environment with TensorFlow. Each process is one launch. tfgate collects
before it traces; this shows what it would time otherwise (docs/protocol.md).
"""

import argparse
import gc
import time

from lm.config import CONFIGS, config_by_name


def main() -> None:
    """Prints a line."""
    parser = argparse.ArgumentParser(prog="python -m experiments.garbage", description=__doc__)
    parser.add_argument("config", nargs="?", choices=tuple(CONFIGS), default="notebook")
    options = parser.parse_args()
    import tensorflow as tf

    from lm.workloads.protocol import Opening
    from lm.workloads.registry import workload

    config = config_by_name(options.config)
    work = workload("train").open(Opening(config, "cpu:0", 0, "cells", "synthetic", None))
    work.build()
    started, seconds = 0.0, list[float]()

    def note(phase: str, info: dict[str, int]) -> None:
        nonlocal started
        if info["generation"] == 2 and phase == "start":
            started = time.perf_counter()
        elif info["generation"] == 2:
            seconds.append(time.perf_counter() - started)

    gc.callbacks.append(note)
    began = time.perf_counter()
    work.trace()
    traced = time.perf_counter() - began
    gc.callbacks.remove(note)
    collected = f"{len(seconds)} full collections in it, {1000 * sum(seconds):.0f} ms"
    print(f"TensorFlow {tf.__version__}: traced in {1000 * traced:.0f} ms; {collected}")


if __name__ == "__main__":
    main()
