"""Frozen dataclasses to JSON and back. Unknown fields, missing fields and values of another type are refused by name.

Numbers that JSON lacks are written as the strings "NaN", "Infinity" and "-Infinity".
"""

import dataclasses
import functools
import json
import math
import sys
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

Finite = Annotated[float, "finite"]  # a number that can't be NaN or infinite
Amount = Annotated[float, "finite, from 0"]  # seconds, bytes and the like
Logarithm = Annotated[float, "of a ratio"]
Count = Annotated[int, "from 0"]

EXCERPT = 60  # characters of a wrong value that a message quotes
LARGEST = sys.float_info.max
MOST_COUNT = 2**53  # more than there is of anything; a float holds each integer below
WORDS = {str: "a string", bool: "true or false"}  # types of which JSON holds no wrong value, as messages call them


class Number(NamedTuple):
    """A kind of number: what messages call it, Python's type of it, and its range."""

    told: str
    type: type
    least: float
    most: float


NUMBERS: dict[Any, Number] = {
    float: Number("a number in the range of a float", float, -LARGEST, LARGEST),  # or one of NON_FINITE
    Finite: Number("a finite number", float, -LARGEST, LARGEST),
    Amount: Number("a finite number of at least 0", float, 0.0, 1e18),  # more than there is of anything
    Logarithm: Number("the logarithm of a ratio", float, -100.0, 100.0),  # ratios of up to 10^43
    int: Number("an integer", int, 1 - MOST_COUNT, MOST_COUNT - 1),
    Count: Number("an integer of at least 0", int, 0, MOST_COUNT - 1),
}
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class FormatError(ValueError):
    """Text that is not what it should be; the message names the place and what was found there."""


def to_text(value: Any) -> str:
    """Returns the JSON text of a dataclass instance for people to read and to compare: indented, a list of mere numbers
    or strings on one line.
    """
    return _indented(to_plain(value), "\n") + "\n"


def parse(text: str) -> Any:
    """Returns what JSON text holds, as dicts, lists and scalars.

    Raises FormatError for anything that isn't JSON, the bare word NaN included.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:  # not only JSONDecodeError: integers of thousands of digits, say
        raise FormatError(f"not JSON: {error}") from error


def to_plain(value: Any) -> Any:
    """Returns dicts, lists, strings and finite numbers that stand for a value."""
    if isinstance(value, float):  # times by step: nearly all that a run holds
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (str, bool)):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    return value


def from_plain(kind: Any, plain: Any, place: str = "") -> Any:
    """Returns the value of type `kind` that `plain` stands for.

    `place` is the path to it, for messages. Raises FormatError.
    """
    if kind in WORDS:
        _require(type(plain) is kind, place, WORDS[kind], plain)
        return plain
    if kind in NUMBERS:
        return _number(kind, plain, place)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, plain, place)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        inner = next(argument for argument in arguments if argument is not types.NoneType)
        return None if plain is None else from_plain(inner, plain, place)
    if origin is tuple:
        _require(isinstance(plain, list), place, "a list", plain)
        number = NUMBERS.get(arguments[0])
        # Losses, times and memory by step: nearly all that a run holds, and five times as fast.
        if (
            number
            and set(map(type, plain)) == {number.type}
            and all(number.least <= item <= number.most for item in plain)
        ):
            return tuple(plain)
        return tuple(from_plain(arguments[0], item, f"{place}[{index}]") for index, item in enumerate(plain))
    if origin is dict:
        _require(isinstance(plain, dict), place, "an object", plain)
        return {key: from_plain(arguments[1], item, f"{place}.{key}") for key, item in plain.items()}
    raise TypeError(f"{place}: no value of {kind} can be read")


def _dataclass(kind: Any, plain: Any, place: str) -> Any:
    _require(isinstance(plain, dict), place, "an object", plain)
    hints, required = fields_of(kind)
    if unknown := sorted(plain.keys() - hints.keys()):
        raise FormatError(f"{place or kind.__name__}: unknown field {unknown[0]!r}")
    if missing := sorted(required - plain.keys()):
        raise FormatError(f"{place or kind.__name__}: field {missing[0]!r} is missing")
    found = {
        # Most fields are what they should be: no place is spelled out for those.
        name: item
        if type(item) is hints[name] in WORDS
        else from_plain(hints[name], item, f"{place}.{name}".lstrip("."))
        for name, item in plain.items()
    }
    return kind(**found)


@functools.cache
def fields_of(kind: Any) -> tuple[dict[str, Any], frozenset[str]]:
    """Returns (type by name, names of those without a default) of a dataclass' fields."""
    fields, hints = dataclasses.fields(kind), typing.get_type_hints(kind, include_extras=True)
    defaults = {
        field.name
        for field in fields
        if (field.default, field.default_factory) != (dataclasses.MISSING, dataclasses.MISSING)
    }
    return {field.name: hints[field.name] for field in fields}, frozenset(hints.keys() - defaults)


def _number(kind: Any, plain: Any, place: str) -> int | float:
    if kind is float and isinstance(plain, str) and plain in NON_FINITE:
        return NON_FINITE[plain]
    number = NUMBERS[kind]
    numeric = type(plain) is number.type or (number.type is float and type(plain) is int)
    _require(numeric and number.least <= plain <= number.most, place, number.told, plain)
    found: int | float = number.type(plain)
    return found


def _require(valid: bool, place: str, wanted: str, found: Any) -> None:
    if not valid:
        raise FormatError(f"{place or 'the whole'}: expected {wanted}, found {_excerpt(found)}")


def _excerpt(plain: Any) -> str:
    text = json.dumps(plain)
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"field {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number; tfgate writes it as a string")


def _indented(plain: Any, line: str) -> str:
    """Returns JSON text; `line` is a line break with the indentation that holds here."""
    inner = line + " "
    if isinstance(plain, dict) and plain:
        items = (f"{json.dumps(key)}: {_indented(item, inner)}" for key, item in plain.items())
        return "{" + inner + f",{inner}".join(items) + line + "}"
    if isinstance(plain, list) and any(isinstance(item, (dict, list)) for item in plain):
        return "[" + inner + f",{inner}".join(_indented(item, inner) for item in plain) + line + "]"
    return json.dumps(plain, allow_nan=False)
