"""Effects of parts: arithmetic by hand, and how often planted effects come back and nothing is blamed for nothing."""

from collections.abc import Callable

import numpy as np
import pytest

from bench.stats.effects import CONFIDENCE, Effects, effects

TABLES, LAUNCHES, DEVIATION = 1000, 8, 0.02

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

# Noise of launches, of deviation 1: normal, heavy tails (Student's t of 3 degrees), and one launch of ten slow.
KINDS: dict[str, Draw] = {
    "normal": lambda generator, shape: generator.standard_normal(shape),
    "heavy": lambda generator, shape: generator.standard_t(3, shape) / 3**0.5,
    "slow mode": lambda generator, shape: ((generator.random(shape) < 0.1) - 0.1) / 0.3,
}
FEW_KINDS = ["normal", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("heavy", "slow mode"))]


def table(planted: list[float], draw: Draw, generator: np.random.Generator) -> Effects:
    """Launches of the whole, of parts with such effects, and of a switch under which the first part's is gone."""
    means = np.array([sum(planted), *planted, sum(planted) - planted[0]])
    noise = DEVIATION * draw(generator, (means.size, LAUNCHES))
    whole, *parts, switched = (means[:, None] + noise).tolist()
    return effects(whole, parts, [switched])


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
    assert effects([0.1], [[0.1]]) == Effects(None, (None,), None, (), ())


@pytest.mark.parametrize("kind", FEW_KINDS)
def test_where_nothing_has_an_effect_nothing_is_blamed(kind: str) -> None:
    generator = np.random.default_rng(1)
    found = [table([0.0] * 4, KINDS[kind], generator) for _ in range(TABLES)]
    blamed = sum(any(part and part.is_proven for part in one.parts) for one in found)
    assert blamed / TABLES <= 1 - CONFIDENCE


@pytest.mark.parametrize("kind", FEW_KINDS)
def test_planted_effects_come_back_and_are_those_that_are_blamed(kind: str) -> None:
    """An effect of 6 deviations, one of −4, and two of nothing: what explains the whole leaves nothing unexplained."""
    planted, generator = [0.12, -0.08, 0.0, 0.0], np.random.default_rng(2)
    found = [table(planted, KINDS[kind], generator) for _ in range(TABLES)]
    within = [
        all(part and part.low <= effect <= part.high for part, effect in zip(one.parts, planted, strict=True))
        for one in found
    ]
    right = [[bool(part and part.is_proven) for part in one.parts] == [True, True, False, False] for one in found]
    explained = [one.unexplained is not None and not one.unexplained.is_proven for one in found]
    assert np.mean(within) >= CONFIDENCE
    assert np.mean(right) > 0.9
    assert np.mean(explained) >= CONFIDENCE


def test_what_parts_do_only_together_is_left_unexplained() -> None:
    whole, parts = np.full(LAUNCHES, 0.3), np.zeros((2, LAUNCHES))
    noise = DEVIATION * np.random.default_rng(3).standard_normal((3, LAUNCHES))
    found = effects((whole + noise[0]).tolist(), (parts + noise[1:]).tolist())
    assert not any(part and part.is_proven for part in found.parts)
    assert found.unexplained
    assert found.unexplained.is_proven
