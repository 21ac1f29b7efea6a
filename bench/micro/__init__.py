"""Micro-benchmarks of the hot paths, run by pytest-benchmark in a measured environment. Imports `lm`, NumPy and pytest.

`selection`: which cases; `material`: their input; `answers`: the check against the oracle; `case`: how one is timed;
`conftest`: options and fixtures; and a `test_` file for each target.
"""
