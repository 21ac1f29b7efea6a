"""A launch's raw values to one number."""

import dataclasses

import pytest

from bench.judge.summary import log_perplexity, records_by_subject, words_per_second
from tests.builders.records import SUBJECT, TINY, record


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
    with pytest.raises(ValueError, match=f"{count} losses in a training of 10 steps"):
        log_perplexity([50.0] * count, SUBJECT, 0.0)


def test_records_by_subject_keep_the_order_of_the_first() -> None:
    one, two, three = record(), record(subject=TINY), record(launch=1)
    assert records_by_subject([one, two, three]) == {SUBJECT.name: [one, three], TINY.name: [two]}
