"""Parts of a training step, to be timed and profiled.

- `paths`, `targets`: the parts as calls; `keras_loop`: Keras' own `fit` and `predict` on the same model
- `costs`: the least that each must compute and move; `roofline`: how fast TensorFlow multiplies matrices here
- `graphs`: the graph behind a part; `profiler`: TensorFlow's profiler
"""
