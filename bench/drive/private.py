"""The environment variables and the folder of a measured process: nothing of the orchestrator's Python reaches it.

The size of a process' environment and the length of its paths move its stack and heap, and so its speed (Mytkowicz and
others 2009, "Producing wrong data without doing anything obviously wrong!"). Both are drawn anew for each process, as
Python draws its hash seed, so that such an effect is noise between launches and no bias of a side.
"""

import os
import random
import re
from collections.abc import Mapping
from pathlib import Path

from bench.drive.folders import HeldFolder

MOST_PADDING = 4096  # bytes of the environment: a page
MOST_NAME = 64  # characters of a folder's name beyond its prefix
# Set for each measured process, whatever the user says.
OURS = ("KERAS_BACKEND", "KERAS_HOME", "PYTHONUNBUFFERED", "TFGATE_PADDING")
# Paths in the values of what the dynamic linker reads. It searches its folders for a library without a slash.
LIBRARY_PATHS = {"LD_PRELOAD": re.compile(r"[^ :]*/[^ :]*"), "LD_LIBRARY_PATH": re.compile(r"[^:;]+")}


def private_folder() -> HeldFolder:
    """Makes a folder of a process' own, whose name is of any length."""
    return HeldFolder(suffix="x" * random.randrange(MOST_NAME))


def own_variables() -> dict[str, str]:
    """Returns this process' environment variables without those that are for its own Python and pytest."""
    ours = ("PYTHON", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours) and name != "VIRTUAL_ENV"}


def added_path(variables: Mapping[str, str]) -> list[str]:
    """Returns the folders of a side's PYTHONPATH. A relative one is meant from here, not from where a process runs."""
    return [os.path.abspath(folder) for folder in variables.get("PYTHONPATH", "").split(os.pathsep) if folder]


def with_libraries(variables: Mapping[str, str]) -> dict[str, str]:
    """Returns the variables; a relative path of a library, or of a folder of some, is meant from the working folder."""
    there = {name: pattern for name, pattern in LIBRARY_PATHS.items() if name in variables}
    return {**variables, **{name: pattern.sub(_from_here, variables[name]) for name, pattern in there.items()}}


def _from_here(path: re.Match[str]) -> str:
    return path[0] if path[0].startswith(("/", "$")) else os.path.abspath(path[0])  # $ORIGIN: the program's folder


def private_environment(home: Path, device: str, variables: Mapping[str, str]) -> dict[str, str]:
    """Returns a measured process' environment: ours, what was asked for, and first of all the private folder to import
    from.

    The private folder holds lm and bench alone, which no others of that name may hide. An installed copy's parent is
    site-packages, whose NumPy is not the measured one's.
    """
    imports = home / "imports"
    imports.mkdir()
    root = Path(__file__).resolve().parents[2]
    for package in ("lm", "bench"):
        (imports / package).symlink_to(root / package)
    keras_home = home / "keras_home"  # not `keras`: the worker's first import path is this folder
    keras_home.mkdir()
    # Without keras.json, but with what Keras has downloaded: Keras 3 looks for it here, Keras 2 in ~/.keras.
    for cached in Path(os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")).absolute().glob("*"):
        if cached.is_dir():
            (keras_home / cached.name).symlink_to(cached)
    on_cpu = device.startswith("cpu")
    # Two sides share a GPU's memory, of which the first TensorFlow would take nearly all.
    sharing = {} if on_cpu else {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"} if on_cpu else {}
    made = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # NumPy's BLAS is the oracle's, not TensorFlow's. Its threads spin after each product: on two cores that are not
        # idle the oracle's median float32 step of `notebook` took 0.12 s on one thread and 0.83 s on two (least: 0.09 s
        # and 0.21 s).
        "OPENBLAS_NUM_THREADS": "1",
        **sharing,
        **own_variables(),
        **hidden,
        **variables,
        "TFGATE_PADDING": "x" * random.randrange(MOST_PADDING),
        "KERAS_HOME": str(keras_home),
        "KERAS_BACKEND": "tensorflow",
        "PYTHONPATH": os.pathsep.join([str(imports), *added_path(variables)]),
        "PYTHONUNBUFFERED": "1",
    }
    return with_libraries(made)
