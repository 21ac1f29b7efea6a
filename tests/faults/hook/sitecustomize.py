"""Injects the fault that TFGATE_FAULT names. Python imports this module at its start where this folder is on
PYTHONPATH.

Nothing but the standard library is imported until the module that the fault is in is.
"""

import importlib
import os
import sys


def inject(name: str) -> None:
    """Arranges for the fault of that name; ends the process if there is none, since a clean one would pass for it."""
    registry = importlib.import_module("injected.registry")
    after_import = importlib.import_module("injected.after_import")
    try:
        fault = registry.fault_by_name(name)
    except ValueError as error:
        print(f"TFGATE_FAULT: {error}", file=sys.stderr, flush=True)
        os._exit(2)  # an exception in sitecustomize is printed, and Python goes on
    sys.meta_path.insert(0, after_import.AfterImport(fault.module, fault.patch))


if "TFGATE_FAULT" in os.environ:
    inject(os.environ["TFGATE_FAULT"])
