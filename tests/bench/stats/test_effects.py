"""Effects of parts: arithmetic by hand, and how often planted effects come back and nothing is blamed for nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from bench.stats.effects import CONFIDENCE, WHOLE, Effects, effects

TABLES, LAUNCHES, DEVIATION = 1000, 8, 0.02

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

# Noise of launches, of deviation 1: normal, heavy tails (Student's t of 3 degrees), and one launch of ten slow.
KINDS: dict[str, Draw] = {
    "normal": lambda generator, shape: generator.standard_normal(shape),
    "heavy": lambda generator, shape: generator.standard_t(3, shape) / 3**0.5,
    "slow mode": lambda generator, shape: ((generator.random(shape) < 0.1) - 0.1) / 0.3,
}
FEW_KINDS = ["normal", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("heavy", "slow mode"))]


def table(planted: list[float], draw: Draw, generator: np.random.Generator, together: float = 0.0) -> Effects:
    """Launches of the whole, of parts with such effects, of the first two as a pair, which has another effect
    `together`, and of a switch under which the first part's is gone.
    """
    whole, pair = sum(planted) + together, sum(planted[:2]) + together
    means = np.array([whole, *planted, pair, whole - planted[0]])
    noise = DEVIATION * draw(generator, (means.size, LAUNCHES))
    first, *parts, switched = (means[:, None] + noise).tolist()
    return effects(first, parts, [switched], {len(planted): (0, 1)})


def proven(found: Effects) -> list[bool]:
    """Whether each package is blamed, and the pair."""
    return [bool(one and one.is_proven) for one in (*found.parts[:4], *found.beyond)]


def test_the_rest_is_the_whole_less_the_parts_that_were_measured() -> None:
    found = effects([0.29, 0.31], [[0.19, 0.21], [], [-0.01, 0.01]], [[0.09, 0.11], []])
    assert found.whole
    assert found.parts[0]
    assert found.unexplained
    assert found.whole.estimate == pytest.approx(0.3)
    assert [part and round(part.estimate, 9) for part in found.parts] == [0.2, None, 0.0]
    assert found.unexplained.estimate == pytest.approx(0.1)
    assert [one and round(one.estimate, 9) for one in found.left] == [0.1, None]
    assert [one and round(one.estimate, 9) for one in found.gone] == [0.2, None]
    wide, own = (one.high - one.estimate for one in (found.unexplained, found.parts[0]))
    assert wide == pytest.approx(own * 3**0.5)  # a sum of three means


def test_nothing_is_told_of_too_few_launches() -> None:
    assert effects([0.1], [[0.1]]) == Effects(None, (None,), None, (), (), ())


NOISE = np.array([-0.01, 0.01])


@pytest.mark.parametrize(
    ("first", "second", "pair", "beyond", "unexplained"),
    [
        (0.2, 0.1, 0.45, 0.15, 0.05),  # 0.45 − 0.2 − 0.1: the interaction; 0.55 − 0.45 − 0.05
        (None, 0.1, 0.45, 0.35, 0.05),  # 0.45 − 0.1: the first, given the second
        (None, None, 0.45, 0.45, 0.05),  # what the two do can't be told apart
        (0.2, 0.1, None, None, 0.2),  # 0.55 − 0.2 − 0.1 − 0.05: one at a time
    ],
)
def test_a_pair_has_what_is_beyond_its_measured_members_and_explains_all_that_it_does(
    first: float | None, second: float | None, pair: float | None, beyond: float | None, unexplained: float
) -> None:
    """The whole is 0.55, and a third part, which is in no pair, 0.05."""
    parts = [[] if mean is None else (mean + NOISE).tolist() for mean in (first, second, 0.05, pair)]
    found = effects((0.55 + NOISE).tolist(), parts, pairs={3: (0, 1)})
    assert [one and round(one.estimate, 9) for one in (*found.beyond, found.unexplained)] == [beyond, unexplained]


def test_a_whole_that_is_a_pair_leaves_nothing_unexplained() -> None:
    parts = [(mean + NOISE).tolist() for mean in (0.2, 0.1)]
    found = effects((0.45 + NOISE).tolist(), parts, pairs={WHOLE: (0, 1)})
    assert found.beyond[0]
    assert found.beyond[0].estimate == pytest.approx(0.15)
    assert found.unexplained is None


def test_the_bounds_of_a_pair_are_among_those_that_hold_together() -> None:
    """Rows: the whole, the rest, three parts; and what the pair has beyond its members, which makes 6 of 5."""
    groups = [(0.1 + NOISE).tolist()] * 4
    alone, paired = effects(groups[0], groups[1:]), effects(groups[0], groups[1:], pairs={2: (0, 1)})
    assert alone.whole
    assert paired.whole
    # Student's t of 4 degrees at 1 − 0.05 / rows / 2: scipy.stats.t.ppf.
    assert paired.whole.high - paired.whole.estimate == pytest.approx(0.01 * 4.8510, rel=1e-4)
    assert alone.whole.high - alone.whole.estimate == pytest.approx(0.01 * 4.6041, rel=1e-4)


def test_the_bounds_of_a_switch_are_among_those_that_hold_together() -> None:
    """Rows: the whole, the rest, two parts; what the switch leaves of the whole, and what it takes: 6, as above."""
    groups = [(0.1 + NOISE).tolist()] * 4
    found = effects(groups[0], groups[1:3], [groups[3]])
    assert found.whole
    assert found.whole.high - found.whole.estimate == pytest.approx(0.01 * 4.8510, rel=1e-4)


@pytest.mark.parametrize("kind", FEW_KINDS)
def test_where_nothing_has_an_effect_nothing_is_blamed(kind: str) -> None:
    generator = np.random.default_rng(1)
    found = [table([0.0] * 4, KINDS[kind], generator) for _ in range(TABLES)]
    blamed = sum(any(proven(one)) for one in found)
    assert blamed / TABLES <= 1 - CONFIDENCE


@pytest.mark.parametrize("spread", [1, 2])  # of 8 rows
def test_rows_of_equal_launches_do_not_narrow_the_others(spread: int) -> None:
    """Of losses, where most packages change no bit."""
    generator = np.random.default_rng(1)
    equal, blamed = [[0.0] * LAUNCHES] * (8 - spread), 0
    for _ in range(TABLES):
        rows = [*generator.standard_normal((spread, LAUNCHES)).tolist(), *equal]
        found = effects(rows[-1], rows[:-1])
        blamed += any(part and part.is_proven for part in found.parts)
    assert blamed / TABLES <= 1 - CONFIDENCE


def test_where_no_launches_differ_the_deviation_is_none() -> None:
    """As of GPU memory."""
    (part,) = effects([0.1] * 2, [[0.1] * 2]).parts
    assert part
    assert part.is_proven
    assert part.high == pytest.approx(part.low)


@pytest.mark.parametrize("kind", FEW_KINDS)
def test_planted_effects_come_back_and_are_those_that_are_blamed(kind: str) -> None:
    """An effect of 6 deviations, one of −4, two of nothing, and nothing more together: what explains the whole leaves
    nothing unexplained.
    """
    planted, generator = [0.12, -0.08, 0.0, 0.0], np.random.default_rng(2)
    found = [table(planted, KINDS[kind], generator) for _ in range(TABLES)]
    within = [
        all(part and part.low <= effect <= part.high for part, effect in zip(one.parts, (*planted, 0.04), strict=True))
        for one in found
    ]
    right = [proven(one) == [True, True, False, False, False] for one in found]
    explained = [one.unexplained is not None and not one.unexplained.is_proven for one in found]
    assert np.mean(within) >= CONFIDENCE
    assert np.mean(right) > 0.9
    assert np.mean(explained) >= CONFIDENCE


@pytest.mark.parametrize("kind", FEW_KINDS)
def test_a_planted_interaction_is_found_and_explained(kind: str) -> None:
    """4 deviations: what a pair has beyond its members has √3 the noise of a part, 0.6 deviations."""
    generator = np.random.default_rng(4)
    found = [table([0.0] * 4, KINDS[kind], generator, together=0.08) for _ in range(TABLES)]
    assert np.mean([proven(one) == [False] * 4 + [True] for one in found]) > 0.9
    assert np.mean([one.unexplained is not None and not one.unexplained.is_proven for one in found]) >= CONFIDENCE


def test_what_parts_do_only_together_is_left_unexplained_where_no_pair_is_measured() -> None:
    whole, parts = np.full(LAUNCHES, 0.3), np.zeros((2, LAUNCHES))
    noise = DEVIATION * np.random.default_rng(3).standard_normal((3, LAUNCHES))
    found = effects((whole + noise[0]).tolist(), (parts + noise[1:]).tolist())
    assert not any(part and part.is_proven for part in found.parts)
    assert found.unexplained
    assert found.unexplained.is_proven
