"""The cache's folder, and what dead builds leave in it. What is whole and what is not: test_environments.py."""

import os
import time
from pathlib import Path

import pytest

from bench.drive.stored import LEFT_OVER_SECONDS, cache_folder, environments, remove, sweep


def test_where_the_cache_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFGATE_ENVIRONMENTS", str(tmp_path / "chosen"))
    assert cache_folder() == tmp_path / "chosen"
    monkeypatch.setenv("TFGATE_ENVIRONMENTS", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tfgate" / "environments"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tfgate" / "environments"


def test_only_old_remains_are_swept(tmp_path: Path) -> None:
    old, young, environment = tmp_path / ".new-1", tmp_path / ".new-2", tmp_path / "tensorflow-2.20.0-0123"
    for folder in (old, young, environment):
        folder.mkdir()
        (folder / "file").touch()
    before = time.time() - LEFT_OVER_SECONDS - 60
    for folder in (old, environment):
        os.utime(folder, (before, before))
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".new-2", "tensorflow-2.20.0-0123"}


@pytest.mark.parametrize("name", ["..", "../other", ".", "", "nowhere", "/"])
def test_no_name_leads_out_of_the_cache(tmp_path: Path, name: str) -> None:
    cache, other = tmp_path / "cache", tmp_path / "other"
    for folder in (tmp_path, cache, other):
        folder.mkdir(exist_ok=True)
        (folder / "pyvenv.cfg").touch()
    with pytest.raises(ValueError, match="there is no environment"):
        remove(cache, [name])
    assert (other / "pyvenv.cfg").is_file()


def test_what_is_no_environment_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    assert environments(tmp_path) == []
    assert environments(tmp_path / "nowhere") == []
