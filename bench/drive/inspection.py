"""Asks a Python what it is and what is installed in it."""

import dataclasses
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from bench.drive.children import ending_with_us, not_started
from bench.drive.folders import held_folder
from bench.drive.private import added_path, own_variables, with_libraries
from bench.drive.requests import RequestError
from bench.record.paired import Package

ASK_SECONDS = 60.0
IMPORT_SECONDS = 600.0
# tf.keras is loaded when it is first looked at.
IMPORTED = """
import importlib.metadata, json, sys
import tensorflow
getattr(getattr(tensorflow, "keras", None), "layers", None)
files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
owners = ((item.metadata["Name"], item) for item in importlib.metadata.distributions())
found = [name for name, item in owners if any(str(item.locate_file(file)) in files for file in item.files or ())]
print(json.dumps(found))
"""
PROGRAM = """
import importlib.metadata, json, platform, sys, sysconfig
found = [(item.metadata["Name"], item.version) for item in importlib.metadata.distributions()]
build = "\\n".join([sys.version, sysconfig.get_platform(), sys.base_prefix])
print(json.dumps([platform.python_version(), build, found]))
"""


@dataclasses.dataclass(frozen=True)
class Inspection:
    """A Python and its packages."""

    version: str  # 3.11.7
    build: str  # tells one Python from another of the same version
    packages: tuple[Package, ...]  # by name


def inspect(interpreter: str, variables: Mapping[str, str] | None = None) -> Inspection:
    """Starts an interpreter, with a worker's variables, and asks it.

    Raises RequestError if it is none, or doesn't answer, OSError where the machine has no room for it.
    """
    answer = _ask(interpreter, PROGRAM, variables, ASK_SECONDS)
    try:
        version, build, found = answer
    except (ValueError, TypeError) as error:
        raise RequestError(f"{interpreter} is not a Python that answers: it printed {answer!r}") from error
    names: dict[str, str] = {}
    for name, value in found:
        if name:  # the remains of a package that was removed by hand have none
            names.setdefault(canonicalize_name(name), value or "")  # the first on the path is the one that is imported
    return Inspection(version, build, tuple(Package(name, names[name]) for name in sorted(names)))


def imported(interpreter: str, variables: Mapping[str, str] | None = None) -> set[str]:
    """Returns the packages of which importing TensorFlow, with its Keras, imports anything. Raises RequestError."""
    with held_folder() as home:
        quiet = {"KERAS_HOME": str(home), "KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
        found = _ask(interpreter, IMPORTED, {**quiet, **(variables or {})}, IMPORT_SECONDS)
    return {canonicalize_name(name) for name in found if name}


def _ask(interpreter: str, program: str, variables: Mapping[str, str] | None, seconds: float) -> Any:
    """Returns the JSON in the last line that a program prints: a .pth file may print, too. Raises RequestError."""
    asked = variables or {}
    try:
        done = subprocess.run(
            [interpreter, "-c", program],
            cwd=Path(interpreter).parent,  # -c puts the working folder on the path, and the user's may hold packages
            env={
                **with_libraries({**own_variables(), **asked}),
                "PYTHONPATH": os.pathsep.join(added_path(asked)),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            preexec_fn=ending_with_us(),
        )
        return json.loads(done.stdout.splitlines()[-1])
    except OSError as error:
        raise RequestError(not_started(interpreter, error)) from error
    except subprocess.TimeoutExpired as error:
        raise RequestError(
            f"interpreter {interpreter} did not say within {seconds:.0f} s what is installed in it"
        ) from error
    except (ValueError, IndexError) as error:
        last = next(reversed((done.stderr.strip() or done.stdout.strip()).splitlines()), "nothing")
        raise RequestError(f"{interpreter} is not a Python that answers: it printed {last[:200]}") from error
