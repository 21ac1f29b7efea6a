"""Shared by all tests: the marker `tensorflow`, the PTB archive, measured interpreters, repeatable property tests."""

import gc
import importlib.util
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PTB_ARCHIVE_DEFAULT = ROOT.parent / "shared" / "data" / "simple-examples.tgz"

# By this pytest-benchmark knows that tests run side by side, and switches itself off. The tests of bench/micro are of
# what it is given and writes, not of how fast anything is.
os.environ.pop("PYTEST_XDIST_WORKER", None)
# By this, which tox passes on, tools that tests start color what they print.
os.environ.pop("FORCE_COLOR", None)


def pytest_configure(config: pytest.Config) -> None:
    """Make hypothesis draw the same examples in every run, with no limit on their time, and Ctrl-C interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as it is in a shell's background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if importlib.util.find_spec("hypothesis"):
        from hypothesis import settings

        settings.register_profile("repeatable", derandomize=True, deadline=None)
        settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `tensorflow` where there is none."""
    if importlib.util.find_spec("tensorflow"):
        return
    for item in items:
        if item.get_closest_marker("tensorflow"):
            item.add_marker(pytest.mark.skip(reason="this Python has no TensorFlow; tox run -e tf221 has"))


def pytest_collection_finish() -> None:
    """Leave what imports and collecting made out of garbage collections: each full one would look through all of it.
    Tests make few cycles, so there are fewer collections, too.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(scope="session", autouse=True)
def own_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The lock of timing jobs is a file of the tests' own: a real measurement on this host is not their matter."""
    path = tmp_path_factory.mktemp("lock") / "tfgate.lock"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TFGATE_LOCK", str(path))
        yield path


@pytest.fixture(scope="session")
def ptb_archive() -> Path:
    """The archive simple-examples.tgz, from PTB_ARCHIVE or beside the checkout; skips where it is absent."""
    path = Path(os.environ.get("PTB_ARCHIVE", PTB_ARCHIVE_DEFAULT))
    if not path.is_file():
        pytest.skip(f"no PTB archive at {path}; set PTB_ARCHIVE to a copy of simple-examples.tgz")
    return path


def measured_python(variable: str) -> Path:
    """Return the interpreter that an environment variable names; skips where it names none or none is there."""
    value = os.environ.get(variable, "")
    if not value or not Path(value).is_file():
        pytest.skip(f"{variable} is {value!r}, which is no Python with TensorFlow; tox run -m test makes one")
    return Path(value)


@pytest.fixture(scope="session")
def oldest_python() -> Path:
    """A Python with the oldest supported TensorFlow, 2.12.1."""
    return measured_python("TFGATE_PYTHON_TF212")


@pytest.fixture(scope="session")
def newest_python() -> Path:
    """A Python with the newest supported TensorFlow, 2.21.0."""
    return measured_python("TFGATE_PYTHON_TF221")
