"""A wheelhouse with two TensorFlows and two Kerases, which uv is told to use and nothing else, a cache of environments,
and pages without plots.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.fake_interpreter import FAKE_ORACLE, write_interpreter
from tests.builders.forked import SUBPROCESS
from tests.builders.wheels import write_wheel


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of uv's that knows this Python, which takes longer to find out than most of what tests ask it."""
    from uv import find_uv_bin  # which a measured environment need not have

    folder = tmp_path_factory.mktemp("uv")
    words = ("python", "find", "--no-project", "--no-config", "--offline", "--cache-dir", str(folder), sys.executable)
    subprocess.run([find_uv_bin(), *words], stdout=subprocess.DEVNULL, check=True)
    return folder


@pytest.fixture
def unforked_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that are soon over may outlive a pytest that is killed: without a function to run first, they start
    without a fork, which takes longer the larger pytest has grown.
    """
    for module in ("inspection", "micro", "uv"):
        monkeypatch.setattr(f"bench.drive.{module}.ending_with_us", lambda: None)


@pytest.fixture
def wheelhouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uv_cache: Path, unforked_programs: None) -> Path:
    """TensorFlow 2.98.0 (any Keras) and 2.99.0 (Keras 3.1 at least), Keras 3.1.0 and 3.2.0."""
    folder = tmp_path / "wheelhouse"
    folder.mkdir()
    write_wheel(folder, "tensorflow-cpu", "2.98.0", "keras", module="tensorflow")
    write_wheel(folder, "tensorflow-cpu", "2.99.0", "keras>=3.1", module="tensorflow")
    write_wheel(folder, "keras", "3.1.0")
    write_wheel(folder, "keras", "3.2.0")
    shutil.copytree(uv_cache, tmp_path / "uv")
    settings = {
        "UV_OFFLINE": "1",
        "UV_FIND_LINKS": str(folder),
        "UV_CACHE_DIR": str(tmp_path / "uv"),
        "UV_NO_CONFIG": "1",  # the user's
        "NO_PROXY": "127.0.0.1",
    }
    for name in [name for name in os.environ if name.startswith("UV_")]:
        monkeypatch.delenv(name)  # the user's, such as an index of the company
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.fixture
def environment_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of environments that is used by default, empty."""
    monkeypatch.setenv("TFGATE_ENVIRONMENTS", str(tmp_path / "environments"))
    # There for sure; 3.11 may have to be downloaded.
    monkeypatch.setattr("bench.drive.environments.PYTHON", sys.executable)
    return tmp_path / "environments"


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that need no TensorFlow are forks of this process."""
    monkeypatch.setattr("bench.drive.process.subprocess", SUBPROCESS)


@pytest.fixture
def fake_oracle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake sessions publish nothing: a process that looks at nothing compares their steps with the oracle's."""
    monkeypatch.setattr("bench.drive.oracle.INTERPRETER", write_interpreter(tmp_path / "oracle-python", FAKE_ORACLE))


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plots are drawn elsewhere: drawing them takes nearly all the time of a page."""
    from markupsafe import Markup  # which a measured environment need not have

    monkeypatch.setattr("bench.report.plots.svg", lambda chart: Markup("<svg></svg>"))
