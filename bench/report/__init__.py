"""Verdicts to text, for people and for other programs. Imports `bench.judge`, `bench.profile` and `bench.record`."""
