"""Writes docs/commands.md, the reference of the command line, from the parser: `python -m tests.docs.commands`."""

import argparse
import textwrap
from collections.abc import Iterator
from pathlib import Path

from bench.cli import COMMANDS, EXIT_CODES, GROUPS, command_parser
from tests.docs.command_lines import subcommands

OUTPUT = Path(__file__).resolve().parents[2] / "docs" / "commands.md"
HEAD = f"""\
# Every command

Written from the parsers by `python -m tests.docs.commands`; `tfgate COMMAND --help` says the same.
[README](../README.md#use) has the commands in the order in which they are needed, [the tutorials](tutorials/) show them
at work.

Exit codes:
{EXIT_CODES.splitlines()[-1].strip()}.
Of several configurations the worst counts, in the order 1, 4, 3, 0. Errors are one line on standard error. Some
commands have answers of their own, besides 2 and 4:

| command | 0 | 1 | 3 |
| --- | --- | --- | --- |
| `survey`, and `check` of one | all was measured, whatever it came to | – | a release or a comparison is missing |
| `bisect` | any other answer | – | *open*: the budget is spent; *inconclusive*: so are the bad release's numbers |
| `blame` | a package or a pair is blamed, or there is nothing to blame any for | – | none is proven to blame |
| `history` | the newest report is proven within its margins | the two newest are beyond one | otherwise |
| `train` | every training ended | one diverged | – |
| `machines`, `profile`, `record`, `report`, `show` | it is done | – | – |

An option means the same in every command that has it:

| option | meaning |
| --- | --- |
| `--from`, `--to` | the two sides of a comparison: reference and candidate |
| `--from-env`, `--to-env` | environment variables of one side; `--python` and `--env` are for commands with one side |
| `--config` | a configuration; may be repeated. What has one result each then has a folder each, and JSON is a list |
| `--output` | the folder of the command's files |
| `--json` | standard output gets JSON, and nothing else |
| `--quiet` | no progress is printed on standard error |
| `--replace` | files that exist are replaced |
"""


def reference() -> str:
    """Returns the page."""
    return "\n".join([HEAD, *_sections()])


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
    OUTPUT.write_text(reference(), encoding="utf-8")
