"""Floats in, intervals and decisions out: knows no metric, no report and no file. Imports NumPy, SciPy and ruptures
alone.
"""
