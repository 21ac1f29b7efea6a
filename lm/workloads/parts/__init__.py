"""Parts that several workloads share: `calls`, `padded`, `untraced` without TensorFlow, `sequential` and
`differentiated` with it.

`unit` makes one call of any workload's unit.
"""
