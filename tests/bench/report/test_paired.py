"""A paired run in a terminal: its sides and its launches."""

import dataclasses
import math

import pytest

from bench.record.paired import Package
from bench.record.types import CASE, LEFT_OPEN, NO_ORACLE, NOT_FINITE, Failure, Memory, NumericError, Unchecked
from bench.report.paired import LAUNCH, pairs_text, sides_text
from tests.builders.golden import golden
from tests.builders.launches import on_candidate
from tests.builders.paired import NOISE, pair, paired_run
from tests.builders.records import BEYOND, WITHIN, record

RUN = paired_run([pair(launch) for launch in range(4)])


def cells(text: str, first: str) -> list[str]:
    return next(line for line in text.splitlines() if line.startswith(first)).split()


def test_wording() -> None:
    failed = pair(4, failure=Failure("crashed", "killed by SIGKILL"))
    traceback = 'Traceback (most recent call last):\n  File "mine.py", line 3, in build\n'
    lockstep = Failure("exception", "ValueError: no such shape", traceback)
    run = dataclasses.replace(
        paired_run([*RUN.pairs, failed], warnings=["background load of 3.00 processes"]),
        lockstep_failure=lockstep,
        incomplete="the run was interrupted after 5 of 12 launches",
    )
    golden("pairs.txt", pairs_text(run))


def test_every_tensor_that_is_over_its_limit_is_listed() -> None:
    refused = NumericError(
        1, "logits", "", math.inf, 1e-6, refused="Keras 2.15.0: ValueError: no", source=CASE, case="own .keras"
    )
    sides = [record(numerics=[WITHIN]), record(numerics=[WITHIN, BEYOND, refused])]
    text = pairs_text(paired_run(RUN.pairs, sides))
    found = [line for line in text.splitlines() if line.startswith("over its limit: ")]
    assert found[0] == "over its limit: candidate: update of output/bias at step 5: 1.0e-02, limit 4.0e-06"
    assert "own .keras" in found[1]
    assert found[1].endswith(": refused: Keras 2.15.0: ValueError: no")
    assert len(found) == 2


def test_every_tensor_that_was_not_compared_is_listed() -> None:
    """A verdict names a few; why a step was not checked at all is no tensor."""
    open_ones = [Unchecked(LEFT_OPEN, f"gradient of conv{number}/kernel") for number in range(9)]
    unchecked = (*open_ones, Unchecked(NOT_FINITE, "loss of step 0"), Unchecked(NO_ORACLE, "none"))
    sides = [record(numerics=[WITHIN]), dataclasses.replace(record(numerics=[WITHIN]), unchecked=unchecked)]
    (line,) = (line for line in pairs_text(paired_run(RUN.pairs, sides), 999).splitlines() if "not compared" in line)
    assert line == f"not compared: {', '.join(one.detail for one in unchecked[:-1])}"


def test_the_command_is_quoted_for_a_shell() -> None:
    run = dataclasses.replace(RUN, command=("tfgate", "upgrade", "--metric", "step time"))
    assert "tfgate upgrade --metric 'step time'\n" in pairs_text(run)


def test_each_side_tells_the_request_and_what_was_measured() -> None:
    variables = {"TF_ENABLE_ONEDNN_OPTS": "0"}
    reference = dataclasses.replace(RUN.reference, variables=variables, as_of="2026-01-01T00:00:00Z")
    text = sides_text(dataclasses.replace(RUN, reference=reference))
    assert cells(text, "asked for")[2:] == cells(text, "TensorFlow")[1:] == ["2.20.0", "2.21.0"]
    assert cells(text, "Keras")[1:] == ["3.15.1", "3.15.1"]
    assert cells(text, "$TF_ENABLE_ONEDNN_OPTS")[1:] == ["0", "–"]
    assert cells(text, "index as of")[3:] == ["2026-01-01T00:00:00Z", "–"]


def test_other_packages_that_differ_are_named() -> None:
    """All but those in rows of their own; none where an interpreter that was there doesn't list its packages."""
    old = {"h5py": "3.16.0", "numpy": "2.4.0", "six": "1.17.0", "tensorboard": "2.20.0"}
    new = {"h5py": "3.14.0", "numpy": "2.4.6", "six": "1.17.0"}
    reference, candidate = (
        dataclasses.replace(side, packages=tuple(Package(name, version) for name, version in packages.items()))
        for side, packages in ((RUN.reference, old), (RUN.candidate, new))
    )
    text = sides_text(dataclasses.replace(RUN, reference=reference, candidate=candidate))
    assert text.endswith("other packages that differ: h5py 3.16.0 → 3.14.0, tensorboard 2.20.0 → not installed")
    bare = dataclasses.replace(candidate, packages=())
    assert "other packages" not in sides_text(dataclasses.replace(RUN, reference=reference, candidate=bare))


def test_sides_that_never_ran_have_no_environment() -> None:
    _, _, *rows = sides_text(paired_run([])).splitlines()
    assert [row.split()[:2] for row in rows] == [["asked", "for"]]


@pytest.mark.parametrize(
    ("width", "left_out"),
    [
        (120, []),
        (100, []),
        (80, ["first", "others' CPU"]),
        (60, ["first", "others' CPU", "seconds"]),  # and no narrower than that
    ],
)
def test_on_a_narrow_terminal_columns_give_way_and_are_named(width: int, left_out: list[str]) -> None:
    reference = dataclasses.replace(RUN.reference, requested="tensorflow-cpu==2.20.0 " * 9)
    lines = pairs_text(dataclasses.replace(RUN, reference=reference, warnings=("load " * 40,)), width).splitlines()
    assert max(map(len, lines)) <= max(width, 67)
    (header,) = (line for line in lines if "evaluation" in line)
    assert [name for name in LAUNCH if name not in header] == [name for name in LAUNCH if name in left_out]
    told = [line for line in lines if line.startswith("left out")]
    assert told == ([f"left out to fit {width} columns: {', '.join(left_out)}"] if left_out else [])
    assert " ".join(lines).count("tensorflow-cpu==2.20.0") == 9


def test_names_from_a_run_cannot_move_the_terminal() -> None:
    hostile = dataclasses.replace(RUN.reference, requested="\x1b[2Jname\nnext")
    text = sides_text(dataclasses.replace(RUN, reference=hostile))
    text += pairs_text(dataclasses.replace(RUN, warnings=("\x1b[31mred",)))
    assert "\x1b" not in text
    assert "[2Jname next" in text


def test_a_launch_s_peak_memory_is_what_the_verdict_judges() -> None:
    """Without the libraries' files: 1000 − 300 MiB."""
    pairs = [on_candidate(pair(0), memory=Memory(1000 * 2**20, 0.0, file_rss_bytes=300 * 2**20))]
    row = cells(pairs_text(paired_run(pairs)).split("launch", 1)[1], "1")
    place = row.index("/", row.index("/") + 1)
    assert row[place - 1] == "700"


def test_a_launch_s_ratio_is_its_quads() -> None:
    ratio = math.expm1(0.1 + NOISE[0])
    row = cells(pairs_text(paired_run([pair(0, step=0.1)])).split("launch", 1)[1], "1")
    assert f"{100 * ratio:+.1f}%" in row
