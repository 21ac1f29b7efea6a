"""The folder that several processes map: in memory where there is room."""

from pathlib import Path

import pytest

from bench.drive.shared import SHARED_MEMORY, shared_folder


def test_shared_memory_is_used_where_there_is_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("bench.drive.shared.SHARED_MEMORY", tmp_path)
    with shared_folder(1) as folder:
        assert Path(folder).parent == tmp_path
    with shared_folder(1 << 60) as folder:  # an exbibyte
        assert Path(folder).parent not in (tmp_path, SHARED_MEMORY)
    monkeypatch.setattr("bench.drive.shared.SHARED_MEMORY", tmp_path / "none")
    with shared_folder(1) as folder:
        assert Path(folder).is_dir()
