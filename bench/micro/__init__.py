"""Micro-benchmarks of the hot paths, run by pytest-benchmark in a measured environment. Imports `lm`, NumPy and pytest.

`selection` what was asked for; `material` what is fed; `answers` what the oracle refuses; `case` how one case is timed; `conftest` the
options and fixtures; a `test_` file for each target.
"""
