"""Environment variables that records hold, and those that they must not."""

import pytest

from bench.record.variables import bearing, is_secret, kept


def test_what_others_call_tf_is_not_kept() -> None:
    assert kept({"TF_BUILD": "True", "TF_CONFIG": "{}", "TF_IN_AUTOMATION": "1", "TF_NUM_INTEROP_THREADS": "1"}) == {
        "TF_NUM_INTEROP_THREADS": "1"
    }


def test_neither_the_log_nor_the_number_of_a_gpu_decides_a_measurement() -> None:
    kept_of_both = {"TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": "3", "TF_XLA_FLAGS": "--a"}
    assert kept(kept_of_both) == kept_of_both
    assert bearing(kept_of_both) == {"TF_XLA_FLAGS": "--a"}


def test_what_bears_on_tensorflow_is_kept_by_name() -> None:
    told = {"XLA_FLAGS": "--a", "LD_PRELOAD": "fast.so", "ONEDNN_MAX_CPU_ISA": "AVX2", "TF_ENABLE_ONEDNN_OPTS": "0"}
    found = kept({**told, "HOME": "/home/me", "PATH": "/bin"})
    assert found == told
    assert list(found) == ["LD_PRELOAD", "ONEDNN_MAX_CPU_ISA", "TF_ENABLE_ONEDNN_OPTS", "XLA_FLAGS"]


@pytest.mark.parametrize(
    "name",
    [
        "TF_TOKEN_app_terraform_io", "TF_VAR_db", "TF_HTTP_USERNAME", "TF_CLI_ARGS_init", "TF_ENCRYPTION",
        "TF_HTTP_PASSWORD", "TF_db_password", "OMP_SECRET", "XLA_SECRETS_FILE", "MKL_ACCESS_KEY", "TF_APIKEY",
        "TF_API_KEY2", "TF_DB_PASSWD", "TF_CREDS", "GOOGLE_CREDENTIALS", "TF_PASSPHRASE",
    ],
)  # fmt: skip
def test_secrets_are_not_kept(name: str) -> None:
    """Terraform's variables begin with TF_, too."""
    assert is_secret(name)
    assert kept({name: "x"}) == {}


@pytest.mark.parametrize("name", ["TF_VARIABLES", "TF_KEYED_BY", "TOKENIZERS_PARALLELISM", "KERAS_BACKEND"])
def test_a_name_that_only_looks_like_it_is_no_secret(name: str) -> None:
    assert not is_secret(name)
