"""The worker's protocol, by a session without TensorFlow; tests/bench/drive/test_process.py drives real processes."""

import io
import json
import math
from collections.abc import Generator
from typing import Any

import pytest

from bench.measure.worker import drain, serve
from bench.record.types import NumericError


class Session:
    """Operations that end in each way there is."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def add(self, left: int, right: int = 1) -> int:
        self.calls.append("add")
        return left + right

    def error(self) -> NumericError:
        return NumericError(3, "loss", "", math.nan, 0.5)

    def count(self, upto: int) -> Generator[int, None, str]:
        for number in range(upto):
            if number == 3:
                raise RuntimeError("no further")
            yield number
        return "done"

    def fail(self, message: str) -> None:
        raise KeyError(message) if message else KeyError


def answers_to(*requests: dict[str, Any], session: Session | None = None) -> list[dict[str, Any]]:
    """Returns the answers to the requests, line by line."""
    replies = io.StringIO()
    serve([json.dumps(request) + "\n" for request in requests], replies, session or Session())
    return [json.loads(line) for line in replies.getvalue().splitlines()]


def test_an_operation_is_a_method_and_its_result_the_reply() -> None:
    assert answers_to({"op": "add", "left": 2}, {"op": "add", "left": 2, "right": 3}) == [{"reply": 3}, {"reply": 5}]


def test_a_dataclass_goes_as_its_fields_and_nan_as_a_word() -> None:
    (answer,) = answers_to({"op": "error"})
    fields = {"step": 3, "quantity": "loss", "tensor": "", "error": "NaN", "limit": 0.5, "steps": 1, "refused": ""}
    assert answer == {"reply": {**fields, "departure": [], "source": "step", "case": ""}}


def test_a_generator_sends_events_and_then_its_value() -> None:
    assert answers_to({"op": "count", "upto": 2}) == [{"event": 0}, {"event": 1}, {"reply": "done"}]


def test_a_generator_that_nobody_hears_still_has_its_value() -> None:
    assert drain(Session().count(2)) == "done"


def test_a_generator_that_fails_has_sent_what_it_had() -> None:
    *events, last = answers_to({"op": "count", "upto": 9})
    assert events == [{"event": 0}, {"event": 1}, {"event": 2}]
    assert last["error"]["message"] == "no further"


@pytest.mark.parametrize(
    ("request_", "kind", "message"),
    [
        ({"op": "fail", "message": "what"}, "KeyError", "'what'"),
        ({"op": "fail", "message": ""}, "KeyError", ""),
        ({"op": "fly"}, "AttributeError", "'Session' object has no attribute 'fly'"),
        ({"op": "add"}, "TypeError", "Session.add() missing 1 required positional argument: 'left'"),
    ],
)
def test_an_exception_is_an_answer_after_which_the_worker_goes_on(
    request_: dict[str, Any], kind: str, message: str
) -> None:
    failed, following = answers_to(request_, {"op": "add", "left": 1})
    assert (failed["error"]["type"], failed["error"]["message"]) == (kind, message)
    assert failed["error"]["traceback"].startswith("Traceback (most recent call last)")
    assert following == {"reply": 2}


def test_close_is_answered_and_ends_it() -> None:
    session = Session()
    assert answers_to({"op": "close"}, {"op": "add", "left": 1}, session=session) == [{"reply": None}]
    assert session.calls == []


def test_the_end_of_the_requests_ends_it() -> None:
    assert answers_to() == []
