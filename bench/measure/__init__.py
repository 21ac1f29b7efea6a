"""The code that runs inside a measured environment.

Imports `lm`, `bench.record`, `bench.machine` and NumPy; reaches TensorFlow only through `lm`.
"""
