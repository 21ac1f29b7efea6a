"""An error of computing names the stored file; errors of our own name their subject already."""

import pytest

from bench.commands.stored import judging
from bench.judge.micro import UnlikeError
from bench.record.codec import FormatError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ZeroDivisionError("float division by zero"), "float division by zero"),
        (ValueError("math domain error"), "math domain error"),
        (IndexError("tuple index out of range"), "tuple index out of range"),
    ],
)
def test_what_a_damaged_report_makes_impossible_names_it(error: Exception, said: str) -> None:
    with (
        pytest.raises(FormatError, match=rf"^old or new can't be judged, and may be damaged: {said}$"),
        judging("old", "new"),
    ):
        raise error


@pytest.mark.parametrize("error", [UnlikeError("their machines differ"), KeyboardInterrupt(), RuntimeError("a fault")])
def test_other_errors_stay_what_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, judging("old"):
        raise error
    assert caught.value is error
