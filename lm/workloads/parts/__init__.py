"""Parts that several workloads share: `calls`, `padded`, `traced`, `untraced` without TensorFlow, `sequential` and
`differentiated` with it.

`unit` makes one call of any workload's unit; `files` and `promises` are of saved models; `own`, `own_model` and
`own_work` of a user's own file. `keras_optimizers` makes Keras' optimizers and reads their slots.
"""
