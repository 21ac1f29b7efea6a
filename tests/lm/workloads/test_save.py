"""Files that can't be read are refused by name; which are promised follows from who wrote them."""

import dataclasses
import json
from pathlib import Path

import pytest

from lm.config import CONFIGS
from lm.workloads.protocol import Opening, Refused
from lm.workloads.save import FORMATS, VERSIONS_FILE, Work, Workload

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Work:
    monkeypatch.chdir(tmp_path)
    found = Workload().open(Opening(CONFIGS["tiny"]))
    found.given = tmp_path / "given"
    found.given.mkdir()
    return found


def test_files_that_are_missing_are_refused(work: Work, tmp_path: Path) -> None:
    versions = dataclasses.asdict(work._versions)
    (work.given / VERSIONS_FILE).write_text(json.dumps(versions))
    for form in FORMATS:
        with pytest.raises(Refused, match=rf"^written by TensorFlow {versions['tensorflow']}, Keras .*: \w+: ."):
            work.answers(f"given {form}")
    assert list(tmp_path.iterdir()) == [work.given]


@pytest.mark.parametrize(("tensorflow", "keras", "expected"), [("2.1.0", "1.0.0", False), ("3.0.0", "99.0", False)])
def test_a_writer_s_versions_decide_what_is_promised(work: Work, tensorflow: str, keras: str, expected: bool) -> None:
    (work.given / VERSIONS_FILE).write_text(json.dumps({"tensorflow": tensorflow, "keras": keras}))
    assert work.promised("own .keras")
    assert work.promised("given .keras") is expected
    assert work.promised("given SavedModel") is tensorflow.startswith("2.")
