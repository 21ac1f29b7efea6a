"""Micro-benchmarks of the hot paths, run by pytest-benchmark in a measured environment. Imports `lm`, NumPy and pytest."""
