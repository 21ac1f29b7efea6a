"""Lock files as uv writes them."""

import datetime
from pathlib import Path

import pytest

from bench.drive.environments import read_locks
from bench.drive.lockfile import in_place_of, keras_of, nightly_date, overwriting, read_lock, tensorflow_of
from bench.drive.requests import RequestError
from bench.record.paired import Package

TEXT = """\
# a comment
keras==3.4.1 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
tensorflow-cpu @ file:///a%20b/tensorflow_cpu-2.20.0%2Blocal-cp311-cp311-linux_x86_64.whl \\
    --hash=sha256:cc
Typing.Extensions==4.12.2 ; python_version < "3.13" \\
    --hash=sha256:dd
tool @ git+https://host/tool@0123abc
"""


def test_packages_and_their_hashes() -> None:
    assert read_lock(TEXT).packages == (
        Package("keras", "3.4.1", ("sha256:aa", "sha256:bb")),
        Package("tensorflow-cpu", "2.20.0+local", ("sha256:cc",)),
        Package("typing-extensions", "4.12.2", ("sha256:dd",)),
        Package("tool", ""),
    )


def test_tensorflow_and_keras_are_found() -> None:
    lock = read_lock(TEXT)
    assert tensorflow_of(lock.packages) == Package("tensorflow-cpu", "2.20.0+local", ("sha256:cc",))
    assert keras_of(lock.packages) == Package("keras", "3.4.1", ("sha256:aa", "sha256:bb"))
    both = read_lock("tensorflow-cpu==2.20.0\ntensorflow==2.20.0\n")
    assert tensorflow_of(both.packages) == Package("tensorflow", "2.20.0")
    without = read_lock("keras-nightly==3.13.0.dev1\ntensorflow-io-gcs-filesystem==0.37.1\n")
    assert tensorflow_of(without.packages) is None
    assert keras_of(without.packages) == Package("keras-nightly", "3.13.0.dev1")
    assert keras_of(()) is None


def test_what_would_overwrite_a_package_is_in_its_place() -> None:
    packages = read_lock("tf-nightly==2.23.0.dev1\nkeras-nightly==3.16.0.dev1\nnumpy==2.4.6\n").packages
    found = [in_place_of(name, packages) for name in ("tensorflow-cpu", "keras", "keras-nightly", "numpy", "six")]
    assert found == ["tf-nightly", "keras-nightly", "keras-nightly", "numpy", "six"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("keras==3\nkeras-nightly==3.1.dev1\ntensorflow==2\n", ["keras", "keras-nightly"]),
        ("tf-nightly==2\ntensorflow-cpu==2\n", ["tensorflow-cpu", "tf-nightly"]),
        ("keras==3\ntf-keras==2\ntensorflow==2\n", []),
    ],
)
def test_two_distributions_of_one_package_overwrite_each_other(text: str, found: list[str]) -> None:
    assert overwriting(read_lock(text).packages) == found


@pytest.mark.parametrize("line", ["keras", "keras>=3", "keras==3.4.1,!=3.4.2,==3.4.3", "keras=", "\x00"])
def test_a_line_without_an_exact_version_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"has no exact version|Expected"):
        read_lock(line)


@pytest.mark.parametrize("text", ["", "keras", "keras==3.4.1", "\udcff"])
def test_a_damaged_lock_of_the_reference_is_refused_with_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock.txt"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(RequestError, match=f"{path} is damaged or was not written by uv: "):
        read_locks(path)


@pytest.mark.parametrize(
    ("version", "day"),
    [
        ("2.22.0.dev20261001", datetime.date(2026, 10, 1)),
        ("2.22.0-dev20261001", datetime.date(2026, 10, 1)),  # as TensorFlow says it
        *((other, None) for other in ("2.21.0", "2.22.0rc1", "2.22.0.dev1", "2.22.0.dev20261301", "")),
        ("2.22.0.dev185432+g1234abc", None),  # a count of commits, not the second of March 1854
    ],
)
def test_the_day_of_a_nightly_ends_its_version(version: str, day: datetime.date | None) -> None:
    assert nightly_date(version) == day
