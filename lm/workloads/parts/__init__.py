"""Parts that several workloads share: `calls`, `padded` without TensorFlow, `sequential`, `differentiated` with it.

`unit` makes one call of any workload's unit.
"""
