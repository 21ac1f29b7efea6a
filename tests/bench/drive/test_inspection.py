"""Interpreters asked what they are, and what can't answer."""

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from bench.drive.inspection import imported, inspect
from bench.drive.requests import RequestError
from tests.builders.programs import write_program
from tests.builders.wheels import write_wheel


def test_this_python() -> None:
    found = inspect(sys.executable)
    assert found.version == platform.python_version()
    assert sys.version in found.build
    versions = {package.name: package.version for package in found.packages}
    assert versions["pytest"] == importlib.metadata.version("pytest")
    assert list(versions) == sorted(canonicalize_name(name) for name in versions)


def test_the_variables_of_its_workers_count_and_ours_do_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "added-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1.0\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "added" not in [package.name for package in inspect(sys.executable).packages]
    assert "added" in [package.name for package in inspect(sys.executable, {"PYTHONPATH": str(tmp_path)}).packages]


def test_a_relative_pythonpath_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in workers: what is recorded is what runs."""
    (tmp_path / "site" / "added-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "added-1.0.dist-info" / "METADATA").write_text("Name: added\nVersion: 1.0\n")
    monkeypatch.chdir(tmp_path)
    assert "added" in [package.name for package in inspect(sys.executable, {"PYTHONPATH": "site"}).packages]


def test_a_relative_folder_of_libraries_is_meant_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter is asked in its own folder."""
    python = write_program(tmp_path / "bin" / "python", '#!/bin/sh\nprintf \'["%s", "", []]\\n\' "$LD_LIBRARY_PATH"\n')
    monkeypatch.chdir(tmp_path)
    assert inspect(python, {"LD_LIBRARY_PATH": "lib"}).version == str(tmp_path / "lib")


def test_of_two_versions_the_one_that_is_imported_counts_and_remains_do_not(tmp_path: Path) -> None:
    """A package that was removed by hand may leave an empty folder."""
    for folder, version in (("first", "1.0"), ("second", "2.0")):
        info = tmp_path / folder / f"added-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: added\nVersion: {version}\n")
    (tmp_path / "first" / "removed-1.0.dist-info").mkdir()
    found = inspect(sys.executable, {"PYTHONPATH": f"{tmp_path}/first{os.pathsep}{tmp_path}/second"}).packages
    assert [package.version for package in found if package.name == "added"] == ["1.0"]


def test_the_working_folder_is_not_on_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    assert inspect(sys.executable).packages


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("echo hello", "is not a Python that answers: it printed hello"),
        ("true", "is not a Python that answers: it printed nothing"),
        ("echo broken >&2; exit 1", "is not a Python that answers: it printed broken"),
        ("echo '[1]'", "is not a Python that answers"),
        ("echo 5", "is not a Python that answers"),
        (r"printf '\377\n'", "is not a Python that answers"),
    ],
)
def test_what_is_no_python(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(RequestError, match=said):
        inspect(write_program(tmp_path / "python", f"#!/bin/sh\n{body}\n"))


def test_one_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.drive.inspection.ASK_SECONDS", 0.2)
    with pytest.raises(RequestError, match="did not say within"):
        inspect(write_program(tmp_path / "python", "#!/bin/sh\nexec sleep 60\n"))


def test_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"can't be started: No such file or directory"):
        inspect(str(tmp_path / "python"))


@pytest.mark.usefixtures("no_memory")
def test_an_exhausted_machine_is_not_the_interpreters_fault() -> None:
    with pytest.raises(OSError, match="Cannot allocate memory"):
        inspect(sys.executable)


def test_what_tensorflow_imports_is_told_by_package(tmp_path: Path) -> None:
    site = tmp_path / "site"
    for wheel in (
        write_wheel(tmp_path, "tensorflow-cpu", "2.97.0", module="tensorflow", text="import keras"),
        write_wheel(tmp_path, "keras", "3.1.0"),
        write_wheel(tmp_path, "tensorboard", "2.97.0"),
    ):
        shutil.unpack_archive(wheel, site, "zip")
    found = imported(sys.executable, {"PYTHONPATH": str(site)})
    assert {"keras", "tensorflow-cpu"} <= found
    assert "tensorboard" not in found


def test_a_python_without_tensorflow_imports_none() -> None:
    with pytest.raises(RequestError, match="No module named 'tensorflow'"):
        imported(sys.executable)
