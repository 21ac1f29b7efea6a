"""The words of the command: a pair, or an interpreter with itself; and a configuration that there is."""

import pytest

from experiments.lockstep import main

NO_PAIR = "name pairs of interpreters, REFERENCE,CANDIDATE, or one interpreter by --onednn"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], NO_PAIR),
        (["/a/python"], NO_PAIR),
        (["/a/python,/b/python", "/a/python,/b/python,/c/python"], NO_PAIR),
        (["/a/python,/b/python", "--config", "huge"], "invalid choice: 'huge'"),
    ],
)
def test_wrong_words_are_a_usage_error(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert said in capsys.readouterr().err
