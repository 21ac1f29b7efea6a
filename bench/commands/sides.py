"""The two sides of a comparison, from the command line's words."""

import argparse
import os

from bench.commands.errors import UsageError
from bench.commands.options import variables
from bench.record.paired import CANDIDATE, REFERENCE, Side


def prepared_sides(options: argparse.Namespace) -> dict[str, Side]:
    """Both sides, installed where they weren't."""
    asked = {REFERENCE: (options.from_, variables(options, "from_env")), CANDIDATE: (options.to, variables(options, "to_env"))}
    return {name: _side(requested, given) for name, (requested, given) in asked.items()}


def _side(requested: str, given: dict[str, str]) -> Side:
    if os.sep not in requested:
        raise UsageError(f"{requested!r}: name an interpreter")
    return Side(requested, requested, given)
