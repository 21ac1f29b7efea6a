"""Settings of oneDNN by which a result may round otherwise, and is right all the same.

Not in the catalogue: nothing may be caught.
"""

import os

from .fault import Fault

# oneDNN reads its variables when it is first used. TensorFlow imports NumPy before it loads its libraries.
SETTINGS = (
    Fault("onednn-avx2", "oneDNN takes AVX2's kernels alone",
          lambda: os.environ.update(ONEDNN_MAX_CPU_ISA="AVX2"), "numpy"),
)  # fmt: skip
