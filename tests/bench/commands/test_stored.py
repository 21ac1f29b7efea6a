"""Readers say which kind they found; an error of computing names the stored file, and our own their subject already."""

import re
from pathlib import Path

import pytest

from bench.commands.stored import judging, read_as, read_ratios, read_report
from bench.commands.usage import UsageError
from bench.judge.micro import UnlikeError
from bench.record.codec import FormatError
from bench.record.files import write_record
from bench.record.gate import GateRun
from bench.record.micro import MICRO_FILE
from bench.record.paired import PairedRun
from bench.record.survey import SURVEY_FILE
from bench.record.types import Run
from tests.builders.commands import gate_run, in_turn, report
from tests.builders.micro import MICRO_RUN
from tests.builders.records import baseline, run
from tests.builders.surveys import survey


def test_a_folder_or_a_file_is_read_as_what_it_is(tmp_path: Path) -> None:
    made = gate_run(in_turn())
    for name in (report(tmp_path, made), tmp_path / "gate.json"):
        assert read_as(str(name), (GateRun,), "") == read_ratios(str(name)) == read_report(str(name)) == made


def test_another_kind_is_named_with_what_is_wanted(tmp_path: Path) -> None:
    made = {
        "a report of gate": ("gate.json", gate_run(in_turn())),
        "a report of upgrade": ("paired.json", in_turn()),
        "a run of one environment": ("run.json", run([])),
        "a report of micro": (MICRO_FILE, MICRO_RUN),
        "a survey": (SURVEY_FILE, survey()),
        "a baseline": ("tiny.json", baseline()),
    }
    for kind, (name, value) in made.items():
        path = tmp_path / kind / name
        write_record(path, value)
        wanted = (Run,) if kind == "a report of upgrade" else (PairedRun,)
        with pytest.raises(UsageError, match=rf"^{re.escape(str(path))} is {kind}: name another$"):
            read_as(str(path), wanted, "name another")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ZeroDivisionError("float division by zero"), "float division by zero"),
        (ValueError("math domain error"), "math domain error"),
        (IndexError("tuple index out of range"), "tuple index out of range"),
    ],
)
def test_what_a_damaged_report_makes_impossible_names_it(error: Exception, said: str) -> None:
    with (
        pytest.raises(FormatError, match=rf"^old or new can't be judged, and may be damaged: {said}$"),
        judging("old", "new"),
    ):
        raise error


@pytest.mark.parametrize("error", [UnlikeError("their machines differ"), KeyboardInterrupt(), RuntimeError("a fault")])
def test_other_errors_stay_what_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, judging("old"):
        raise error
    assert caught.value is error
