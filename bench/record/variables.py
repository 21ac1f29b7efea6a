"""Environment variables by their names: those that records hold, and secrets, which none may hold."""

import re
from collections.abc import Mapping

LIBRARIES = ("TF_", "XLA_", "OMP_", "KMP_", "MKL_", "OPENBLAS_", "KERAS_BACKEND", "CUDA_VISIBLE", "NVIDIA_TF32")
ONEDNN = ("ONEDNN_", "DNNL_")  # the second is its old name, which it reads, too
LOG = "TF_CPP_"  # how much TensorFlow logs
ALLOCATORS = ("LD_PRELOAD", "MALLOC_", "GLIBC_TUNABLES")  # another allocator, or its settings, moves time and memory
# Terraform's and OpenTofu's begin as TensorFlow's do: credentials, and whole texts that may hold some.
TERRAFORM = ("TF_VAR_", "TF_TOKEN_", "TF_HTTP_", "TF_CLI_", "TF_ENCRYPTION")
SECRET = re.compile(r"(TOKEN|PASSWORD|SECRET|KEY)S?(_|$)", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Tells whether a variable of this name may hold a secret."""
    return name.startswith(TERRAFORM) or bool(SECRET.search(name))


def kept(variables: Mapping[str, str]) -> dict[str, str]:
    """Returns what records hold of an environment, by name: what bears on TensorFlow or its memory and is no secret."""
    names = sorted(name for name in variables if name.startswith(LIBRARIES + ONEDNN + ALLOCATORS))
    return {name: variables[name] for name in names if not is_secret(name)}


def bearing(variables: Mapping[str, str]) -> dict[str, str]:
    """Returns those of what records hold that decide a measurement: all but those of TensorFlow's log."""
    return {name: value for name, value in kept(variables).items() if not name.startswith(LOG)}
