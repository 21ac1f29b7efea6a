"""A launch's raw values to one number."""

import dataclasses
import math

import numpy as np
import pytest

from bench.judge.summary import by_subject, log_perplexity, perplexity_text, words_per_second
from bench.stats.trimmed import robust_seconds
from tests.bench.samples import SUBJECT, TINY, record


def test_robust_seconds_trims_a_fifth_at_either_end() -> None:
    # Of 1, 2, 4, 8, 1000 the outer two go; the geometric mean of 2, 4, 8 is 4.
    assert robust_seconds([1000.0, 2.0, 8.0, 1.0, 4.0]) == pytest.approx(4.0)


def test_robust_seconds_of_too_few_steps_is_none() -> None:
    assert robust_seconds([1.0, 1.0]) is None


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_no_clock_gives_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="the record is damaged"):
        robust_seconds([1.0, wrong, 1.0])


def test_words_per_second_are_those_of_a_typical_step() -> None:
    # 300 words a step, of which four take 0.1 s: the fifth, a burst of noise, is trimmed away.
    assert words_per_second(dataclasses.replace(record(), step_seconds=(0.1, 0.1, 5.0, 0.1, 0.1))) == pytest.approx(
        3000
    )


def test_a_launch_without_steady_steps_has_no_speed() -> None:
    assert words_per_second(dataclasses.replace(record(), step_seconds=(0.1, 0.1))) is None


def test_log_perplexity_is_the_mean_loss_a_token_after_the_window() -> None:
    # 10 steps of 10 time steps; the window leaves out the first 5: (60 + 4·50)/5/10 = 5.2.
    assert log_perplexity([900.0] * 5 + [60.0] + [50.0] * 4, SUBJECT, 0.5) == pytest.approx(5.2)


@pytest.mark.parametrize("count", [0, 9, 11])
def test_losses_of_another_number_of_steps_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"10 steps holds {count} losses"):
        log_perplexity([50.0] * count, SUBJECT, 0.0)


@pytest.mark.parametrize(("log", "text"), [(math.log(138.244), "138.24"), (1e6, "inf"), (math.nan, "inf")])
def test_perplexity_text(log: float, text: str) -> None:
    assert perplexity_text(log) == text


def test_by_subject_keeps_the_order_of_the_first() -> None:
    one, two, three = record(), record(subject=TINY), record(launch=1)
    assert by_subject([one, two, three]) == {SUBJECT.name: [one, three], TINY.name: [two]}


def test_robust_seconds_is_scipy_s_trimmed_mean() -> None:
    stats = pytest.importorskip("scipy.stats")
    for count in range(3, 30):
        seconds = np.exp(np.random.RandomState(count).standard_normal(count))
        assert robust_seconds(list(seconds)) == pytest.approx(math.exp(stats.trim_mean(np.log(seconds), 0.2)))
