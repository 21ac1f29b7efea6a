"""Finds the workloads: every module of this package but `protocol` and `registry` is one.

A user's own is named by the path of its file (parts.own).
"""

import importlib
import pkgutil
from pathlib import Path

from lm.config import ConfigError
from lm.workloads.protocol import Workload

APART = ("protocol", "registry")  # modules that are no workload


def names() -> tuple[str, ...]:
    """Returns the workloads' names, sorted: "predict-call" is the module predict_call. Imports none of them."""
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    found = (module.name for module in modules if not module.ispkg and module.name not in APART)
    return tuple(sorted(name.replace("_", "-") for name in found))


def is_path(name: str) -> bool:
    """Tells whether a workload is named by the path of a user's own file."""
    return name.endswith(".py")


def require_name(name: str) -> None:
    """Raises ConfigError, which names those that there are, unless a workload has that name."""
    if name not in names():
        own = "the path of your own model's file ends in .py"
        raise ConfigError(f"no workload is called {name!r}: {own}; there are {', '.join(names())}")


def workload(name: str) -> Workload:
    """Returns the workload of that name, or of the file at that path.

    Raises ConfigError, which names those that there are, or says what is wrong with the file.
    """
    if is_path(name):
        own: Workload = importlib.import_module("lm.workloads.parts.own").Workload(Path(name))
        return own
    require_name(name)
    module = importlib.import_module(f"lm.workloads.{name.replace('-', '_')}")
    found: Workload = module.Workload()
    return found
