"""Finds the formats of `tfgate report`: every module of bench.report.formats is one, by its own name."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from bench.judge.survey import Surveyed
from bench.report import formats
from bench.report.judged import Judged, UnfitError


class Format(Protocol):
    """A module of bench.report.formats."""

    FILE: str  # the name of its file

    def render(self, judged: Sequence[Judged]) -> str:
        """Returns judged runs as the file's text. Raises UnfitError for runs that the format can't hold."""


def names() -> list[str]:
    """Returns the formats' names, sorted: "pytest-benchmark" is the module pytest_benchmark. Imports none of them."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(formats.__path__))


def find(name: str) -> Format:
    """Returns the format of a name, one of `names`."""
    return cast(Format, importlib.import_module(f"{formats.__name__}.{name.replace('-', '_')}"))


def render_survey(name: str, found: Surveyed) -> str:
    """Returns a survey in a format. Raises UnfitError for a format of runs alone."""
    render: Callable[[Surveyed], str] | None = getattr(find(name), "render_survey", None)
    if render is None:
        raise UnfitError(f"{name} holds runs alone, and no survey: choose html, markdown or json")
    return render(found)
