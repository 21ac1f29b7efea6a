"""The judge: measures environments with `lm` and decides, with known error rates, whether one is as correct and fast.

record   the types between the stages, and their JSON
measure  what runs inside a measured environment
drive    environments, processes, pairing
judge    samples to comparison to verdict; pure
profile  where a profiled step's time went; pure
report   verdicts to text
micro    micro-benchmarks of the hot paths
cli      parse, dispatch, exit code
"""
