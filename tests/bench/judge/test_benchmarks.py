"""pytest-benchmark launches of two sides: outcomes, what keeps them from being judged, and what may gate."""

from pathlib import Path
from typing import Any

import pytest

from bench.judge.benchmarks import NOT_IN_TURN, compare_benchmarks
from bench.judge.types import Verdict
from bench.record.benchmarks import BenchmarkLaunch, read_benchmarks
from bench.stats.outcome import Outcome
from tests.bench.benchmark_samples import CLIP, STEP, document, write

SPEEDS = {"a": (0.100, 0.101, 0.099, 0.100), "b": (0.1005, 0.1005, 0.0995, 0.0995)}  # by side; differences of ±0.5%
TURNS = ((0, 3, 4, 7), (1, 2, 5, 6))  # minutes: ABBAABBA
MARGIN = 0.05


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def side(
    folder: Path,
    name: str,
    factor: float = 1.0,
    minutes: tuple[int, ...] = TURNS[0],
    names: tuple[str, ...] = (STEP,),
    **changes: Any,
) -> list[BenchmarkLaunch]:
    launches = zip(minutes, SPEEDS[name], strict=True)
    return [
        read_benchmarks(write(folder / f"{name}{m}.json", document(dict.fromkeys(names, factor * s), m, **changes)))
        for m, s in launches
    ]


def judged(folder: Path, factor: float = 1.0, minutes: tuple[int, ...] = TURNS[1], **changes: Any) -> Verdict:
    return compare_benchmarks(side(folder, "a"), side(folder, "b", factor, minutes, **changes), MARGIN)


@pytest.mark.parametrize(
    ("factor", "outcome"),
    # Differences deviate by 0.58%: standard error 0.29%, widened 1.23 times; t at four launches 4.98 and 3.70: bounds 1.8% and 1.3% away.
    [
        (1.0, Outcome.PASS),
        (1.03, Outcome.PASS),
        (1.05, Outcome.CANNOT_JUDGE),
        (1.07, Outcome.REGRESSION),
        (0.9, Outcome.PASS),
    ],
)
def test_outcomes(folder: Path, factor: float, outcome: Outcome) -> None:
    found = judged(folder, factor)
    assert found.outcome is outcome
    (comparison,) = found.comparisons
    assert (comparison.subject, comparison.metric) == ("bench/micro/test_step.py", "test_step[tiny]")
    assert comparison.reference == "99.997 ms"  # the geometric mean
    assert float(comparison.candidate.removesuffix(" ms")) == pytest.approx(99.9988 * factor, abs=0.001)
    assert comparison.improved is (factor == 0.9)


def test_sides_that_were_not_measured_in_turn_cannot_be_judged(folder: Path) -> None:
    found = judged(folder, 2.0, minutes=(10, 11, 12, 13))
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert found.comparisons[0].note == NOT_IN_TURN


@pytest.mark.parametrize(
    ("order", "in_turn"),
    # Mean places of A and B, from 1.
    [
        ("ABBAABBA", True),  # 4.5 and 4.5
        ("ABBABAAB", True),  # 4.5 and 4.5
        ("ABBAABAB", True),  # 17/4 and 19/4: half a place apart
        ("ABBAABBAABBA", True),  # 6.5 and 6.5
        ("ABABABAB", False),  # 4 and 5: the same side always starts
        ("AABBABBA", False),  # 4 and 5
        ("AABBAABB", False),  # 3.5 and 5.5
        ("AAAABBBB", False),  # 2.5 and 6.5
        ("AABBBBAA", False),  # 4.5 and 4.5, but a slow hour in the middle is all B's
        ("AABB", False),
        ("ABBA", False),  # balanced, but two launches a side
        ("ABBABA", False),  # three
    ],
)
def test_only_a_balanced_order_of_four_launches_a_side_is_in_turn(folder: Path, order: str, in_turn: bool) -> None:
    """Drift of 2% a launch and nothing else: where a side comes later it is the slower, which must not become its REGRESSION."""
    sides: dict[str, list[BenchmarkLaunch]] = {"A": [], "B": []}
    for minute, letter in enumerate(order):
        sides[letter].append(
            read_benchmarks(write(folder / f"{minute}.json", document({STEP: 0.1 * 1.02**minute}, minute)))
        )
    found = compare_benchmarks(sides["A"], sides["B"], MARGIN)
    assert found.outcome is not Outcome.REGRESSION
    assert (found.comparisons[0].note != NOT_IN_TURN) is in_turn


def test_drift_of_two_launches_a_side_in_a_row_is_no_regression(folder: Path) -> None:
    """AABB: 100, 101, 110, 111 ms would be +9.95% with a standard error of 0.7%, beyond 5% at t(2) = 2.92."""
    files = [
        read_benchmarks(write(folder / f"{n}.json", document({STEP: s}, n)))
        for n, s in enumerate((0.100, 0.101, 0.110, 0.111))
    ]
    assert compare_benchmarks(files[:2], files[2:], MARGIN).comparisons[0].note == NOT_IN_TURN


def test_launches_pair_by_their_time_in_whatever_order_the_files_are_given(folder: Path) -> None:
    reference, candidate = side(folder, "a"), side(folder, "b", minutes=TURNS[1])
    found = compare_benchmarks(reference, candidate, MARGIN)
    assert compare_benchmarks(reference[::-1], candidate[2:] + candidate[:2], MARGIN) == found


def test_equal_times_tell_no_order(folder: Path) -> None:
    assert judged(folder, minutes=TURNS[0]).comparisons[0].note == NOT_IN_TURN


def test_without_a_spread_nothing_can_be_proven(folder: Path) -> None:
    reference, candidate = (
        [read_benchmarks(write(folder / f"{n}.json", document({STEP: 0.1}, n))) for n in turns] for turns in TURNS
    )
    found = compare_benchmarks(reference, candidate, MARGIN)
    assert found.exit_code == 3
    assert found.comparisons[0].note.startswith("all 4 launches gave the same value")


def test_unlike_machines_cannot_be_judged(folder: Path) -> None:
    found = judged(folder, machine_info={"node": "host", "cpu": {"brand_raw": "Another CPU", "count": 2}})
    assert found.exit_code == 3
    assert "unlike machines (CPU A CPU in one, Another CPU in another)" in found.comparisons[0].note


def test_unlike_subjects_cannot_be_judged(folder: Path) -> None:
    candidate = side(folder, "b", minutes=TURNS[1])
    plain = document({STEP: 0.1}, TURNS[1][0])
    plain["benchmarks"][0]["extra_info"] = {"fingerprint": "4567"}
    candidate[0] = read_benchmarks(write(folder / "other.json", plain))
    found = compare_benchmarks(side(folder, "a"), candidate, MARGIN)
    assert found.exit_code == 3
    assert found.comparisons[0].note == "the files are of unlike things (fingerprint 0123 in one, 4567 in another)"


def test_a_benchmark_that_some_files_lack_cannot_be_judged(folder: Path) -> None:
    found = compare_benchmarks(side(folder, "a", names=(STEP, CLIP)), side(folder, "b", minutes=TURNS[1]), MARGIN)
    assert [each.outcome for each in found.comparisons] == [Outcome.PASS, Outcome.CANNOT_JUDGE]
    assert found.comparisons[1].note == "0 of the 4 files of the candidate have it"
    assert found.exit_code == 3


def test_three_launches_a_side_cannot_be_judged(folder: Path) -> None:
    found = compare_benchmarks(side(folder, "a")[:3], side(folder, "b", minutes=TURNS[1])[:3], MARGIN)
    assert found.exit_code == 3
    assert found.comparisons[0].note == NOT_IN_TURN


def test_more_than_eight_need_a_choice_and_the_others_inform(folder: Path) -> None:
    names = tuple(f"test_a.py::test_{number}" for number in range(9))
    sides = side(folder, "a", names=names), side(folder, "b", 2.0, TURNS[1], names)
    with pytest.raises(ValueError, match="9 benchmarks would gate; at most 8 may"):
        compare_benchmarks(*sides, MARGIN)
    found = compare_benchmarks(*sides, MARGIN, names[:1])
    assert [each.outcome for each in found.comparisons] == [Outcome.REGRESSION, *[Outcome.INFORMS] * 8]


def test_what_makes_no_sense_is_refused(folder: Path) -> None:
    reference, candidate = side(folder, "a"), side(folder, "b", minutes=TURNS[1])
    with pytest.raises(ValueError, match=r"a0\.json is given twice"):
        compare_benchmarks(reference, reference, MARGIN)
    with pytest.raises(ValueError, match="--gate 'nothing': no file has"):
        compare_benchmarks(reference, candidate, MARGIN, ["nothing"])
