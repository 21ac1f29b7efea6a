"""The shell code in the documentation can be typed: commands, options, environments and modules that it names exist."""

from pathlib import Path

import pytest

from tests.docs.command_lines import commands, mention_problem, problem, tox_names
from tests.docs.markdown import ROOT, code_blocks, documents, inline_code

DOCUMENTS = [path for path in documents() if path.name != "CHANGELOG.md"]  # history names what was


def problems(text: str) -> list[str]:
    """Returns the code that can't be typed, each with its line."""
    blocks = [
        (block.line, problem(words))
        for block in code_blocks(text)
        if block.language == "sh"
        for words in commands(block.text)
    ]
    mentions = [
        (code.line, mention_problem(code.text)) for code in inline_code(text) if code.text.startswith("tfgate ")
    ]
    others = [code for code in inline_code(text) if code.text.startswith(("tox ", "python -m "))]
    shell = [(code.line, problem(words)) for code in others for words in commands(code.text)]
    return [f"line {line}: {what}" for line, what in [*blocks, *mentions, *shell] if what]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_code_can_be_typed(path: Path) -> None:
    assert problems(path.read_text(encoding="utf-8")) == []


def unnamed(text: str) -> list[int]:
    """Returns the lines of the blocks of commands that don't say that they are: they would not be looked at."""
    return [block.line for block in code_blocks(text) if not block.language and "tfgate " in block.text]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_shell_block_says_so(path: Path) -> None:
    assert unnamed(path.read_text(encoding="utf-8")) == []


def test_a_shell_block_that_does_not_say_so_is_found() -> None:
    assert unnamed("Text.\n\n```\ntfgate check RUN\n```\n\n```sh\ntfgate check RUN\n```\n") == [3]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tfgate gaet", "there is no command 'gaet'"),
        ("tfgate gate --quik --fast", "unrecognized arguments: --quik --fast"),
        ("tfgate upgrade --from 2.20.0", "the following arguments are required: --to"),
        ("tfgate check", "the following arguments are required: REPORT"),
        ("UV_OFFLINE=1 tfgate env list --all", "unrecognized arguments: --all"),
        ("true && .venv/bin/tfgate show", "the following arguments are required: RUN|BASELINE"),
        ("tfgate profile --steps \\\n  many", "'many' is not an integer"),
        ("tfgate run --config tiny", "tfgate run needs --python"),
        ("tfgate train --config tiny", "tfgate train needs --python"),
        ("tfgate profile --config tiny", "tfgate profile needs --to"),
        ("tox run -e py399", "tox.ini has no environments py399"),
        ("tox run -m tests", "tox.ini has no labels tests"),
        ("python -m tests.docs.comands", "there is no module tests.docs.comands"),
        (".venv/bin/python3.11 -m bench.report", "there is no module bench.report"),
        ("pytest bench/micro/test_steps.py", "there is no bench/micro/test_steps.py"),
    ],
)
def test_what_is_not_there_is_found(line: str, said: str) -> None:
    (found,) = problems(f"Text.\n\n```sh\n{line}\n```\n")
    assert found.startswith("line 3: ")
    assert said in found


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("tfgate chek RUN", "there is no tfgate chek"),
        ("tfgate record RUN… [--ad \\| --replace]", "tfgate record has no --ad"),
        ("tfgate env list|remov", ""),  # a choice after a bar isn't followed: its first word is
        ("tfgate env lst", "there is no tfgate env lst"),
        ("tfgate train --config NAME --corpus ptb", "tfgate train needs --python"),
        ("tfgate profile --implementation fused", "tfgate profile needs --to"),
        ("tfgate profile --compare", ""),
        ("tox run -e gat", "tox.ini has no environments gat"),
        ("python -m experiments.spreads", "there is no module experiments.spreads"),
    ],
)
def test_what_running_text_names_is_there(code: str, said: str) -> None:
    assert problems(f"See `{code}`.") == ([f"line 1: {said}"] if said else [])


@pytest.mark.parametrize(
    "line",
    [
        "tfgate check RUN  # judges it again",
        "tfgate report RUN… --format markdown",
        "tfgate COMMAND --help",
        "tox run -e tf218,gate -- --any -e thing",
        "tox run -m versions",
        'tfgate gate --output "$RUN" $ARGUMENTS',
        "python -m pip install .",
    ],
)
def test_what_is_there_passes(line: str) -> None:
    assert "COMMAND" in line or problems(f"```sh\n{line}\n```\n") == []
    assert problems(f"`{line}`") == []


def test_words_of_a_script() -> None:
    """Comments, assignments and separators go; what the shell would make any number of words of is none."""
    script = 'A=1 tfgate check "a b" $REST # why\nsize=$(du x | cut -f1)\nif true; then tox run -e gate; fi\n'
    found = commands(script)
    assert ["tfgate", "check", "a b"] in found
    assert ["cut", "-f1"] in found
    assert ["then", "tox", "run", "-e", "gate"] in found


def test_names_of_tox() -> None:
    assert {"py311", "gate", "tf212", "tf221", "lock"} <= tox_names()
    assert tox_names("labels") == {"test", "versions"}
