"""A plugin of pytest that spoils what the micro-benchmarks check, so that every case has to fail."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from bench.micro import answers
from bench.micro import material as materials
from lm.arrays import Array

require_close, material = answers.require_close, materials.material


def require_spoilt(name: str, found: ArrayLike, wanted: Array | np.inexact) -> None:
    """Checks an answer that is 1% larger: ten times what is tolerated."""
    require_close(name, np.asarray(found, np.float64) * (1 + 10 * answers.TOLERANCE), wanted)


def spoilt_material(config_name: str) -> materials.Material:
    """Returns the material with another corpus than the one that its batches are of."""
    made = material(config_name)
    return dataclasses.replace(made, tokens=made.tokens + 1)


answers.require_close = require_spoilt  # the cases import both by name, afterwards
materials.material = spoilt_material  # type: ignore[assignment]  # it has a cache
