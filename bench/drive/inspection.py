"""Asks a Python what it is and what is installed in it."""

import dataclasses
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from bench.drive.children import ending_with_us
from bench.drive.private import own_variables
from bench.drive.requests import RequestError
from bench.record.paired import Package

ASK_SECONDS = 60.0
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

    Raises RequestError if it is none, or doesn't answer.
    """
    try:
        done = subprocess.run(
            [interpreter, "-c", PROGRAM],
            cwd=Path(interpreter).parent,  # -c puts the working folder on the path, and the user's may hold packages
            env={**own_variables(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ASK_SECONDS,
            check=False,
            preexec_fn=ending_with_us(),
        )
        version, build, found = json.loads(done.stdout.splitlines()[-1])  # the last line: a .pth file may print, too
    except OSError as error:
        raise RequestError(f"interpreter {interpreter} can't be started: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise RequestError(
            f"interpreter {interpreter} did not say within {ASK_SECONDS:.0f} s what is installed in it"
        ) from error
    except (ValueError, IndexError, TypeError) as error:
        last = next(reversed(done.stderr.split("\n")[:-1]), "nothing")
        raise RequestError(f"{interpreter} does not answer as a Python does: it said {last[:200]}") from error
    names: dict[str, str] = {}
    for name, value in found:
        if name:  # the remains of a package that was removed by hand have none
            names.setdefault(canonicalize_name(name), value or "")  # the first on the path is the one that is imported
    return Inspection(version, build, tuple(Package(name, names[name]) for name in sorted(names)))
