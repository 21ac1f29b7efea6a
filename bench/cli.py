"""The command line: finds the command that is asked for, and answers with its exit code.

A command is a module of bench.commands with `add_arguments(parser)`, `request(options)`, `run(request)` and `EXAMPLES`.
Patterns of the files that Ctrl-C leaves in its --output folder are its `REPORTS`, or its request's `patterns`. It is
imported when it is asked for, so that `tfgate --help` starts at once.
"""

import argparse
import codecs
import difflib
import importlib
import io
import itertools
import os
import platform
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from bench.commands.errors import Interrupted, guarded
from bench.commands.messages import print_error, quieted
from bench.commands.usage import UsageError
from bench.report.lines import like_ascii
from bench.stats.outcome import USAGE_CODE

GROUPS = {
    "compare two TensorFlows": {
        "upgrade": "compare two environments, both measured here and now: numbers, speed and memory",
        "lockstep": "compare two environments step by step, each step from the same weights",
        "survey": "measure every release against the one before it and a fixed reference, on one page",
        "bisect": "find the release that brought a change, each measured in turn with a good one",
        "blame": "find the package that brought a change: exchange one, or two together, in the reference environment",
        "compare": "compare two reports with one reference",
        "machines": "say how much results differ between machines, from reports of several",
        "history": "follow ratios to a reference over time: trends, changes of level, drift from a fixed reference",
    },
    "gate one": {
        "gate": "judge a TensorFlow: its numbers by the baselines, its speed in turn with the reference",
        "check": "judge a stored report again, without TensorFlow",
        "record": "make baselines from runs that you trust, or accept the ratios of reports into the ledger",
    },
    "diagnose": {
        "run": "train the configurations to their pinned step counts, and keep what was measured",
        "micro": "time the hot paths of two environments in turn, in fresh processes",
        "profile": "show where a step's time goes; with two environments, what got slower",
        "report": "write stored reports with their verdicts as a page for the browser, or as files for other programs",
        "show": "show what a report of run, upgrade or gate, a baseline or the ledger holds",
        "doctor": "show what this machine is, and what would disturb a measurement",
    },
    "manage": {
        "train": "train a configuration to the end, with validation, checkpoints and a final test",
        "data": "make or verify a corpus",
        "env": "list or remove the environments that were built to be compared",
    },
}
COMMANDS = {name: about for group in GROUPS.values() for name, about in group.items()}
EXIT_CODES = "exit codes:\n  0 pass · 1 regression · 2 usage error · 3 inconclusive · 4 measurement failed"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are UsageErrors: one line, like all others, which names an option near a mistyped one."""

    _words: Sequence[str] = ()

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]  # three overloads
        """Parses as argparse does, and keeps the words for `error`."""
        self._words = list(itertools.takewhile(lambda word: word != "--", args or ()))
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError."""
        below = (one.choices.values() for one in self._actions if isinstance(one, argparse._SubParsersAction))
        known = {word for one in (self, *itertools.chain(*below)) for word in one._option_string_actions}
        given = (word.partition("=")[0] for word in self._words if word.startswith("--"))
        near = {word: difflib.get_close_matches(word, known, 1) for word in given if word not in known}
        told = (f"; {word}: did you mean {found[0]}?" for word, found in near.items() if found)
        raise UsageError(message + next(told, ""))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; an error that the user can fix is one line on standard error."""
    for name in ("stdout", "stderr"):  # closed (>&-): nobody reads it, and the exit code counts all the same
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # until the process ends
    codecs.register_error("like-ascii", like_ascii)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="like-ascii")
    words = tuple(sys.argv[1:] if arguments is None else arguments)
    if not words:
        print_error(overview())
        return USAGE_CODE
    if words[0] in ("--help", "-h"):
        print(overview())
        return 0
    if words[0] == "--version":
        print(f"tfgate {_version()} (Python {platform.python_version()})")
        return 0
    return guarded(lambda: _run(words), ends_process=arguments is None)


def overview() -> str:
    """Returns the help that lists all commands."""
    groups = "\n".join(
        f"{title}:\n" + "".join(f"  {name:10}{about}\n" for name, about in group.items())
        for title, group in GROUPS.items()
    )
    return f"""\
usage: tfgate [--help | --version] COMMAND …

Is this TensorFlow as correct and as fast as that one: on a stacked LSTM, other workloads, or your own model?

{groups}
`tfgate COMMAND --help` explains a command.

{EXIT_CODES}"""


def command_parser(name: str) -> argparse.ArgumentParser:
    """Returns a command's parser. Raises UsageError for no command."""
    command = _module(name)
    examples = "".join(f"  {line}\n" for line in command.EXAMPLES.splitlines())
    about = f"{COMMANDS[name][0].upper()}{COMMANDS[name][1:]}."
    parser = Parser(
        prog=f"tfgate {name}",
        description=about,
        epilog=f"examples:\n{examples}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.add_arguments(parser)
    return parser


def _run(words: Sequence[str]) -> int:
    from bench.drive.folders import sweep  # late: `--help` needs nothing of it

    name, *rest = words
    found = argparse.Namespace(command_line=("tfgate", *words))
    options = command_parser(name).parse_args(rest, found)
    command = _module(name)
    with quieted(quiet=getattr(options, "quiet", False)):
        asked = command.request(options)
        sweep()
        try:
            code: int = command.run(asked)
        except KeyboardInterrupt:
            patterns = getattr(asked, "patterns", getattr(command, "REPORTS", ()))
            if not (patterns and asked.output):
                raise
            from bench.commands.resume import kept

            raise Interrupted(kept(asked.output, *patterns, resumes=hasattr(options, "resume"))) from None
    return code


def _module(name: str) -> ModuleType:
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name!r}: name one of {', '.join(COMMANDS)}")
    return importlib.import_module(f"bench.commands.{name}")


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # late: slow, and --help needs none of it

    try:
        return version("tfgate")
    except PackageNotFoundError:
        return "of a checkout that is not installed"
