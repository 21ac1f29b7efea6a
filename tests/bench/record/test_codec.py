"""Round trips of every type, and each way in which JSON may not be what it should be."""

import copy
import dataclasses
import json
import math
import types as types_module
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.record import replies, types
from bench.record.codec import (
    MOST_COUNT,
    Amount,
    Count,
    Finite,
    FormatError,
    Logarithm,
    from_plain,
    parse,
    to_plain,
    to_text,
)

TYPES = [
    kind
    for module in (types, replies)
    for kind in vars(module).values()
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == module.__name__
]
MAPS = ("variables", "graph_operations")  # fields that hold any keys
ODD_NUMBERS = [0.0, -0.0, 5e-324, 1.7976931348623157e308, 0.1, 1 / 3, math.nan, math.inf, -math.inf]


NUMBERS: dict[Any, st.SearchStrategy[Any]] = {
    float: st.floats(),
    Finite: st.floats(allow_nan=False, allow_infinity=False),
    Amount: st.floats(0, 1e18),
    Logarithm: st.floats(-100, 100),
    int: st.integers(1 - MOST_COUNT, MOST_COUNT - 1),
    Count: st.integers(0, MOST_COUNT - 1),
}


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Draws of all that a type allows."""
    if kind in NUMBERS:
        return NUMBERS[kind]
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind, include_extras=True)
        return st.builds(kind, **{name: values_of(hint) for name, hint in hints.items()})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(), values_of(arguments[1]), max_size=3)
    if types_module.NoneType in arguments:
        return st.none() | values_of(arguments[0])
    return st.from_type(kind)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
@settings(max_examples=20)
@given(data=st.data())
def test_every_type_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    """Compared as text: NaN is unequal to itself and −0.0 equal to 0.0."""
    value = data.draw(values_of(kind))
    back = from_plain(kind, parse(to_text(value)))
    assert type(back) is kind
    assert repr(back) == repr(value)


@given(st.floats())
def test_every_float_keeps_its_bits(number: float) -> None:
    back = from_plain(float, parse(to_text(number)))
    assert repr(back) == repr(number)


@pytest.mark.parametrize("number", ODD_NUMBERS, ids=repr)
def test_the_text_is_json_that_any_reader_takes(number: float) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text = to_text(types.Memory(0, number))
    assert json.loads(text, parse_constant=refuse) == json.loads(
        json.dumps(to_plain(types.Memory(0, number)), allow_nan=False)
    )


def test_numbers_lie_on_one_line_and_objects_on_lines_of_their_own() -> None:
    agenda = replies.Agenda(7, (0, 5), (replies.StressCase(True, False),), 1)
    assert to_text((1.5, math.nan)) == '[1.5, "NaN"]\n'
    assert to_text(agenda) == (
        '{\n "bytes": 7,\n "oracle_steps": [0, 5],\n "stress": [\n  {\n'
        '   "small": true,\n   "evaluation": false\n  }\n ],\n "repeated": 1\n}\n'
    )
    assert to_text(replies.Cases(0, {})) == '{\n "bytes": 0,\n "answers": {},\n "files": false,\n "unchecked": []\n}\n'


def test_the_text_says_what_the_json_module_would_say(run: types.Run, baseline: types.Baseline) -> None:
    for value in (run, baseline):
        assert json.loads(to_text(value)) == to_plain(value)


def objects(plain: Any, place: str = "") -> Iterator[tuple[dict[str, Any], str]]:
    """Every object that stands for a dataclass, with the path to it."""
    if isinstance(plain, dict):
        yield plain, place
        for name, item in plain.items():
            if name not in MAPS:
                yield from objects(item, f"{place}.{name}".lstrip("."))
    if isinstance(plain, list):
        for index, item in enumerate(plain):
            yield from objects(item, f"{place}[{index}]")


def object_count(plain: Any) -> int:
    return sum(1 for _ in objects(plain))


def nth_object(plain: Any, number: int) -> tuple[Any, dict[str, Any], str]:
    """A copy of the whole, its n-th object to be tampered with, and the path to that."""
    whole = copy.deepcopy(plain)
    return whole, *list(objects(whole))[number]


def test_an_unknown_field_anywhere_is_named_with_its_place(run: types.Run) -> None:
    plain = to_plain(run)
    # A run, record, subject, environment, machine, startup, evaluation, memory, 2 errors, failure.
    assert object_count(plain) == 11
    for number in range(object_count(plain)):
        whole, tampered, place = nth_object(plain, number)
        tampered["surprise"] = 1
        with pytest.raises(FormatError) as caught:
            from_plain(types.Run, whole)
        assert str(caught.value) == f"{place or 'Run'}: unknown field 'surprise'"


def test_a_missing_field_anywhere_is_named_with_its_place(run: types.Run) -> None:
    plain = to_plain(run)
    fields = {frozenset(field.name for field in dataclasses.fields(kind)): dataclasses.fields(kind) for kind in TYPES}
    for number in range(object_count(plain)):
        mine = fields[frozenset(nth_object(plain, number)[1])]
        # Without a default, both are MISSING.
        for name in (field.name for field in mine if field.default is field.default_factory):
            whole, tampered, place = nth_object(plain, number)
            del tampered[name]
            with pytest.raises(FormatError) as caught:
                from_plain(types.Run, whole)
            assert str(caught.value) == f"{place or 'Run'}: field {name!r} is missing"


def test_fields_with_defaults_may_be_left_out(run: types.Run) -> None:
    """As in records from before they were added."""
    plain = to_plain(run)
    record = plain["records"][0]
    del record["failure"], record["machine"]["gpu"], record["memory"]["peak_gpu_bytes"]
    del record["environment"]["affinity"], record["environment"]["tensor_float_32"]
    read = from_plain(types.Run, plain).records[0]
    assert (read.failure, read.machine.gpu, read.memory.peak_gpu_bytes) == (None, "", None)
    assert (read.environment.affinity, read.environment.tensor_float_32) == ((), None)


def refusal_of(plain: Any) -> str:
    """Why this is no run; empty if it is one."""
    try:
        from_plain(types.Run, plain)
    except FormatError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ([[]], 0),
        (True, 3),  # environment.onednn, environment.tensor_float_32, evaluation.weights_changed
        ({"a": 1}, 1),  # graph_operations
        (1.5, 12),  # 4 of startup, 2 of evaluation, 1 of memory, 2 of each of 2 numeric errors, others_cpu
        # 2 of the run, 1 of the record, 10 of subject and of the errors, 5 of environment, 4 of machine, 3 of failure
        ("text", 31),
        # environment and its tensor_float_32, startup, evaluation, memory and its peak_gpu_bytes, failure, others_cpu
        (None, 8),
    ],
    ids=repr,
)
def test_a_value_of_another_type_anywhere_is_refused_with_its_place(run: types.Run, wrong: Any, right: int) -> None:
    """`right` fields may hold that value; in every other it is refused."""
    plain = to_plain(run)
    taken = 0
    for number in range(object_count(plain)):
        for name in nth_object(plain, number)[1]:
            whole, tampered, place = nth_object(plain, number)
            tampered[name] = wrong
            refusal = refusal_of(whole)
            assert refusal.startswith(f"{place}.{name}".lstrip(".")) or not refusal
            taken += not refusal
    assert taken == right


@pytest.mark.parametrize(
    ("kind", "plain", "message"),
    [
        (int, 2.0, "x: expected an integer, found 2.0"),
        (int, True, "x: expected an integer, found true"),
        (int, "2", 'x: expected an integer, found "2"'),
        (bool, 1, "x: expected true or false, found 1"),
        (str, 2, "x: expected a string, found 2"),
        (float, "nan", 'x: expected a number in the range of a float, found "nan"'),
        (float, False, "x: expected a number in the range of a float, found false"),
        (Finite, "NaN", 'x: expected a finite number, found "NaN"'),
        (Amount, -1e-9, "x: expected a finite number of at least 0, found -1e-09"),
        (Amount, "many", 'x: expected a finite number of at least 0, found "many"'),
        (Amount, "Infinity", 'x: expected a finite number of at least 0, found "Infinity"'),
        (Logarithm, 100.5, "x: expected the logarithm of a ratio, found 100.5"),
        (Amount, 2e18, "x: expected a finite number of at least 0, found 2e+18"),
        (Count, -1, "x: expected an integer of at least 0, found -1"),
        (Count, 2**53, "x: expected an integer of at least 0, found 9007199254740992"),
        (tuple[Amount, ...], [1.0, 2.0, -3.0], "x[2]: expected a finite number of at least 0, found -3.0"),
        (tuple[Count, ...], [1, 2, -3], "x[2]: expected an integer of at least 0, found -3"),
        (int, 10**20, "x: expected an integer, found 100000000000000000000"),
        (float, 10**400, "x: expected a number in the range of a float, found 1" + "0" * 59 + "…"),
        (float, math.inf, "x: expected a number in the range of a float, found Infinity"),  # what 1e999 is read as
        (tuple[float, ...], 1.0, "x: expected a list, found 1.0"),
        (tuple[float, ...], [1.0, None], "x[1]: expected a number in the range of a float, found null"),
        (dict[str, int], [], "x: expected an object, found []"),
        (dict[str, int], {"a": "b"}, 'x.a: expected an integer, found "b"'),
        (types.Memory, 3, "x: expected an object, found 3"),
        (types.Memory | None, [], "x: expected an object, found []"),
    ],
)
def test_what_was_wanted_and_what_was_found_is_said(kind: Any, plain: Any, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        from_plain(kind, plain, "x")
    assert str(caught.value) == message


def test_a_whole_that_is_no_object_is_refused() -> None:
    with pytest.raises(FormatError, match="the whole: expected an object, found \\[1\\]"):
        from_plain(types.Memory, [1])


@pytest.mark.parametrize(
    "text",
    ["", "{", "{} {}", '{"a": 1, "a": 1}', "[NaN]", "[-Infinity]", "['a']", "[" * 100_000, "9" * 5000],
    ids=lambda text: text[:9],
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="not JSON: "):
        parse(text)
