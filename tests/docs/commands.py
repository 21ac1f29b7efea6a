"""Writes docs/commands.md, the reference of the command line, from the parser: `python -m tests.docs.commands`."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from bench.cli import build_parser
from tests.docs.command_lines import subcommands

OUTPUT = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
HEAD = """\
# Every command

Written from the parser by `python -m tests.docs.commands`; `tfgate COMMAND --help` says the same. [README](../README.md#use) has the
commands in the order in which they are needed, [the tutorials](tutorials/) show them at work.

Exit codes of all: 0 pass · 1 regression · 2 usage error · 3 cannot judge · 4 measurement failed. Errors are one line on standard error.
"""


def reference() -> str:
    """The page."""
    return "\n".join([HEAD, *_sections("tfgate", build_parser())])


def _sections(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """A section for each command, in alphabetical order."""
    about = {
        choice.dest: choice.help or ""
        for action in parser._actions
        for choice in getattr(action, "_choices_actions", ())
    }
    for command, inner in sorted(subcommands(parser).items()):
        title = f"{name} {command}"
        if subcommands(inner):
            yield from _sections(title, inner)
        else:
            yield f"## `{title}`\n\n{_sentence(about[command])}\n\n{_table(inner)}"


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
    OUTPUT.write_text(reference(), encoding="utf-8")
