"""Sources of faults below Python are built for a TensorFlow, once, and by name refused where nothing builds them."""

from pathlib import Path

import pytest

from tests.faults.native import library
from tests.faults.native.library import NoCompilerError, built


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    built.cache_clear()
    monkeypatch.setattr(library, "CACHE", tmp_path / "cache")
    return tmp_path / "cache"


@pytest.mark.slow
def test_a_source_is_built_once(newest_python: Path, cache: Path) -> None:
    first = built("exponential.cc", str(newest_python))
    made = first.stat().st_mtime_ns
    built.cache_clear()
    assert built("exponential.cc", str(newest_python)) == first
    assert first.stat().st_mtime_ns == made
    assert list(cache.iterdir()) == [first]


def test_without_a_compiler_the_source_is_named(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoCompilerError, match=r"no g\+\+: install it to build products\.cc"):
        built("products.cc", "python")
    assert not cache.exists()
