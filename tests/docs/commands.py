"""Fills docs/commands.md, the reference of the command line, from the parser: `python -m tests.docs.commands`."""

import argparse
import textwrap
from collections.abc import Iterator
from pathlib import Path

from bench.cli import COMMANDS, EXIT_CODES, GROUPS, command_parser
from experiments.markdown import fill
from tests.docs.command_lines import subcommands

OUTPUT = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def made() -> dict[str, str]:
    """Returns what the page says of exit codes and of every command, by its place."""
    return {"exit codes": f"Exit codes: {EXIT_CODES.splitlines()[-1].strip()}.", "commands": "\n".join(_sections())}


def _sections() -> Iterator[str]:
    """Yields a heading for each group, and a section for each of its commands."""
    for title, group in GROUPS.items():
        yield f"## {title[0].upper()}{title[1:]}\n"
        for name in group:
            yield from _section(f"tfgate {name}", _sentence(COMMANDS[name]), command_parser(name))


def _section(name: str, about: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    inner = subcommands(parser)
    if not inner:
        examples = (parser.epilog or "").partition("examples:\n")[2].partition("\n\n")[0]
        shown = [f"```sh\n{textwrap.dedent(examples)}\n```\n"] if examples else []
        yield "\n".join([f"### `{name}`\n", f"{about}\n", *shown, _table(parser)])
    choices = (choice for action in parser._actions for choice in getattr(action, "_choices_actions", ()))
    told = {choice.dest: choice.help or "" for choice in choices}
    for word, one in inner.items():
        yield from _section(f"{name} {word}", _sentence(told[word]), one)


def _table(parser: argparse.ArgumentParser) -> str:
    rows = [f"| {_invocation(action)} | {_help(action)} |" for action in parser._actions if action.dest != "help"]
    return "\n".join(["| argument | what it is |", "| --- | --- |", *rows]) + "\n"


def _invocation(action: argparse.Action) -> str:
    """As it is typed; optional arguments and those that may be repeated are marked as argparse marks them."""
    metavar = action.metavar or "|".join(action.choices or ())
    value = " ".join(metavar) if isinstance(metavar, tuple) else str(metavar)
    marked = value if action.nargs is None else {"*": f"[{value}…]", "+": f"{value}…", 0: ""}.get(action.nargs, value)
    text = " ".join(filter(None, [", ".join(action.option_strings), marked]))
    return f"`{text}`".replace("|", "\\|")


def _help(action: argparse.Action) -> str:
    text = (action.help or "") % vars(action) + (" (required)" if action.required and action.option_strings else "")
    return text.replace("|", "\\|")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


if __name__ == "__main__":
    fill(OUTPUT, made())
