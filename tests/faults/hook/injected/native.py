"""Faults below Python: a library that is preloaded, or that TensorFlow loads. tests/faults/native has the sources."""

import os

from .fault import ALL, Fault, nothing

LIBRARY = "TFGATE_FAULT_LIBRARY"  # the environment variable that says where a built source is
PRELOADED = "LD_PRELOAD"


def _load() -> None:
    import tensorflow as tf

    tf.load_op_library(os.environ[LIBRARY])


FAULTS = (
    Fault("product-rarely-in-bfloat16",
          "one product in 50,021 takes inputs rounded to bfloat16, in a kernel of its own",
          _load, reaches=ALL, first_step=490, library=("products.cc", LIBRARY)),
    # The dynamic linker has loaded the library.
    Fault("expf-rarely-wrong", "one result in 200,003 of the C library's expf is twice what it is",
          nothing, first_step=625, library=("exponential.cc", PRELOADED)),
)  # fmt: skip
