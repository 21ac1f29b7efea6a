"""Verdicts to text, for people and for other programs. Imports `bench.judge` and `bench.record`."""
