"""Finds the formats of `tfgate report`: every module of bench.report.formats is one, by its own name."""

import importlib
import pkgutil
from collections.abc import Callable
from types import ModuleType

from bench.judge.survey import Surveyed
from bench.report import formats
from bench.report.judged import UnfitError


def names() -> list[str]:
    """Returns the formats' names, sorted: "pytest-benchmark" is the module pytest_benchmark. Imports none of them."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(formats.__path__))


def find(name: str) -> ModuleType:
    """Returns the format of a name, one of `names`."""
    return importlib.import_module(f"{formats.__name__}.{name.replace('-', '_')}")


def render_survey(name: str, found: Surveyed) -> str:
    """Returns a survey in a format. Raises UnfitError for a format of runs alone."""
    render: Callable[[Surveyed], str] | None = getattr(find(name), "render_survey", None)
    if render is None:
        raise UnfitError(f"{name} holds runs alone, and no survey: choose html, markdown or json")
    return render(found)
