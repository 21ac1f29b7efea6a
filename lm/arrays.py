"""Types of the arrays that modules hand to each other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # in whatever type the oracle computes
Floats = NDArray[np.float32]
Tokens = NDArray[np.int32]  # word ids

Weights = dict[str, Floats]  # by the names and in the shapes of Config.weight_shapes
State = dict[str, Floats]  # the recurrent state, by the names and in the shapes of Config.state_shapes
Masks = tuple[Floats, ...]  # 0 or 1, in the shapes of Config.mask_shapes; empty where nothing is dropped
