"""The published JSON Schemas (draft 2020-12) of what tfgate writes, made of the dataclasses themselves.

docs/schema holds them; `TFGATE_GOLDEN=write pytest tests/bench/report` writes them anew.
"""

import dataclasses
import enum
import json
import types
import typing
from collections.abc import Callable
from typing import Any

from bench.judge.reasons import Reason
from bench.judge.types import Verdict
from bench.record.codec import MOST_COUNT, NON_FINITE, NUMBERS, Amount, Count, Finite, Logarithm, fields_of
from bench.record.files import SEAL
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.micro import MicroRun
from bench.record.paired import PairedRun
from bench.record.survey import Survey
from bench.record.types import SCHEMA, Baseline, Run
from bench.report.formats.json import SCHEMA as VERDICT_SCHEMA
from bench.report.sentences import OF_COMPARISONS, SENTENCES
from bench.stats.outcome import EXIT_CODES, Outcome

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBER = {"anyOf": [{"type": "number"}, {"enum": list(NON_FINITE)}]}  # JSON has no word for some
SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"$ref": "#/$defs/Number"},
    Finite: {"type": "number"},
    Amount: {"type": "number", "minimum": 0, "maximum": NUMBERS[Amount].most},
    Logarithm: {"type": "number", "minimum": NUMBERS[Logarithm].least, "maximum": NUMBERS[Logarithm].most},
    Count: {"type": "integer", "minimum": 0, "exclusiveMaximum": MOST_COUNT},
}
Definitions = dict[str, Any]


def record_schema(kind: type, *, sealed: bool = False) -> dict[str, Any]:
    """Returns the schema of a type that bench.record.codec writes; its first field is the schema version.

    A `sealed` type may hold its own checksum before it.
    """
    definitions: Definitions = {"Number": NUMBER}
    _schema(kind, definitions)
    whole = definitions.pop(kind.__name__)
    seal = {SEAL: {"type": "string", "pattern": "^[0-9a-f]{64}$"}} if sealed else {}
    whole["properties"] = {**seal, **whole["properties"], "schema": {"const": SCHEMA}}
    return {"$schema": DIALECT, "title": kind.__name__, **whole, "$defs": definitions}


def verdict_schema() -> dict[str, Any]:
    """Returns the schema of what `tfgate check --json` prints."""
    definitions: Definitions = {}
    _schema(Verdict, definitions)
    whole = definitions.pop(Verdict.__name__)
    added = {
        "schema": {"const": VERDICT_SCHEMA},
        "exit_code": {"enum": list(EXIT_CODES.values())},
        "outcome": {"enum": [outcome.value for outcome in EXIT_CODES]},
    }
    whole["properties"] = added | whole["properties"]
    of_one = [outcome.value for outcome in Outcome if outcome is not Outcome.FAILED]  # no comparison alone has failed
    definitions["Comparison"]["properties"]["outcome"] = {"enum": of_one}
    for definition in (whole, *definitions.values()):
        if "properties" in definition:
            definition["required"] = list(definition["properties"])  # fields with defaults are written as well
    return {"$schema": DIALECT, "title": "Verdict", **whole, "$defs": {"Number": NUMBER, **definitions}}


def report_schema() -> dict[str, Any]:
    """Returns the schema of report.json: the runs' verdicts, in their order."""
    return {"$schema": DIALECT, "title": "Report", "type": "array", "items": {"$ref": "verdict.schema.json"}}


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "baseline": lambda: record_schema(Baseline),
    "gate-run": lambda: record_schema(GateRun, sealed=True),
    "ledger": lambda: record_schema(Ledger),
    "micro-run": lambda: record_schema(MicroRun, sealed=True),
    "paired-run": lambda: record_schema(PairedRun, sealed=True),
    "report": report_schema,
    "run": lambda: record_schema(Run, sealed=True),
    "survey": lambda: record_schema(Survey, sealed=True),
    "verdict": verdict_schema,
}


def schema_text(name: str) -> str:
    """Returns a schema as its file holds it."""
    return json.dumps(SCHEMAS[name](), indent=1) + "\n"


def _schema(kind: Any, definitions: Definitions) -> dict[str, Any]:
    """Returns the schema of a type; dataclasses are added to `definitions` and referred to."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _reference(kind, definitions)
    if origin in (types.UnionType, typing.Union):
        inner = next(argument for argument in arguments if argument is not types.NoneType)
        return {"anyOf": [_schema(inner, definitions), {"type": "null"}]}
    if origin is tuple:
        return _array(arguments, definitions)
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    return SCALARS[kind]


def _array(arguments: tuple[Any, ...], definitions: Definitions) -> dict[str, Any]:
    """Returns the schema of a tuple: of any length, or of one type for each place."""
    if arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    places = [_schema(argument, definitions) for argument in arguments]
    return {"type": "array", "prefixItems": places, "items": False, "minItems": len(places)}


def _reference(kind: Any, definitions: Definitions) -> dict[str, Any]:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # so that a type that holds itself ends
        definitions[name] = _definition(kind, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _definition(kind: Any, definitions: Definitions) -> dict[str, Any]:
    if kind is Reason:
        return {"anyOf": [_reference(each, definitions) for each in (*OF_COMPARISONS, *SENTENCES)]}
    hints, required = fields_of(kind)
    told = {"kind": {"const": kind.__new__(kind).kind}} if issubclass(kind, Reason) else {}
    return {
        "type": "object",
        "properties": told | {name: _schema(hint, definitions) for name, hint in hints.items()},
        "required": [name for name in hints if name in required],
        "additionalProperties": False,
    }
