"""A command that another one ends with."""

from types import ModuleType

import pytest

from bench.commands.following import follow


def test_it_gets_its_own_words_and_its_exit_code_counts(capsys: pytest.CaptureFixture[str]) -> None:
    command = ModuleType("blame")
    command.__dict__["add_arguments"] = lambda parser: parser.add_argument("--from", dest="from_")
    command.__dict__["request"] = lambda options: (options.from_, options.command_line)
    asked: list[tuple[str, tuple[str, ...]]] = []

    def run(request: tuple[str, tuple[str, ...]]) -> int:
        asked.append(request)
        return 3

    command.__dict__["run"] = run
    words = ["tfgate", "blame", "--from", "keras==1.1 six"]
    assert follow(command, words) == 3
    assert asked == [("keras==1.1 six", tuple(words))]
    assert "going on: tfgate blame --from 'keras==1.1 six'" in capsys.readouterr().err
