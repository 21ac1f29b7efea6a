"""Files that can't be read are refused by name; which are promised follows from who wrote them."""

import dataclasses
import errno
import json
import unittest.mock
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from lm.config import CONFIGS
from lm.workloads.parts.promises import FORMATS
from lm.workloads.protocol import Opening, Refused
from lm.workloads.save import VERSIONS_FILE, Workload

if TYPE_CHECKING:
    from lm.workloads.parts.save_work import Work

pytestmark = pytest.mark.tensorflow

OUT_OF_MEMORY = type("ResourceExhaustedError", (Exception,), {})()  # as TensorFlow calls its own


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Work":
    monkeypatch.chdir(tmp_path)
    found = cast("Work", Workload().open(Opening(CONFIGS["tiny"])))
    found.given = tmp_path / "given"
    found.given.mkdir()
    return found


@pytest.mark.any_version
def test_files_that_are_missing_are_refused(work: "Work", tmp_path: Path) -> None:
    versions = dataclasses.asdict(work._versions)
    (work.given / VERSIONS_FILE).write_text(json.dumps(versions))
    for form in FORMATS:
        with pytest.raises(Refused, match=rf"^written by TensorFlow {versions['tensorflow']}, Keras .*: \w+: ."):
            work.answers(f"given {form}")
    assert list(tmp_path.iterdir()) == [work.given]


@pytest.mark.any_version
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        OSError(errno.EDQUOT, "over quota"),
        RuntimeError("Can't decrement id ref count (unable to close file, errno = 28, error message = '…')"),
        MemoryError(),
        OUT_OF_MEMORY,
    ],
)
def test_a_machine_without_room_is_no_answer(
    work: "Work", tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The launch fails, and is repeated."""
    monkeypatch.setattr("lm.workloads.parts.files.write", unittest.mock.Mock(side_effect=error))
    for write in (lambda: work.answers("own .keras"), lambda: work.write_files(tmp_path)):
        with pytest.raises(type(error)):
            write()


def test_no_file_has_the_name_of_one_that_keras_removes(tmp_path: Path) -> None:
    """Keras 3.4 extracts model.weights.h5 beside a `.keras` that it reads, and removes it."""
    from lm.workloads.parts.files import path_of

    assert "model.weights.h5" not in {Path(path_of(tmp_path, form)).name for form in FORMATS}


@pytest.mark.parametrize("promised", [(False, True), (True, False)])
def test_a_writer_s_versions_decide_what_is_promised(work: "Work", promised: tuple[bool, bool]) -> None:
    """Of formats whose writer has this major version, not another one."""
    keras, tensorflow = (
        getattr(work._versions, name) if same else "99.0"
        for name, same in zip(("keras", "tensorflow"), promised, strict=True)
    )
    (work.given / VERSIONS_FILE).write_text(json.dumps({"tensorflow": tensorflow, "keras": keras}))
    assert work.promised("own .keras")
    assert (work.promised("given .keras"), work.promised("given SavedModel")) == promised
