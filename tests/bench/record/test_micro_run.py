"""A micro report read from its folder, or refused."""

import dataclasses
from pathlib import Path

import pytest

from bench.record.codec import FormatError
from bench.record.files import write_record
from bench.record.micro_run import MICRO_FILE, MicroRun, launch_file, read_micro
from bench.record.types import INCOMPLETE, Failure
from tests.bench.micro_samples import MICRO_RUN, STEP, write_launch


def keep(folder: Path, run: MicroRun, reference: int, candidate: int) -> Path:
    """A report with so many launches of each side."""
    write_record(folder / MICRO_FILE, run)
    for role, count in (("reference", reference), ("candidate", candidate)):
        for number in range(count):
            write_launch(launch_file(folder, role, number), {STEP: 0.06 + number / 1000})
    return folder


def test_a_report_is_read_whole_and_in_order(tmp_path: Path) -> None:
    run, reference, candidate = read_micro(keep(tmp_path, MICRO_RUN, 12, 12))
    assert run == MICRO_RUN
    for side in (reference, candidate):
        assert [launch.cases[STEP].median_seconds for launch in side] == [0.06 + number / 1000 for number in range(12)]


@pytest.mark.parametrize(
    ("changes", "reference", "candidate"),
    [
        ({"failure": Failure("crashed", "it crashed")}, 3, 2),
        ({"warnings": (f"{INCOMPLETE}the run was interrupted",)}, 2, 3),
        ({"warnings": (f"{INCOMPLETE}the run was interrupted",)}, 0, 0),
    ],
)
def test_a_side_may_lack_a_launch_where_the_run_says_why(tmp_path: Path, changes: dict[str, object], reference: int, candidate: int) -> None:
    run = dataclasses.replace(MICRO_RUN, **changes)  # type: ignore[arg-type]  # by name
    assert [len(side) for side in read_micro(keep(tmp_path, run, reference, candidate))[1:]] == [reference, candidate]


@pytest.mark.parametrize(("changes", "candidate"), [({}, 3), ({"failure": Failure("crashed", "it crashed")}, 4)])
def test_missing_launches_are_refused(tmp_path: Path, changes: dict[str, object], candidate: int) -> None:
    run = dataclasses.replace(MICRO_RUN, **changes)  # type: ignore[arg-type]  # by name
    with pytest.raises(FormatError, match=r"holds 4 launches of the reference where the candidate's call for .: files are missing"):
        read_micro(keep(tmp_path, run, 4, candidate))


def test_a_gap_in_the_launches_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, MICRO_RUN, 4, 4)
    launch_file(tmp_path, "candidate", 1).unlink()
    launch_file(tmp_path, "reference", 1).unlink()
    with pytest.raises(FormatError, match=r"reference-02.json is no launch of this report, or one before it is missing"):
        read_micro(tmp_path)


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / MICRO_FILE).write_text("{}")
    with pytest.raises(FormatError, match=r"micro.json can't be read as a microrun: its schema version is None"):
        read_micro(tmp_path)
