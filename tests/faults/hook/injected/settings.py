"""Settings of oneDNN by which a result may round otherwise, and is right all the same.

Not in the catalogue: nothing may be caught.
"""

import os
from collections.abc import Callable

from .fault import Fault


def _set(name: str, value: str) -> Callable[[], None]:
    """Returns a patch that sets an environment variable, which oneDNN reads when it is first used."""

    def patch() -> None:
        os.environ[name] = value

    return patch


# TensorFlow imports NumPy before it loads its libraries.
SETTINGS = (
    Fault("onednn-avx2", "oneDNN takes AVX2's kernels alone", _set("ONEDNN_MAX_CPU_ISA", "AVX2"), "numpy"),
    Fault("onednn-bf16", "oneDNN may compute in bfloat16", _set("TF_SET_ONEDNN_FPMATH_MODE", "BF16"), "numpy"),
)
