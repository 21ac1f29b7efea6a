"""The words of the command: a pair, or an interpreter with itself; and a configuration that there is."""

import dataclasses

import pytest

from experiments.lockstep import main, overhead
from tests.builders.verdicts import lockstep

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


def test_overhead_is_a_multiple_of_both_sides_steps() -> None:
    result = dataclasses.replace(lockstep(), reference_seconds=2.0, candidate_seconds=3.0, wall_seconds=6.0)
    assert overhead(result) == 6.0 / (2.0 + 3.0)
    assert overhead(dataclasses.replace(result, reference_seconds=0.0, candidate_seconds=0.0)) == 0.0
