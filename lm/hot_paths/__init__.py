"""Parts of a training step, to be timed and profiled.

- `paths`: the table of the hot paths, as calls; `tensors`: their arguments and results
- `keras_loop`: Keras' own `fit` and `predict` on the same model
- `costs`: the least that each hot path must compute and move; `roofline`: how fast TensorFlow multiplies matrices here
- `graphs`: the graph behind a hot path; `profiler`: TensorFlow's profiler
"""
