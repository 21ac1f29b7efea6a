"""Workload `xla`: loss and gradients of the stacked LSTM, compiled by XLA (`jit_compile=True`), without padding.

The time to compile is in "trace". A graph that XLA can't compile is an outcome of its own (tensorflow #83063).
"""

from lm.workloads.parts.padded import FULL, Padded


class Workload(Padded):
    """Implements lm.workloads.protocol.Workload."""

    cases = (FULL,)
    mask_zero = False
    jit_compile = True
