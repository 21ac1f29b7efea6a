"""Mutations: a stored file's bytes made wrong in one way, drawn by a stream of random numbers."""

import dataclasses
import json
import random
import re
from collections.abc import Callable
from typing import Any

from bench.record.codec import NON_FINITE
from bench.record.types import SCHEMA

DEEP = (1_000, 100_000)  # levels of nesting: more than a parser's stack has, and many more
SCHEMAS = (0, SCHEMA - 1, SCHEMA + 1, str(SCHEMA), None, SCHEMA + 0.5, True)
GIBIBYTE = 2**30
ESCAPE = "escape"  # the name of a file that no command may write
# Fields whose keys are names that are measured, so that any may be there.
FREE = ("variables", "graph_operations", "phase_seconds", "by_operation", "params", "extra_info", "stats")
HOSTILE = ("../../escape", "/etc/passwd", "\x00", "\x1b[2J", "\ud800", "‮", "x" * 100_000, "", "<script>", "$(id)")


@dataclasses.dataclass(frozen=True)
class Mutation:
    """A way in which bytes are made wrong."""

    name: str
    change: Callable[[bytes, random.Random], bytes]
    refused: bool = False  # whether what is left can be nothing that tfgate wrote, so that all but a refusal is wrong


Place = tuple[Any, Any]  # a dict or list, and the key or index of one of its values


def _truncated(data: bytes, draw: random.Random) -> bytes:
    return data[: draw.randrange(len(data))] if data else b""


def _flipped(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8)) if data else 0):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _zeroed(data: bytes, draw: random.Random) -> bytes:
    """Zeroes a stretch, as a file system does to blocks that it had no time to write."""
    start = draw.randrange(len(data) or 1)
    stretch = min(draw.choice((1, 16, 512, 4096)), len(data) - start)
    return data[:start] + bytes(stretch) + data[start + stretch :]


def _inserted(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data) + 1)
    return data[:start] + draw.randbytes(draw.choice((1, 3, 100))) + data[start:]


def _doubled(data: bytes, draw: random.Random) -> bytes:
    """Writes a stretch twice."""
    start = draw.randrange(len(data) or 1)
    stretch = data[start : start + draw.choice((1, 20, 1000))]
    return data[:start] + stretch + data[start:]


def _appended(data: bytes, draw: random.Random) -> bytes:
    return data + draw.choice((b"\x00", b"}", b"{}", data, b"garbage\n"))


BYTES = (
    Mutation("truncated", _truncated),
    Mutation("bits flipped", _flipped),
    Mutation("zeroed", _zeroed),
    Mutation("bytes inserted", _inserted),
    Mutation("bytes doubled", _doubled),
    Mutation("bytes appended", _appended),
    Mutation("emptied", lambda data, draw: b"", refused=True),
    Mutation("UTF-16", lambda data, draw: data.decode("latin-1").encode("utf-16"), refused=True),
)


def places(plain: Any, wanted: Callable[[Any], bool] = lambda value: True, *, free: bool = True) -> list[Place]:
    """Returns the places of all values that are wanted; without `free` none of those whose key may be any."""
    found: list[Place] = []
    items = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, value in items:
        if wanted(value):
            found.append((plain, key))
        if free or key not in FREE:
            found += places(value, wanted, free=free)
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _of_json(change: Callable[[Any, random.Random], None]) -> Callable[[bytes, random.Random], bytes]:
    """Returns a change of bytes that changes what their JSON holds, in place."""

    def changed(data: bytes, draw: random.Random) -> bytes:
        plain = json.loads(data)
        change(plain, draw)
        return json.dumps(plain).encode()

    return changed


def _set(wanted: Callable[[Any], bool], value: Callable[[Any, random.Random], Any]) -> Any:
    def change(plain: Any, draw: random.Random) -> None:
        there = places(plain, wanted)
        if there:
            inside, key = draw.choice(there)
            inside[key] = value(inside[key], draw)

    return _of_json(change)


def _renamed(plain: Any, draw: random.Random) -> None:
    inside, key = draw.choice(_fields(plain))
    inside[draw.choice((f"{key}_", str(key).upper(), f" {key}", ""))] = inside.pop(key)


def _unknown(plain: Any, draw: random.Random) -> None:
    inside, _ = draw.choice(_fields(plain))
    inside["momentum"] = 0.9


def _dropped(plain: Any, draw: random.Random) -> None:
    inside, key = draw.choice(places(plain))
    del inside[key]


def _fields(plain: Any) -> list[Place]:
    return [place for place in places(plain, free=False) if isinstance(place[0], dict)]


def _repeated(data: bytes, draw: random.Random) -> bytes:
    """Gives a field of the whole twice, with two values."""
    plain = json.loads(data)
    key = draw.choice(list(plain))
    return data.rstrip()[:-1] + f", {json.dumps(key)}: {draw.choice(('null', '3', '[]'))}}}".encode()


def _nested(data: bytes, draw: random.Random) -> bytes:
    marked = _set(lambda value: True, lambda value, draw: "@@")(data, draw)
    levels = draw.choice(DEEP)
    begin, end = draw.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return bytes(marked).replace(b'"@@"', begin * levels + b"1" + end * levels)


def _unspeakable(data: bytes, draw: random.Random) -> bytes:
    """Writes a number that JSON lacks, or that no float holds."""
    marked = _set(_is_number, lambda value, draw: "@@")(data, draw)
    word = draw.choice((b"NaN", b"-Infinity", b"1e999", b"9" * 400, b"9" * 5000, b"0x10", b"1_000", b"01"))
    return bytes(marked).replace(b'"@@"', word)


def _other_type(value: Any, draw: random.Random) -> Any:
    kinds: dict[str, Any] = {"number": 3.5, "text": "text", "list": [[]], "object": {"a": 1}, "truth": True}
    own = {bool: "truth", int: "number", float: "number", str: "text", list: "list", dict: "object"}
    return kinds[draw.choice([kind for kind in kinds if kind != own.get(type(value))])]


JSON = (
    Mutation("field renamed", _of_json(_renamed), refused=True),
    Mutation("field unknown", _of_json(_unknown), refused=True),
    Mutation("field twice", _repeated, refused=True),
    Mutation("value dropped", _of_json(_dropped)),
    Mutation("other type", _set(lambda value: value is not None, _other_type), refused=True),
    Mutation("schema", _of_json(lambda plain, draw: plain.update(schema=draw.choice(SCHEMAS))), refused=True),
    Mutation("number NaN", _set(_is_number, lambda value, draw: draw.choice(list(NON_FINITE))), refused=True),
    Mutation("number no JSON has", _unspeakable, refused=True),
    Mutation("number huge", _set(_is_number, lambda value, draw: draw.choice((GIBIBYTE, 2**63, 10**300, 1e308)))),
    Mutation("number below 0", _set(_is_number, lambda value, draw: -abs(value) - 1)),
    Mutation("number 0", _set(_is_number, lambda value, draw: 0)),
    Mutation("text hostile", _set(lambda value: isinstance(value, str), lambda value, draw: draw.choice(HOSTILE))),
    Mutation("list emptied", _set(lambda value: isinstance(value, list), lambda value, draw: [])),
    Mutation(
        "list of a million",
        _set(
            lambda value: isinstance(value, list) and bool(value) and not isinstance(value[0], (list, dict)),
            lambda value, draw: value[:1] * 10**6,
        ),
    ),
    Mutation("nested deep", _nested, refused=True),
)


def _in_text(pattern: str, words: tuple[str, ...]) -> Callable[[bytes, random.Random], bytes]:
    """Returns a change of one match of a pattern, drawn, to one of the words."""

    def changed(data: bytes, draw: random.Random) -> bytes:
        text = data.decode()
        found = draw.choice(list(re.finditer(pattern, text)))
        return (text[: found.start()] + draw.choice(words) + text[found.end() :]).encode()

    return changed


NUMBER, WORD = r"(?<![\w.])[0-9][0-9_.]*", r"(?m)^[a-z_]+"
TOML = (
    Mutation("number NaN", _in_text(NUMBER, ("nan", "inf", "-inf", "1e999")), refused=True),
    Mutation("number below 0", _in_text(NUMBER, ("-1", "-0.5", "-1e300")), refused=True),
    Mutation("number huge", _in_text(NUMBER, ("9" * 5000, "1e308", str(2**63)))),
    Mutation("other type", _in_text(NUMBER, ("true", '"0.1"', "[0.1]", "1979-05-27", "{}")), refused=True),
    Mutation("field renamed", _in_text(WORD, ("momentum", "GATING", '""', "a.b.c")), refused=True),
    Mutation("field unknown", lambda data, draw: b"momentum = 0.9\n" + data, refused=True),
    Mutation(
        "nested deep", lambda data, draw: b"micro = " + b"[" * (deep := draw.choice(DEEP)) + b"]" * deep, refused=True
    ),
    Mutation("text hostile", lambda data, draw: data + draw.choice(HOSTILE).encode("utf-8", "surrogatepass")),
)
