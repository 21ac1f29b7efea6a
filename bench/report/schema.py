"""The published JSON Schemas (draft 2020-12) of what tfgate writes, made of the dataclasses themselves.

`python -m bench.report.schema FOLDER` writes them; docs/schema holds them, and a test sees that they are current.
"""

import dataclasses
import enum
import json
import sys
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.judge.types import EXIT_CODES, FAILED_CODE, Verdict
from bench.record.codec import NON_FINITE
from bench.record.gate import GateRun
from bench.record.ledger import Ledger
from bench.record.micro_run import MicroRun
from bench.record.paired import PairedRun
from bench.record.types import SCHEMA, Baseline, Run
from bench.report.text import VERDICT_SCHEMA

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBER = {"anyOf": [{"type": "number"}, {"enum": list(NON_FINITE)}]}
SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: NUMBER,
}


def record_schema(kind: type) -> dict[str, Any]:
    """Of a type that bench.record.codec writes, whose first field is its schema version."""
    definitions: dict[str, Any] = {}
    _schema(kind, definitions)
    whole = definitions.pop(kind.__name__)
    whole["properties"]["schema"] = {"const": SCHEMA}
    return {"$schema": DIALECT, "title": kind.__name__, **whole, "$defs": definitions}


def verdict_schema() -> dict[str, Any]:
    """Of what `tfgate check --json` prints."""
    definitions: dict[str, Any] = {}
    _schema(Verdict, definitions)
    whole = definitions.pop(Verdict.__name__)
    added = {"schema": {"const": VERDICT_SCHEMA}, "exit_code": {"enum": sorted({*EXIT_CODES.values(), FAILED_CODE})}}
    whole["properties"] = added | whole["properties"]
    whole["properties"]["outcome"] = {"enum": [outcome.value for outcome in EXIT_CODES]}
    whole["required"] = list(whole["properties"])
    return {"$schema": DIALECT, "title": "Verdict", **whole, "$defs": definitions}


def report_schema() -> dict[str, Any]:
    """Of what `tfgate report --json` writes: the runs' verdicts, in their order."""
    verdict = verdict_schema()
    definitions = verdict.pop("$defs")
    dialect = verdict.pop("$schema")
    items = {"$ref": "#/$defs/Verdict"}
    return {
        "$schema": dialect,
        "title": "Report",
        "type": "array",
        "items": items,
        "$defs": {"Verdict": verdict, **definitions},
    }


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "baseline": lambda: record_schema(Baseline),
    "gate-run": lambda: record_schema(GateRun),
    "ledger": lambda: record_schema(Ledger),
    "micro-run": lambda: record_schema(MicroRun),
    "paired-run": lambda: record_schema(PairedRun),
    "report": report_schema,
    "run": lambda: record_schema(Run),
    "verdict": verdict_schema,
}


def schema_text(name: str) -> str:
    """A schema as its file holds it."""
    return json.dumps(SCHEMAS[name](), indent=1) + "\n"


def main(folder: Path) -> None:
    """Writes every schema."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in SCHEMAS:
        (folder / f"{name}.schema.json").write_text(schema_text(name), encoding="utf-8")


def _schema(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; dataclasses are added to `definitions` and referred to."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _reference(kind, definitions)
    if origin in (types.UnionType, typing.Union):
        inner = next(argument for argument in arguments if argument is not types.NoneType)
        return {"anyOf": [_schema(inner, definitions), {"type": "null"}]}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"enum": [member.value for member in kind]}
    return SCALARS[kind]


def _reference(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}  # so that a type that holds itself ends
        hints = typing.get_type_hints(kind)
        fields = dataclasses.fields(kind)
        needed = [
            f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        ]
        definitions[name] = {
            "type": "object",
            "properties": {field.name: _schema(hints[field.name], definitions) for field in fields},
            "required": needed,
            "additionalProperties": False,
        }
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
