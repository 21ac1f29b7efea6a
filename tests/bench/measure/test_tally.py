"""Sums of errors: of many steps, and of several starts."""

from bench.measure.tally import Best, Tally
from bench.record.types import NumericError


def test_a_tally_keeps_the_nearest_of_each_quantity_and_each_tensor_s_first_over_its_limit() -> None:
    tally = Tally()
    for step, (loss, bias) in enumerate([(1e-6, 1e-3), (3e-6, 1e-2), (2e-6, 1e-7)]):
        tally.add([NumericError(step, "loss", "", loss, 4e-6), NumericError(step, "update", "b", bias, 4e-6)])
    assert tally.errors() == [
        NumericError(1, "loss", "", 3e-6, 4e-6, 3),
        NumericError(0, "update", "b", 1e-3, 4e-6, 3),
    ]


def test_of_each_tensor_the_best_case_counts() -> None:
    """A wrong one is wrong in every start; one that jumped in a single start is not."""
    best = Best()
    for case, (wrong, jumped) in enumerate([(1e-3, 1e-6), (1e-2, 1e-3), (1e-3, 2e-6)]):
        best.add([NumericError(case, "gradient", name, error, 4e-6) for name, error in (("a", wrong), ("b", jumped))])
    assert [(error.tensor, error.error, error.within) for error in best.errors()] == [
        ("a", 1e-3, False),
        ("b", 1e-6, True),
    ]
