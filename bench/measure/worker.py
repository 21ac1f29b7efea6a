"""The measured process, `<python> -m bench.measure.worker COMMANDS REPLIES KIND`, driven over two pipes of its own.

A request is a JSON object a line, {"op": name, …arguments}; the answer is one line with "reply" or "error", after any
number of lines with "event". Standard output is left to TensorFlow. KIND is one of KINDS.
"""

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Generator, Iterable
from typing import TextIO, TypeVar

from bench.record.codec import to_plain
from bench.record.replies import Raised

Event = TypeVar("Event")
Result = TypeVar("Result")

KINDS = {
    "tensorflow": "bench.measure.session",
    "oracle": "bench.measure.oracle",
    "answers": "bench.measure.answers",
    "referee": "bench.measure.referee",
}


def serve(requests: Iterable[str], replies: TextIO, session: object) -> None:
    """Answers requests by calling the session's methods of the same name, until `close` or the end of the requests.

    A method that returns an iterator sends its items as events; its return value is the reply.
    """

    def send(kind: str, value: object) -> None:
        replies.write(json.dumps({kind: to_plain(value)}, allow_nan=False) + "\n")
        replies.flush()

    for line in requests:
        request = json.loads(line)
        operation = request.pop("op")
        if operation == "close":
            send("reply", None)
            return
        try:
            result = getattr(session, operation)(**request)
            if hasattr(result, "__next__"):
                result = drain(result, lambda event: send("event", event))
        except Exception as error:  # whatever it is, the orchestrator has to hear of it
            send("error", Raised(type(error).__name__, str(error), traceback.format_exc()))
        else:
            send("reply", result)


def drain(events: Generator[Event, None, Result], send: Callable[[Event], None] = lambda event: None) -> Result:
    """Sends each item of a generator and returns the generator's return value."""
    while True:
        try:
            send(next(events))
        except StopIteration as end:
            result: Result = end.value
            return result


def main(arguments: list[str]) -> int:
    """Serves until told to close."""
    commands, replies, kind = int(arguments[0]), int(arguments[1]), arguments[2]
    with os.fdopen(commands, "r", encoding="utf-8") as source, os.fdopen(replies, "w", encoding="utf-8") as sink:
        serve(source, sink, importlib.import_module(KINDS[kind]).Session())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
