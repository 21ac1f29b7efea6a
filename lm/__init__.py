"""The system under test: a stacked-LSTM language model in TensorFlow, its data, and its oracle in NumPy.

Imports the standard library, NumPy and TensorFlow; never `bench`. `config`, `data` and `oracle` can be imported where
there is no TensorFlow.

- `config`: the reference configurations; names and shapes of weights, states and masks
- `data`: corpora, batches and dropout masks
- `models`: the implementations `cells`, `layers` and `fused` of one model
- `oracle`: one training step of the model in NumPy, its definition
- `training`: initial weights, the training step, passes over a corpus, full training with checkpoints
- `hot_paths`: parts of the step as calls of their own, the least that each costs, and TensorFlow's profiler
- `workloads`: what people run, a file each
- `compat`, `runtime`: Keras 2 and 3; the versions, threads and devices of the TensorFlow at hand
"""
