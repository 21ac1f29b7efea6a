"""An answer is the oracle's, or it isn't timed."""

import numpy as np
import pytest

from bench.micro.answers import WrongAnswerError, require_close, require_dropout, require_gradients, require_weights
from lm.oracle.sgd import SparseRows

WANTED = np.array([3.0, 4.0])  # ‖wanted‖ = 5: an error of 0.005 is 1e-3 of it, the most that is allowed


def test_rounding_is_allowed() -> None:
    require_close("loss", WANTED + np.array([0.0049, 0.0]), WANTED)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (WANTED + np.array([0.0051, 0.0]), r"loss is 1\.02e-03 off the oracle's \(allowed: 1e-03\): it isn't timed"),
        (-WANTED, r"2\.00e\+00 off"),
        (WANTED * np.nan, "nan off"),
        (np.array([3.0]), r"has shape \(1,\), the oracle's \(2,\)"),
    ],
)
def test_a_wrong_value_is_refused(found: np.ndarray, said: str) -> None:
    with pytest.raises(WrongAnswerError, match=said):
        require_close("loss", found, WANTED)


def test_gradients_go_by_the_oracles_order_and_sparse_rows_add_duplicates() -> None:
    rows = SparseRows(np.array([1, 1]), np.array([[1.0], [2.0]]))  # densified: 0, 3, 0
    found = [np.array([[0.0], [3.0], [0.0]]), WANTED]
    require_gradients("gradient", found, {"embedding": rows, "bias": WANTED}, 3)
    require_gradients("gradient", [rows, WANTED], {"embedding": rows, "bias": WANTED}, 3)
    with pytest.raises(WrongAnswerError, match="gradient bias is"):
        require_gradients("gradient", [found[0], 1.01 * WANTED], {"embedding": rows, "bias": WANTED}, 3)


def test_an_update_is_judged_by_its_own_size() -> None:
    """Weights of 1000 that should move by 0.01 and don't are only 1e-5 off, but the update is missing."""
    before, wanted = {"bias": np.full(2, 1000.0)}, {"bias": np.full(2, 1000.01)}
    require_weights(wanted, wanted, before)
    with pytest.raises(WrongAnswerError, match=r"update bias is 1\.00e\+00 off"):
        require_weights(before, wanted, before)


def test_dropout_drops_about_as_many_as_it_should_and_scales_the_rest() -> None:
    """Of 10,000 values at rate 0.5, 5,000 ± 50 are dropped; six deviations are 300."""
    ones = np.ones(10_000, np.float32)
    for dropped, right in ((5_000, True), (5_299, True), (5_301, False), (0, False)):
        found = np.where(np.arange(ones.size) < dropped, 0, 2 * ones)
        if right:
            require_dropout([found], [ones], 0.5)
        else:
            with pytest.raises(WrongAnswerError, match=f"dropped {dropped} of 10000 values"):
                require_dropout([found], [ones], 0.5)
    with pytest.raises(WrongAnswerError, match=r"dropout is 3\.54e-01 off"):  # half the values are 1 for 2: √½ / 2
        require_dropout([np.where(np.arange(ones.size) < 5_000, 0, ones)], [ones], 0.5)
