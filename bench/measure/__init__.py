"""The code that runs inside a measured environment.

Imports `lm`, `bench.record` and NumPy; reaches TensorFlow only through `lm`.
"""
