"""Environment variables by their names: those that records hold, and secrets, which none may hold."""

import re
from collections.abc import Mapping

LIBRARIES = ("TF_", "XLA_", "OMP_", "KMP_", "MKL_", "OPENBLAS_", "KERAS_BACKEND", "CUDA_VISIBLE", "NVIDIA_TF32")
ONEDNN = ("ONEDNN_", "DNNL_")  # the second is its old name, which it reads, too
WITHOUT_EFFECT = ("TF_CPP_", "CUDA_VISIBLE")  # how much TensorFlow logs, and the number of a GPU
ALLOCATORS = ("LD_PRELOAD", "MALLOC_", "GLIBC_TUNABLES")  # another allocator, or its settings, moves time and memory
# Terraform's and OpenTofu's begin as TensorFlow's do: credentials, and whole texts that may hold some.
TERRAFORM = ("TF_VAR_", "TF_TOKEN_", "TF_HTTP_", "TF_CLI_", "TF_ENCRYPTION")
# So do the rest of theirs, Azure Pipelines' own, and what a scheduler tells each task of the others.
OF_A_JOB = frozenset(
    {
        "TF_ADDRESS", "TF_BUILD", "TF_CONFIG", "TF_DATA_DIR", "TF_INPUT", "TF_IN_AUTOMATION", "TF_LOG", "TF_LOG_PATH",
        "TF_PLUGIN_CACHE_DIR", "TF_USERNAME", "TF_WORKSPACE",
    }
)  # fmt: skip
SECRET = re.compile(r"(TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|CRED|KEY)S?\d*(_|$)", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Tells whether a variable of this name may hold a secret."""
    return name.startswith(TERRAFORM) or bool(SECRET.search(name))


def kept(variables: Mapping[str, str]) -> dict[str, str]:
    """Returns what records hold of an environment, by name: what bears on TensorFlow or its memory and is no secret."""
    names = sorted(name for name in variables if name.startswith(LIBRARIES + ONEDNN + ALLOCATORS))
    return {name: variables[name] for name in names if name not in OF_A_JOB and not is_secret(name)}


def bearing(variables: Mapping[str, str]) -> dict[str, str]:
    """Returns those of what records hold that decide a measurement."""
    return {name: value for name, value in kept(variables).items() if not name.startswith(WITHOUT_EFFECT)}
