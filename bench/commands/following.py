"""The command that another one ends with: `bisect --blame` goes on with blame, and `blame --profile` with profile."""

import argparse
import shlex
from collections.abc import Sequence
from types import ModuleType

from bench.commands.messages import say


def follow(command: ModuleType, words: Sequence[str]) -> int:
    """Runs a command, and returns its exit code; `words` are its whole command line, as it is typed.

    Raises what the command raises.
    """
    say(f"going on: {shlex.join(words)}")
    parser = argparse.ArgumentParser(allow_abbrev=False)
    command.add_arguments(parser)
    options = parser.parse_args(words[2:], argparse.Namespace(command_line=tuple(words)))
    code: int = command.run(command.request(options))
    return code
