"""The end of `bisect` and `blame`: an answer that is kept, and the command that goes on from it."""

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from bench.commands.messages import print_json, say
from bench.commands.stored import ANSWER_FILE
from bench.record.files import write_text


def answer(folder: Path, text: str, plain: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints an answer, for people or as JSON, and keeps both in a folder. Raises OSError."""
    path = folder / ANSWER_FILE
    write_text(path, f"{text}\n", replace=True)
    write_text(path.with_suffix(".json"), f"{json.dumps(plain, indent=1, allow_nan=False)}\n", replace=True)
    if as_json:
        print_json([plain])
    else:
        print(text)
    say(f"kept in {folder}: {path.name}, and a report of each environment")


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
