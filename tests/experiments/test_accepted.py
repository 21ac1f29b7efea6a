"""Gates that are judged by a ratio with an error of its own."""

import pytest

from bench.stats.outcome import Outcome
from experiments.accepted import main, rates

DRAWS = 20_000  # a rate of 5% is known to 0.3%, two standard errors


def test_an_exact_ratio_errs_less_than_is_promised_of_all_looks() -> None:
    exact = rates(None, DRAWS)
    assert 0.015 < exact[Outcome.PASS] < 0.05
    assert 0.005 < exact[Outcome.REGRESSION] < 0.025
    assert sum(exact.values()) == pytest.approx(1)


def test_the_fewer_launches_an_entry_has_the_more_often_gates_err() -> None:
    exact, twelve, six = (rates(entry, DRAWS) for entry in (None, 12, 6))
    for outcome in (Outcome.PASS, Outcome.REGRESSION):
        assert six[outcome] > twelve[outcome] + 0.01 > exact[outcome] + 0.02


def test_each_entry_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    main(["1000"])
    rows = capsys.readouterr().out.split("\n\n")[0].splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == ["exact", "12", "6"]
