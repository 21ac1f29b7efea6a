"""docs/commands.md is what the parser says today."""

import argparse

import pytest

from bench.cli import COMMANDS, command_parser
from experiments.markdown import filled
from tests.docs.command_lines import subcommands
from tests.docs.commands import OUTPUT, _invocation, made


def test_the_reference_is_current() -> None:
    page = OUTPUT.read_text(encoding="utf-8")
    assert page == filled(page, made()), "python -m tests.docs.commands fills it in anew"


def test_every_command_and_every_option_is_in_it() -> None:
    text = made()["commands"]
    for name in COMMANDS:
        parser = command_parser(name)
        for command, inner in (subcommands(parser) or {"": parser}).items():
            section = text.partition(f"### `tfgate {f'{name} {command}'.strip()}`\n")[2].partition("\n###")[0]
            options = {option for action in inner._actions for option in action.option_strings} - {"-h", "--help"}
            assert options
            assert all(f"`{option}" in section for option in options), name


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"nargs": "*", "metavar": "RUN"}, "`[RUN…]`"),
        ({"nargs": "+", "metavar": "RUN"}, "`RUN…`"),
        ({"metavar": "RUN|BASELINE"}, "`RUN\\|BASELINE`"),  # a bare bar would end the table's cell
        ({"choices": ("a", "b")}, "`a\\|b`"),
    ],
)
def test_an_argument_is_shown_as_it_is_typed(arguments: dict[str, object], shown: str) -> None:
    made = argparse.ArgumentParser().add_argument("it", **arguments)  # type: ignore[arg-type]  # any of them
    assert _invocation(made) == shown


def test_an_option_is_shown_with_its_values() -> None:
    parser = argparse.ArgumentParser()
    assert _invocation(parser.add_argument("--two", nargs=2, metavar=("A", "B"))) == "`--two A B`"
    assert _invocation(parser.add_argument("--flag", action="store_true")) == "`--flag`"
