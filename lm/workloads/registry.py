"""Finds the workloads: every other module of this package is one, by its own name. `parts` is none."""

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


def workload(name: str) -> Workload:
    """Returns the workload of that name. Raises ConfigError, which names those that there are."""
    if name not in names():
        raise ConfigError(f"no workload is called {name!r}; there are {', '.join(names())}")
    module = importlib.import_module(f"lm.workloads.{name.replace('-', '_')}")
    found: Workload = module.Workload()
    return found
