"""Measures how often verdicts are right, where the right one is known: docs/error-rates-measured.md.

cells        the runs that are asked for
store        what is kept of each run
measure      runs the commands
predictions  the simulation's verdicts with the noise that was measured
document     what is filled into the page
figure       its figure
"""
