"""Environments, worker processes and their pairing.

Imports `bench.record`; reaches `bench.measure` by starting a process.
"""
