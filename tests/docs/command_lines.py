"""Shell text checked against what there is: tfgate's parsers, the environments of tox.ini, the checkout's modules.

Placeholders (RUN, DIR, A/bin/python) are arguments like any other: a command is parsed, never run.
"""

import argparse
import configparser
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from bench.cli import COMMANDS, command_parser
from bench.commands.usage import UsageError

ROOT = Path(__file__).resolve().parents[2]
UNQUOTED = re.compile(r"(?<=\s)\$[A-Z_]+(?=\s|$)")  # the shell makes any number of words of it: none, here
ASSIGNMENT = re.compile(r"\w+=.*", re.DOTALL)
BRACES = re.compile(r"(?P<before>[^{]*)\{(?P<choices>[^}]*)\}(?P<after>.*)")
MEASURES = {"run": "--python", "train": "--python", "profile": "--to"}  # options that name what is measured
FOREIGN = {"pip", "venv"}  # modules that are not ours and that a Python brings


def commands(script: str) -> list[list[str]]:
    """The simple commands of shell text, each as its words, without comments and variables set before them."""
    found: list[list[str]] = []
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(UNQUOTED.sub("", line), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        found.append([])
        for word in lexer:
            if set(word) <= set("();<>|&"):
                found.append([])
            elif found[-1] or not ASSIGNMENT.fullmatch(word):
                found[-1].append(word)
    return [words for words in found if words]


def problem(words: Sequence[str]) -> str:
    """Returns why a command can't work; "" if nothing is seen, or it isn't tfgate, tox, python or pytest."""
    program = Path(words[0]).name
    if program == "tfgate":
        return _tfgate_problem(words[1:])
    if program == "tox":
        return _tox_problem(words[1:])
    if re.fullmatch(r"python[\d.]*", program) and "-m" in words:
        return _module_problem(words[words.index("-m") + 1])
    if program == "pytest":
        missing = [
            word for word in words[1:] if word.partition("/")[0] in ("bench", "tests") and not (ROOT / word).exists()
        ]
        return f"there is no {missing[0]}" if missing else ""
    return ""


def mention_problem(text: str) -> str:
    """Returns the same for tfgate named in running text, where brackets and bars stand for choices.

    Its command and options must exist.
    """
    words = re.findall(r"(?:--)?\w[\w-]*", text)[1:]
    if not words or words[0] not in COMMANDS:
        usual = not words or words[0].isupper() or words[0] in ("--help", "--version")
        return "" if usual else f"there is no tfgate {words[0]}"
    name, parser = f"tfgate {words[0]}", command_parser(words.pop(0))
    while words and (known := subcommands(parser)):
        name, word = f"{name} {words[0]}", words.pop(0)
        if word not in known:
            return "" if word.isupper() or word.startswith("--") else f"there is no {name}"
        parser = known[word]
    options = {option for action in parser._actions for option in action.option_strings}
    given = [word for word in words if word.startswith("--")]
    unknown = [word for word in given if word not in options]
    if unknown:
        return f"{name} has no {unknown[0]}"
    return _unmeasured(name.removeprefix("tfgate "), given) if given else ""  # without options it is a name alone


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of a parser's commands by name; argparse offers no public way to them."""
    found = next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)
    return dict(found.choices) if found else {}


def tox_names(section: str = "environments", ini: Path = ROOT / "tox.ini") -> set[str]:
    """The `environments` that tox.ini defines, or its `labels`."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ini, encoding="utf-8")
    if section == "labels":
        return {line.partition("=")[0].strip() for line in parser["tox"]["labels"].splitlines() if line.strip()}
    return {
        name
        for title in parser.sections()
        if title.startswith("testenv:")
        for name in _expanded(title.removeprefix("testenv:"))
    }


def _expanded(name: str) -> list[str]:
    braces = BRACES.fullmatch(name)
    return (
        [f"{braces['before']}{choice.strip()}{braces['after']}" for choice in braces["choices"].split(",")]
        if braces
        else [name]
    )


def _tfgate_problem(words: Sequence[str]) -> str:
    if words[:1] in (["--help"], ["--version"]):
        return ""
    try:
        command_parser(words[0]).parse_args(words[1:])
    except UsageError as error:
        return f"tfgate: error: {error}"
    return _unmeasured(words[0], words)


def _unmeasured(command: str, words: Sequence[str]) -> str:
    """Returns why a command measures nothing: by default it asks tfgate's own interpreter, which lacks TensorFlow."""
    option = MEASURES.get(command)
    return f"tfgate {command} needs {option}" if option and not {option, "--compare"} & set(words) else ""


def _tox_problem(words: Sequence[str]) -> str:
    """tox's own options end at two dashes."""
    own = words[: words.index("--")] if "--" in words else words
    for option, section in (("-e", "environments"), ("-m", "labels")):
        if option in own:
            unknown = set(own[own.index(option) + 1].split(",")) - tox_names(section)
            if unknown:
                return f"tox.ini has no {section} {', '.join(sorted(unknown))}"
    return ""


def _module_problem(name: str) -> str:
    path = ROOT / Path(*name.split("."))
    there = path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
    return "" if there or name in FOREIGN else f"there is no module {name}"
