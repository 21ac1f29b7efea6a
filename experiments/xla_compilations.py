"""Times units of the workload `xla` on new batches, and on one that came before: docs/releases.md.

PYTHONPATH=. python -m experiments.xla_compilations, in an environment with TensorFlow; ten seconds. A unit that XLA
compiles takes hundreds of milliseconds, another about one. TF_CPP_VMODULE=device_compiler=2 logs each compilation.
"""

import time

from lm.config import CONFIGS
from lm.workloads.protocol import Opening
from lm.workloads.registry import workload

UNITS = (0, 1, 2, 3, 0, 0)  # by batch; tracing has compiled before


def main() -> None:
    """Prints the milliseconds of each unit."""
    work = workload("xla").open(Opening(CONFIGS["tiny"]))
    work.build()
    work.trace()
    work.start()
    for unit in UNITS:
        batch = work.prepare(unit)
        started = time.perf_counter()
        work.do(batch)
        print(f"batch {unit}: {1000 * (time.perf_counter() - started):.1f} ms")


if __name__ == "__main__":
    main()
