"""The oracle's optimizers, by arithmetic that is done by hand."""

import numpy as np
import pytest

from lm.oracle.optimizers import DOCUMENTED, OPTIMIZERS, adam, by_slot, momentum, rmsprop, updated, updated_by

ONE = np.array([1.0])


def test_adam_s_first_update_is_the_rate() -> None:
    """m = 0.1 · 2, v = 0.001 · 4; corrected they are 2 and 4, so that the update is 0.001 · 2 / 2, whatever 2 is."""
    value, slots = adam(ONE, {}, np.array([2.0]), 1, DOCUMENTED)
    assert slots["m"] == pytest.approx(0.2)
    assert slots["v"] == pytest.approx(0.004)
    assert value == pytest.approx(0.999, rel=1e-8)


def test_adam_has_the_arguments_that_are_given() -> None:
    """m = 0.2 · 2, v = 0.01 · 4; the update is 0.002 / (1 + 1e-6 / √0.04), 1e-8 less than the rate.

    The second has no gradient: m = 0.8 · 0.4 = 0.32, v = 0.99 · 0.04 = 0.0396. Corrected by 1 − 0.8² and 1 − 0.99² they
    are 0.32 / 0.36 and 0.0396 / 0.0199: 0.002 · 0.888889 / √1.98995.
    """
    first, slots = adam(ONE, {}, np.array([2.0]), 1)
    assert slots == pytest.approx({"m": 0.4, "v": 0.04})
    assert first == pytest.approx(0.99800001, abs=1e-10)
    second, _ = adam(first, slots, np.zeros(1), 2)
    assert first - second == pytest.approx(0.00126025, rel=1e-5)


def test_momentum_adds_what_it_kept() -> None:
    """First −0.1 · 2 = −0.2, then 0.9 · −0.2 − 0.1 · 2 = −0.38: 1 − 0.2 − 0.38 = 0.42."""
    value, slots = momentum(ONE, {}, np.array([2.0]), 1)
    assert value == pytest.approx(0.8)
    value, slots = momentum(value, slots, np.array([2.0]), 2)
    assert slots["m"] == pytest.approx(-0.38)
    assert value == pytest.approx(0.42)


def test_rmsprop_divides_by_the_root_of_the_mean_square() -> None:
    """v = 0.2 · 4 = 0.8; the update is 0.002 · 2 / √0.8 = 0.00447214."""
    value, slots = rmsprop(ONE, {}, np.array([2.0]), 1)
    assert slots["v"] == pytest.approx(0.8)
    assert value == pytest.approx(1 - 0.00447214, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "kept"), [("adam", {"m": 0.8, "v": 0.99}), ("momentum", {"m": 0.9}), ("rmsprop", {"v": 0.8})]
)
def test_without_a_gradient_slots_decay(name: str, kept: dict[str, float]) -> None:
    _, after = OPTIMIZERS[name](ONE, dict.fromkeys(kept, ONE), np.zeros(1), 7)
    assert {slot: float(value[0]) for slot, value in after.items()} == pytest.approx(kept)


def test_each_variable_has_slots_of_its_own() -> None:
    """Steps of momentum: −0.1 · 2 = −0.2 and −0.1 · 3 = −0.3, then 0.9 of these without a gradient."""
    given, none = {"a": np.array([2.0]), "b": np.array([3.0])}, {"a": np.zeros(1), "b": np.zeros(1)}
    values, slots = updated(momentum, {"a": ONE, "b": ONE}, {}, given, 1)
    values, slots = updated(momentum, values, slots, none, 2)
    assert values == pytest.approx({"a": 1 - 0.2 - 0.18, "b": 1 - 0.3 - 0.27})
    assert by_slot(slots) == {"slot m": pytest.approx({"a": -0.18, "b": -0.27})}


def test_a_clip_norm_shortens_each_gradient_by_itself() -> None:
    """To 28: 0.56 of norm 50, all of norm 5. Adam's first m is 0.2 of the gradient."""
    values = {"a": np.zeros(2), "b": np.zeros(2)}
    _, slots = updated_by("adam clipnorm", values, {}, {"a": np.array([30.0, 40.0]), "b": np.array([3.0, 4.0])}, 1)
    assert by_slot(slots)["slot m"] == {"a": pytest.approx([3.36, 4.48]), "b": pytest.approx([0.6, 0.8])}


def test_a_global_clip_norm_shortens_all_gradients_together() -> None:
    """Their norm is 50, of which 20 are 0.4: the steps are −0.1 · 12 and −0.1 · 16. A norm of 5 stays."""
    values = {"a": np.zeros(1), "b": np.zeros(1)}
    for size, steps in ((10.0, {"a": -1.2, "b": -1.6}), (1.0, {"a": -0.3, "b": -0.4})):
        given = {"a": np.array([3 * size]), "b": np.array([4 * size])}
        moved, _ = updated_by("momentum global_clipnorm", values, {}, given, 1)
        assert moved == pytest.approx(steps)


def test_a_schedule_halves_the_rate_every_twenty_updates() -> None:
    """The first has all of it. Slots are those of Adam."""
    values, slots, given = {"a": ONE}, {"a": {"m": ONE, "v": ONE}}, {"a": np.array([2.0])}
    for step, part in ((1, 1.0), (11, 0.5**0.5), (21, 0.5)):
        plain, scheduled = (updated_by(name, values, slots, given, step) for name in ("adam", "adam schedule"))
        assert scheduled[0]["a"] - ONE == pytest.approx(part * (plain[0]["a"] - ONE))
        assert scheduled[1] == plain[1]


def test_weight_decay_comes_before_the_update_and_goes_by_the_rate() -> None:
    """1 − 0.002 · 0.1, then less Adam's first step, 0.00199999."""
    values, slots = updated_by("adam weight_decay", {"a": ONE}, {}, {"a": np.array([2.0])}, 1)
    assert values == {"a": pytest.approx(0.9998 - 0.00199999, abs=1e-10)}
    assert by_slot(slots)["slot m"] == {"a": pytest.approx(0.4)}


def test_without_an_argument_it_is_the_optimizer() -> None:
    given = {"a": np.array([300.0])}
    assert updated_by("adam", {"a": ONE}, {}, given, 1) == updated(adam, {"a": ONE}, {}, given, 1)
