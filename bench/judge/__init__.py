"""Samples to comparison to verdict, without effects. Imports `bench.record`, NumPy and SciPy; nothing that measures."""
