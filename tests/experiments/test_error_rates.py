"""Error rates of the rule that judges, by a simulation that a test can afford, which must find a wrong rule out."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from bench.record.codec import FormatError, from_plain, to_plain
from bench.record.paired import Pair, PairedRun, Quad, Side
from bench.record.types import SCHEMA
from bench.stats.autocorrelation import ASSUMED
from bench.stats.sequential import LOOKS, MOST_GATING, PASSED, REGRESSED, SLOW_SHARE, UNDECIDED, walk
from experiments.error_rates import (
    FIGURES,
    MARGINS,
    SLOW_RUNS,
    Figure,
    Judged,
    judge,
    main,
    plans,
    report,
    simulate,
    slow_passes,
    worst,
)
from experiments.noise import FILE, LAUNCHES, LaunchNoise, autoregression, fit, kinds, lag1, read_noise, slow_mode
from experiments.rate import Rate
from tests.builders.records import record

MARGIN = MARGINS[0]
RUNS = 400  # of 8 metrics; of one 8 times as many, which tells a rate to 4 standard errors: 1.1% at 2.5%, 1.5% at 5%
KINDS = kinds(read_noise())


@pytest.mark.parametrize(
    ("name", "margin"),
    [
        pytest.param(name, margin, marks=[pytest.mark.slow] if margin != MARGIN and name != "normal" else [])
        for name in KINDS
        for margin in MARGINS
    ],
)
def test_every_figure_holds_as_far_as_a_small_simulation_tells(name: str, margin: float) -> None:
    judged = simulate(KINDS[name], RUNS, [margin])[margin]
    for figure in FIGURES:
        rate = figure.rate(judged)
        slack = 4 * math.sqrt(figure.limit * (1 - figure.limit) / rate.of)
        assert rate.found >= figure.limit - slack if figure.power else rate.found <= figure.limit + slack, figure.name


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_mean_0_and_deviation_1(name: str) -> None:
    values = KINDS[name].draw(4000, np.random.default_rng(5))
    assert values.shape == (4000, LAUNCHES)
    assert (values.mean(), values.std()) == pytest.approx((0.0, 1.0), abs=0.05)


def test_kinds_have_the_shape_that_they_are_named_for() -> None:
    generator = np.random.default_rng(6)
    values = {name: kind.draw(8_000, generator) for name, kind in KINDS.items()}
    third = {name: float((of**3).mean()) for name, of in values.items()}
    assert third["skewed up"] > 0.05 > abs(third["normal"])
    assert third["skewed down"] < -0.05
    assert float((values["heavy-tailed"] ** 4).mean()) > 3.1 > float((values["normal"] ** 4).mean())
    together = values["autocorrelated"]
    assert float((together[:, 1:] * together[:, :-1]).mean()) == pytest.approx(read_noise().lag1, abs=0.03)
    apart = values["drifting"]
    assert float((apart[:, 0] * apart[:, -1]).mean()) < -0.03  # chance alone: ±0.011


def test_lag1_shows_its_arithmetic() -> None:
    # 1, 2, 3, 4 less their mean: −1.5, −0.5, 0.5, 1.5; products 0.75 − 0.25 + 0.75 = 1.25, squares 5. In turn ±1: −3/4.
    found = lag1(np.array([[1.0, 2.0, 3.0, 4.0], [1.0, -1.0, 1.0, -1.0], [2.0, 2.0, 2.0, 2.0]]))
    assert found[:2] == pytest.approx([0.25, -0.75])
    assert math.isnan(found[2])


def test_a_rule_that_takes_launches_for_independent_is_found_out() -> None:
    # At exactly the margin, lag-1 autocorrelation 0.2: 5% instead of 2.5%, and 9% instead of 5%.
    values = autoregression(np.random.default_rng(7).standard_normal((20_000, LAUNCHES)), ASSUMED) + MARGIN
    plain = walk(values, MARGIN, widen=lambda launches: 1.0).codes
    assert float((plain == REGRESSED).mean()) > 0.04
    assert float((plain == PASSED).mean()) > 0.07


def test_a_run_ends_with_what_its_first_four_launches_plan() -> None:
    # Both metrics wander about their margin; the second run has a metric that is noisy from the start.
    values = 1.0 + np.tile([0.1, -0.1], (2, 2, LAUNCHES // 2))
    values[:, :, 4:] += np.tile([3.0, -3.0], LAUNCHES // 2 - 2)
    values[1, 1, :4] = [3.0, -1.0, 3.0, -1.0]
    judged = judge(values, 1.0, plans(values, 1.0))
    assert judged.launches.tolist() == [[LOOKS[4]] * 2, [LOOKS[-1]] * 2]
    assert (judged.codes == UNDECIDED).all()


def test_rates_of_runs_show_their_arithmetic() -> None:
    """A run with one REGRESSION is one, whatever else it has; one passes if all its metrics do."""
    codes = [[PASSED, REGRESSED], [UNDECIDED, PASSED], [REGRESSED, UNDECIDED], [PASSED, PASSED]]
    judged = Judged(np.array(codes, np.int8), np.full((4, 2), 4))
    assert [judged.rate(code) for code in (REGRESSED, UNDECIDED, PASSED)] == [Rate(2, 4), Rate(1, 4), Rate(1, 4)]


def test_a_metric_alone_is_judged_by_a_plan_of_its_own() -> None:
    """Beside seven others, the noisiest of which plans, a quiet start ends no run too early to be decided."""
    judged = simulate(KINDS["normal"], RUNS, [1.0])[1.0]
    alone = judged[1, 0.0]
    assert (alone.codes.shape, judged[MOST_GATING, 0.0].codes.shape) == ((8 * RUNS, 1), (RUNS, 8))
    assert (alone.codes == UNDECIDED).mean() > 4 * (judged[MOST_GATING, 0.0].codes == UNDECIDED).mean()


def test_a_slow_mode_has_mean_1() -> None:
    drawn = slow_mode(np.random.default_rng(9), (2000, LAUNCHES), 0.3)
    assert drawn.mean() == pytest.approx(1.0, abs=0.02)
    assert (drawn > 0).mean() == pytest.approx(0.3, abs=0.01)


SLOW_PASSES = 0.05 + 4 * math.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize("hit", [(True, True), (True,)])
def test_slow_modes_pass_as_rarely_as_is_asked(hit: tuple[bool, ...]) -> None:
    assert hit in SLOW_RUNS.values()
    assert slow_passes(KINDS["normal"], 2000, SLOW_SHARE, hit).found < SLOW_PASSES


def test_slow_modes_pass_more_often_where_four_launches_are_enough() -> None:
    assert slow_passes(KINDS["normal"], 2000, SLOW_SHARE, (True,), pass_launches=4).found > SLOW_PASSES  # 15%


@pytest.mark.parametrize(("often", "code"), [((True, True), 1), ((True,), 1), ((True, False), 0)])
def test_a_promised_rate_of_slow_modes_that_is_missed_makes_the_command_fail(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    often: tuple[bool, ...],
    code: int,
) -> None:
    """20 of 100 pass in one row, none of 100 in the others, which shows at most 3%."""
    monkeypatch.setattr("experiments.error_rates.kinds", lambda noise: {"normal": KINDS["normal"]})
    monkeypatch.setattr("experiments.error_rates.misses", lambda found: [])
    monkeypatch.setattr(
        "experiments.error_rates.slow_passes", lambda kind, runs, share, hit: Rate(20 if hit == often else 0, 100)
    )
    assert main(["--runs", "10", "--output", str(tmp_path / "rates.md")]) == code
    assert capsys.readouterr().err.count("missed: ") == 2 * code  # 30% and 50% of launches


def test_clopper_pearson_bounds_are_those_of_the_tables() -> None:
    # 0 of 10: 1 − 0.05^(1/10) = 0.2589; 10 of 10: 0.05^(1/10) = 0.7411. 5 of 10: 0.2224 to 0.7776.
    assert Rate(0, 10).bound(upper=True) == pytest.approx(0.2589, abs=1e-4)
    assert Rate(10, 10).bound(upper=False) == pytest.approx(0.7411, abs=1e-4)
    assert (Rate(0, 10).bound(upper=False), Rate(10, 10).bound(upper=True)) == (0.0, 1.0)
    assert (Rate(5, 10).bound(upper=False), Rate(5, 10).bound(upper=True)) == pytest.approx((0.2224, 0.7776), abs=1e-4)


def test_bounds_are_rounded_away_from_the_rate() -> None:
    """1 − 0.05^(1/284) is 1.0493%, 0.05^(1/160,000) 99.9981%; 1 − 0.05^1 is 95% exactly."""
    assert Rate(0, 284).told(upper=True, digits=1) == "1.1%"
    assert Rate(0, 160_000).told(upper=True, digits=2) == "0.01%"
    assert Rate(160_000, 160_000).told(upper=False, digits=2) == "99.99%"
    assert Rate(0, 1).told(upper=True, digits=0) == "95%"


def test_the_report_says_what_does_not_hold() -> None:
    few = {margin: {"normal": judged} for margin, judged in simulate(KINDS["normal"], 10).items()}
    text = report(few, read_noise())
    # None of 10 proves no more than 26%, and none of 80 no more than 4%.
    assert "Missed: REGRESSION, nothing changed, run of 1 metric (margin 2)" in text
    assert "**0.00% (≤ 25.89%)**" in text


def test_a_cell_has_the_kind_of_noise_where_a_figure_is_worst() -> None:
    """Ten runs of a metric, of which one is wrong in bursts; of power, one of ten isn't found there."""
    right, wrong = np.full((10, 1), PASSED, np.int8), np.full((10, 1), PASSED, np.int8)
    wrong[0, 0] = REGRESSED
    of = {
        name: {(1, 0.0): Judged(codes, np.full((10, 1), 4))} for name, codes in (("normal", right), ("bursty", wrong))
    }
    alarm = Figure("alarm", REGRESSED, 0.0, 0.01)
    assert worst(alarm, of) == (Rate(1, 10), "bursty")
    assert worst(Figure("power", PASSED, 0.0, 0.95, power=True), of) == (Rate(9, 10), "bursty")


def paired_run(launches: int, quads: int, seed: int = 1) -> PairedRun:
    """Log ratios with deviations 3% between launches and 5% between quads."""
    generator = np.random.RandomState(seed)

    def pair(launch: int) -> Pair:
        ratios = 0.03 * generator.standard_normal() + 0.05 * generator.standard_normal(quads)
        steps = [Quad("ABBA", (0.1, 0.1 * math.exp(ratio), 0.1 * math.exp(ratio), 0.1), (0.1,) * 4) for ratio in ratios]
        return Pair(launch, "reference", record(launch=launch), record(launch=launch), tuple(steps), (), 1.0)

    side = Side("2.21.0", "python", {})
    return PairedRun(
        SCHEMA, "2026-01-02T03:04:05+00:00", (), side, side, tuple(map(pair, range(launches))), (), None, ()
    )


def test_noise_is_fitted_to_stored_runs() -> None:
    # 20 runs of 12 launches: a deviation between launches is known to 1/√(2·220), 5%; 4 of these are 20%.
    found = fit([paired_run(12, 10, seed) for seed in range(20)], "a test")
    assert (found.launches, found.quads, found.lag1) == (240, 10, ASSUMED)
    assert found.launch_deviation == pytest.approx(0.03, rel=0.2)
    assert found.quad_deviation == pytest.approx(0.05, rel=0.1)
    assert from_plain(LaunchNoise, to_plain(found)) == found


def test_launches_of_two_kinds_are_not_one_noise() -> None:
    """Those on one core are all 20% slower, which is no deviation of launches."""
    runs = []
    for seed in range(20):
        run, other = paired_run(12, 10, seed), paired_run(12, 10, seed + 100)
        slower = [
            dataclasses.replace(
                one,
                core=1,
                steps=tuple(
                    dataclasses.replace(
                        quad, seconds=(quad.seconds[0], *(1.2 * each for each in quad.seconds[1:3]), quad.seconds[3])
                    )
                    for quad in one.steps
                ),
            )
            for one in other.pairs
        ]
        runs.append(dataclasses.replace(run, pairs=(*run.pairs, *slower)))
    assert fit(runs, "a test").launch_deviation == pytest.approx(0.03, rel=0.2)


@pytest.mark.parametrize("runs", [[], [paired_run(1, 8)], [paired_run(4, 1)]])
def test_noise_that_cannot_be_fitted_is_refused(runs: list[PairedRun]) -> None:
    with pytest.raises(ValueError, match="no run has two launches of two quads"):
        fit(runs, "a test")


def test_a_damaged_noise_file_is_named(tmp_path: Path) -> None:
    plain = json.loads(FILE.read_text(encoding="utf-8"))
    path = tmp_path / "noise.json"
    path.write_text(json.dumps(plain | {"quads": "many"}), encoding="utf-8")
    with pytest.raises(FormatError, match=r"noise\.json: quads: expected an integer"):
        read_noise(path)


def test_the_committed_noise_is_that_of_real_launches() -> None:
    noise = read_noise()
    assert noise.launches >= 40
    assert noise.source.startswith("fitted to paired runs")
