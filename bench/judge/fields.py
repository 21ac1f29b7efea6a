"""The properties that two things do not have in common."""

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Field:
    """A property that two things do not have in common."""

    name: str
    one: str
    other: str


def unlike(one: Mapping[str, object], other: Mapping[str, object]) -> tuple[Field, ...]:
    """Returns the properties of which two things have unlike values; one that a thing lacks is ""."""
    names = [name for name in {**one, **other} if one.get(name) != other.get(name)]
    return tuple(Field(name, str(one.get(name, "")), str(other.get(name, ""))) for name in names)


def unlike_variables(one: Mapping[str, str], other: Mapping[str, str]) -> tuple[Field, ...]:
    """Returns the environment variables that two things do not have in common as one property, "A=1, B=0" of each or
    ""; no property where they have all in common.
    """
    alone = (sorted(one.items() - other.items()), sorted(other.items() - one.items()))
    field = Field("variables", *(", ".join(f"{name}={value}" for name, value in each) for each in alone))
    return (field,) if any(alone) else ()
