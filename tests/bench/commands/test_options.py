"""Options that several commands share."""

import argparse
from pathlib import Path

import pytest

from bench.commands.options import minutes, stamped, variable
from bench.drive.private import OURS, private_environment


def test_a_budget_is_a_number_of_minutes() -> None:
    assert minutes("7.5") == 7.5
    for text in ("0", "-1", "1e6", "inf", "nan", "soon"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a number of minutes above 0"):
            minutes(text)


def test_a_variable_has_a_name_and_a_value() -> None:
    assert variable("TF_XLA_FLAGS=--a=1 --b=") == ("TF_XLA_FLAGS", "--a=1 --b=")
    assert variable("TF_XLA_FLAGS=") == ("TF_XLA_FLAGS", "")
    for text in ("TF_XLA_FLAGS", "=1", ""):
        with pytest.raises(argparse.ArgumentTypeError, match="is not NAME=VALUE"):
            variable(text)


@pytest.mark.parametrize("name", ["HF_TOKEN", "TF_VAR_db", "TF_HTTP_PASSWORD"])
def test_a_secret_is_not_given_by_an_option_which_reports_would_hold(name: str) -> None:
    """Nor does the message have its value: CI keeps that, too."""
    with pytest.raises(argparse.ArgumentTypeError, match=f"{name} may be a secret") as caught:
        variable(f"{name}=hunter2")
    assert "hunter2" not in str(caught.value)


def test_what_tfgate_sets_itself_is_refused_and_nothing_else(tmp_path: Path) -> None:
    """A side's other variables are in effect."""
    given = dict.fromkeys((*OURS, "CUDA_VISIBLE_DEVICES", "OPENBLAS_NUM_THREADS", "TF_CPP_MIN_LOG_LEVEL"), "mine")
    made = private_environment(tmp_path, "cpu:0", given)
    assert [name for name in given if made[name] != "mine"] == list(OURS)
    for name in OURS:
        with pytest.raises(argparse.ArgumentTypeError, match=f"^tfgate sets {name} itself: leave it out$"):
            variable(f"{name}=mine")


def test_commands_that_start_in_one_second_have_folders_of_their_own(tmp_path: Path) -> None:
    assert stamped(tmp_path, "run") < stamped(tmp_path, "run")
