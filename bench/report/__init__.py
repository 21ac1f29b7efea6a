"""Verdicts to text, for people and for other programs. Imports `bench.judge`, `bench.profile` and `bench.record`."""

import logging

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # what it says of folders and fonts when it is imported is nothing a reader needs
