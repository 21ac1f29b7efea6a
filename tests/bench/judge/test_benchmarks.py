"""pytest-benchmark launches of two sides: outcomes, what keeps them from being judged, and what may gate."""

from pathlib import Path
from typing import Any

import pytest

from bench.judge.benchmarks import compare_benchmarks
from bench.judge.reasons import Field, FilesLackIt, NoSpread, NotInTurn, UnlikeFiles
from bench.judge.types import Question, Scope, Unit, Verdict
from bench.record.benchmarks import BenchmarkLaunch, read_benchmarks
from bench.stats.outcome import Outcome
from tests.builders.benchmarks import CLIP, STEP, document, write

SPEEDS = {"a": (0.100, 0.101, 0.099, 0.100), "b": (0.1005, 0.1005, 0.0995, 0.0995)}  # by side; differences of ±0.5%
TURNS = ((0, 3, 4, 7), (1, 2, 5, 6))  # minutes: ABBAABBA
MARGIN = 0.05
NOT_IN_TURN = NotInTurn(4)


def side(
    tmp_path: Path,
    name: str,
    factor: float = 1.0,
    minutes: tuple[int, ...] = TURNS[0],
    names: tuple[str, ...] = (STEP,),
    **changes: Any,
) -> list[BenchmarkLaunch]:
    launches = zip(minutes, SPEEDS[name], strict=True)
    return [
        read_benchmarks(write(tmp_path / f"{name}{m}.json", document(dict.fromkeys(names, factor * s), m, **changes)))
        for m, s in launches
    ]


def judged(tmp_path: Path, factor: float = 1.0, minutes: tuple[int, ...] = TURNS[1], **changes: Any) -> Verdict:
    return compare_benchmarks(side(tmp_path, "a"), side(tmp_path, "b", factor, minutes, **changes), MARGIN)


@pytest.mark.parametrize(
    ("factor", "outcome"),
    # Differences deviate by 0.58%: standard error 0.29%, widened 1.23 times; t at four launches 6.16 and 4.59: bounds
    # 2.2% and 1.6% away.
    [
        (1.0, Outcome.PASS),
        (1.03, Outcome.PASS),
        (1.05, Outcome.INCONCLUSIVE),
        (1.08, Outcome.REGRESSION),
        (0.9, Outcome.PASS),
    ],
)
def test_outcomes(tmp_path: Path, factor: float, outcome: Outcome) -> None:
    found = judged(tmp_path, factor)
    assert found.outcome is outcome
    (comparison,) = found.comparisons
    assert (comparison.subject, comparison.metric.name) == ("bench/micro/test_step.py", "test_step[tiny]")
    assert (comparison.metric.unit, comparison.improved) == (Unit.SECONDS, factor == 0.9)
    # Geometric means.
    assert (comparison.reference, comparison.candidate) == pytest.approx((0.0999975, 0.0999988 * factor), abs=1e-6)
    assert (found.question, found.scope) == (Question.BENCHMARKS, Scope.SPEED)


def test_sides_that_were_not_measured_in_turn_are_inconclusive(tmp_path: Path) -> None:
    found = judged(tmp_path, 2.0, minutes=(10, 11, 12, 13))
    (comparison,) = found.comparisons
    assert (found.outcome, comparison.reason, comparison.interval) == (Outcome.INCONCLUSIVE, NOT_IN_TURN, None)
    assert comparison.candidate == pytest.approx(0.2, abs=1e-3)  # shown all the same


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
def test_only_a_balanced_order_of_four_launches_a_side_is_in_turn(tmp_path: Path, order: str, in_turn: bool) -> None:
    """Drift of 2% a launch and nothing else: the side that comes later is the slower, which must be no REGRESSION."""
    sides: dict[str, list[BenchmarkLaunch]] = {"A": [], "B": []}
    for minute, letter in enumerate(order):
        sides[letter].append(
            read_benchmarks(write(tmp_path / f"{minute}.json", document({STEP: 0.1 * 1.02**minute}, minute)))
        )
    found = compare_benchmarks(sides["A"], sides["B"], MARGIN)
    assert found.outcome is not Outcome.REGRESSION
    assert (found.comparisons[0].reason != NOT_IN_TURN) is in_turn


def test_launches_pair_by_their_time_in_whatever_order_the_files_are_given(tmp_path: Path) -> None:
    reference, candidate = side(tmp_path, "a"), side(tmp_path, "b", minutes=TURNS[1])
    found = compare_benchmarks(reference, candidate, MARGIN)
    assert compare_benchmarks(reference[::-1], candidate[2:] + candidate[:2], MARGIN) == found


def test_equal_times_tell_no_order(tmp_path: Path) -> None:
    """In the order of their names these two would be in turn, and may not have been."""
    assert judged(tmp_path, minutes=(0, 2, 5, 6)).comparisons[0].reason == NOT_IN_TURN


def test_without_a_spread_nothing_can_be_proven(tmp_path: Path) -> None:
    reference, candidate = (
        [read_benchmarks(write(tmp_path / f"{n}.json", document({STEP: 0.1}, n))) for n in turns] for turns in TURNS
    )
    found = compare_benchmarks(reference, candidate, MARGIN)
    assert found.exit_code == 3
    assert found.comparisons[0].reason == NoSpread(4)


def test_unlike_machines_are_inconclusive(tmp_path: Path) -> None:
    found = judged(tmp_path, machine_info={"node": "host", "cpu": {"brand_raw": "Another CPU", "count": 2}})
    files = (str(tmp_path / "a0.json"), str(tmp_path / "b1.json"))
    unlike = UnlikeFiles((Field("CPU", "A CPU", "Another CPU"),), files)
    assert (found.exit_code, found.comparisons[0].reason) == (3, unlike)


def test_unlike_subjects_are_inconclusive(tmp_path: Path) -> None:
    candidate = side(tmp_path, "b", minutes=TURNS[1])
    plain = document({STEP: 0.1}, TURNS[1][0])
    plain["benchmarks"][0]["extra_info"] = {"fingerprint": "4567"}
    candidate[0] = read_benchmarks(write(tmp_path / "other.json", plain))
    found = compare_benchmarks(side(tmp_path, "a"), candidate, MARGIN)
    files = (str(tmp_path / "a0.json"), str(tmp_path / "other.json"))
    unlike = UnlikeFiles((Field("fingerprint", "0123", "4567"),), files)
    assert (found.exit_code, found.comparisons[0].reason) == (3, unlike)


@pytest.mark.parametrize(
    ("names", "lacking"),
    [
        (((STEP, CLIP), (STEP,)), FilesLackIt("candidate", 0, 4)),
        (((STEP,), (STEP, CLIP)), FilesLackIt("reference", 0, 4)),
    ],
)
def test_a_benchmark_that_some_files_lack_is_inconclusive(
    tmp_path: Path, names: tuple[tuple[str, ...], tuple[str, ...]], lacking: FilesLackIt
) -> None:
    sides = side(tmp_path, "a", names=names[0]), side(tmp_path, "b", minutes=TURNS[1], names=names[1])
    found = compare_benchmarks(*sides, MARGIN)
    assert [each.outcome for each in found.comparisons] == [Outcome.PASS, Outcome.INCONCLUSIVE]
    assert (found.comparisons[1].reason, found.exit_code) == (lacking, 3)


def test_more_than_eight_need_a_choice_and_the_others_are_shown(tmp_path: Path) -> None:
    names = tuple(f"test_a.py::test_{number}" for number in range(9))
    sides = side(tmp_path, "a", names=names), side(tmp_path, "b", 2.0, TURNS[1], names)
    with pytest.raises(ValueError, match=r"9 benchmarks would gate.* name 8"):
        compare_benchmarks(*sides, MARGIN)
    found = compare_benchmarks(*sides, MARGIN, names[:1])
    assert [each.outcome for each in found.comparisons] == [Outcome.REGRESSION, *[Outcome.NOT_GATED] * 8]


def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    reference, candidate = side(tmp_path, "a"), side(tmp_path, "b", minutes=TURNS[1])
    with pytest.raises(ValueError, match=r"a0\.json is given twice"):
        compare_benchmarks(reference, reference, MARGIN)
    with pytest.raises(ValueError, match="--gate 'nothing': no file has"):
        compare_benchmarks(reference, candidate, MARGIN, ["nothing"])
