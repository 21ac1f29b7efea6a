"""Options that several commands share."""

import argparse

import pytest

from bench.commands.options import minutes


def test_a_budget_is_a_number_of_minutes() -> None:
    assert minutes("7.5") == 7.5
    for text in ("0", "-1", "1e6", "inf", "nan", "soon"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a number of minutes above 0"):
            minutes(text)
