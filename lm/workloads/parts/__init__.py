"""The parts that workloads consist of, or share.

- `NAME_work`: the work of workload NAME, which needs TensorFlow; what all work has in common is in `on_device`, what
  that of one traced function has in `traced`
- `calls`, `padded`: what descriptions share, without TensorFlow; their work is in `sequential` and `differentiated`
- `files`, `promises`: saved models, and which of them a version must read; `keras_optimizers`: Keras' optimizers, and
  the values of their slots
- `own`, `own_work`, `own_model`: a user's own file; `own_names`: those of its variables; `own_errors`: what is said of
  its failures
- `unit`: one call of any workload's unit
"""
