"""Builds a source of this folder against the headers of a measured environment's TensorFlow."""

import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CACHE = Path(tempfile.gettempdir()) / "tfgate-faults"
COMPILER = "g++"
FLAGS = (
    "import json, tensorflow as tf; print(json.dumps(tf.sysconfig.get_compile_flags() + tf.sysconfig.get_link_flags()))"
)


class NoCompilerError(RuntimeError):
    """There is no compiler to build a fault with."""


@functools.cache
def built(source: str, python: str) -> Path:
    """Returns the shared library of a source for the TensorFlow of `python`; what was built before is taken again.

    Raises NoCompilerError.
    """
    if not shutil.which(COMPILER):
        raise NoCompilerError(f"no {COMPILER}: install it to build {source}")
    code = (FOLDER / source).read_bytes()
    library = CACHE / f"{Path(source).stem}-{hashlib.sha256(code + os.fsencode(python)).hexdigest()[:16]}.so"
    if not library.exists():
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            fresh = Path(folder) / library.name
            options = ("-O2", "-w", "-shared", "-fPIC", str(FOLDER / source), "-o", str(fresh))
            subprocess.run([COMPILER, *options, *_flags(python)], check=True)
            fresh.rename(library)
    return library


def _flags(python: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    result = subprocess.run([python, "-c", FLAGS], env=environment, capture_output=True, text=True, check=True)
    flags: list[str] = json.loads(result.stdout.splitlines()[-1])
    return flags
