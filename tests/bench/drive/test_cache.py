"""The cache's folder. What is whole and what is not: test_environments.py."""

import contextlib
import os
import shutil
import threading
import unittest.mock
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.drive.cache import STORED_FILE, VENV_FILE, Stored, cache_folder, environments, held, installed, remove
from bench.drive.requests import RequestError
from bench.record.files import write_record
from bench.record.types import SCHEMA

NAME = "tensorflow-cpu-2.99.0-0123456789ab"


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFGATE_ENVIRONMENTS", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"
    monkeypatch.setenv("TFGATE_ENVIRONMENTS", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tfgate" / "environments"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tfgate" / "environments"


def test_without_a_home_folder_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container whose user has no entry in /etc/passwd."""
    for name in ("TFGATE_ENVIRONMENTS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", unittest.mock.Mock(side_effect=RuntimeError("Could not determine home")))
    with pytest.raises(RequestError, match="set TFGATE_ENVIRONMENTS or HOME"):
        cache_folder()


@pytest.mark.parametrize("name", ["..", "../other", ".", "", "nowhere", "/"])
def test_no_name_leads_out_of_the_cache(tmp_path: Path, name: str) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    for folder in (tmp_path, cache, other):
        folder.mkdir(exist_ok=True)
        (folder / VENV_FILE).touch()
    with pytest.raises(ValueError, match="there is no environment"):
        remove(cache, [name])
    assert (other / VENV_FILE).is_file()


def test_what_is_no_environment_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert environments(tmp_path) == []
    assert environments(tmp_path / "nowhere") == []


def test_an_environment_whose_removal_was_interrupted_is_still_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that lists files first."""
    (tmp_path / NAME / "lib" / "package").mkdir(parents=True)
    (tmp_path / NAME / VENV_FILE).touch()
    listed_anyhow = os.scandir

    @contextlib.contextmanager
    def files_first(folder: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        with listed_anyhow(folder) as entries:
            yield iter(sorted(entries, key=lambda entry: entry.is_dir()))

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", files_first)
        patched.setattr(os, "rmdir", unittest.mock.Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            remove(tmp_path, [NAME])
    assert [(listed.name, listed.stored) for listed in environments(tmp_path)] == [(NAME, None)]
    remove(tmp_path, [NAME])
    assert not (tmp_path / NAME).exists()


def test_what_another_process_removes_meanwhile_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / VENV_FILE).touch()
    with monkeypatch.context() as patched:
        patched.setattr(os, "walk", lambda folder: [(str(folder), [], ["gone"])])
        assert [listed.size_bytes for listed in environments(tmp_path)] == [0]
    monkeypatch.setattr("bench.drive.cache.read_record", lambda kind, path: shutil.rmtree(path.parent))
    assert environments(tmp_path) == []


@pytest.mark.usefixtures("no_memory")
def test_an_exhausted_machine_is_no_damage_to_an_environment(tmp_path: Path) -> None:
    """One that is called damaged is deleted, and built anew."""
    write_record(tmp_path / STORED_FILE, Stored(SCHEMA, "2.20.0", "", "", "3.11.7", ()))
    with pytest.raises(OSError, match="Cannot allocate memory"):
        installed(tmp_path)


def test_one_waits_for_another(tmp_path: Path) -> None:
    waits, done = threading.Event(), threading.Event()

    def ask() -> None:
        with held(tmp_path, "name", waits.set):
            done.set()

    thread = threading.Thread(target=ask)
    with held(tmp_path, "name"):
        thread.start()
        assert waits.wait(60)
        assert not done.is_set()
    thread.join()
    assert done.is_set()
