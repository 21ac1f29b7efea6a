"""Perplexity: within the margin, beyond it on either side, between; the spread of rounding; too few replicates."""

import dataclasses
import math

import pytest

from bench.judge.perplexity import environment_key, judge_perplexity, replica_groups
from bench.judge.reasons import Decided, NoMargin, OneEnvironment, SameTrainings, TooFewReplicates
from bench.judge.types import Comparison
from bench.record.types import Replica
from bench.stats.outcome import Outcome
from tests.builders.records import LOG_PERPLEXITIES, MARGINS, REPLICAS, baseline, environment, record, records, replica


def judged(
    *log_perplexities: float, replicas: tuple[Replica, ...] = REPLICAS, tensorflow: str = "2.21.0"
) -> Comparison:
    launches = [record(value, launch=number, tensorflow=tensorflow) for number, value in enumerate(log_perplexities)]
    return judge_perplexity(launches, baseline(replicas), MARGINS)


def test_shows_its_arithmetic() -> None:
    # Environments' means: 5.000, 4.9995, 5.0005, 5.000375, of which the mean is 5.00009375. Within: 6.06875e-5 over 10
    # − 4 degrees is 1.01146e-5, which over the harmonic mean size, 4/(1/2 + 1/2 + 1/2 + 1/4) = 2.2857, explains more
    # than the means' variance of 1.8e-7. Hence between = 0, and the candidate's 4 launches, mean 5.0005, count as
    # 2.2857: 1.01146e-5·(1/2.2857 + 1/(4·2.2857)) = 0.00235².
    found = judged(*LOG_PERPLEXITIES).interval
    assert found is not None
    assert found.estimate == pytest.approx(5.0005 - 5.00009375)
    assert found.standard_error == pytest.approx(math.sqrt(1.01146e-5 * 1.25 / 2.2857), rel=1e-4)
    assert found.degrees_of_freedom == 3


@pytest.mark.parametrize(
    ("shift", "outcome"),
    # Bounds of ±0.00235 × 3.18 = 0.0075 and × 2.35 = 0.0055 around shift + 0.0004; the margin is ln 1.01 = 0.00995.
    [
        (0.0, Outcome.PASS),
        (0.03, Outcome.REGRESSION),
        (-0.03, Outcome.REGRESSION),  # a lower perplexity from the same numbers is another training, too
        (0.008, Outcome.INCONCLUSIVE),
        (-0.008, Outcome.INCONCLUSIVE),
    ],
)
def test_outcomes_on_either_side(shift: float, outcome: Outcome) -> None:
    found = judged(*(value + shift for value in LOG_PERPLEXITIES))
    assert (found.outcome, found.reason) == (outcome, Decided(4))
    assert (found.candidate, found.reference) == pytest.approx((math.exp(5.0005 + shift), math.exp(5.00009375)))
    assert found.precision is not None
    assert (found.precision.launches, found.precision.needed) == (4, None)
    assert found.metric.margin == pytest.approx(math.log(1.01))


def test_noisy_replicas_prove_nothing() -> None:
    noisy = tuple(
        replica(5 + 0.1 * position, version) for position, version in enumerate(("2.12.1", "2.15.1", "2.16.2"))
    )
    assert judged(*LOG_PERPLEXITIES, replicas=noisy).outcome is Outcome.INCONCLUSIVE


def test_a_new_version_may_differ_as_known_versions_do() -> None:
    # Versions 2% apart, each with replicates equal to 0.01%: +2.5% is no alarm, though within one version it would be.
    versions = ("2.12.1", "2.15.1", "2.16.2", "2.18.1")
    apart = tuple(
        replica(5 + 0.02 * position + tiny, version) for position, version in enumerate(versions) for tiny in (0, 1e-4)
    )
    assert judged(5.055, 5.056, replicas=apart, tensorflow="2.21.0").outcome is Outcome.INCONCLUSIVE
    one_version = tuple(replica(5.03 + tiny * 1e-4) for tiny in range(8))
    assert judged(5.055, 5.056, replicas=one_version).outcome is Outcome.REGRESSION


def test_replicas_are_grouped_by_version_onednn_and_threads() -> None:
    kinds = (replica(5.0), replica(5.1, onednn=False), replica(5.2, threads=1), replica(5.3, "2.12.1"), replica(5.4))
    groups = replica_groups(baseline(kinds), 0.0)
    assert {key: [round(value, 9) for value in values] for key, values in groups.items()} == {
        ("2.21.0", True, 2): [5.0, 5.4],
        ("2.21.0", False, 2): [5.1],
        ("2.21.0", True, 1): [5.2],
        ("2.12.1", True, 2): [5.3],
    }
    assert environment_key(environment("2.12.1")) == ("2.12.1", True, 2)


def test_equal_replicas_are_one_sample() -> None:
    # Recorded twice from the same jitter, or by two versions that compute alike: no more is known than from one.
    twice = (*REPLICAS, *REPLICAS, replica(5.001, "2.15.1"))
    assert judged(*LOG_PERPLEXITIES, replicas=twice) == judged(*LOG_PERPLEXITIES)


def test_one_environment_cannot_fail_another() -> None:
    one = tuple(replica(value, "2.20.0") for value in (5.0, 5.001, 4.999, 5.002))
    assert judged(5.1, 5.1, replicas=one, tensorflow="2.20.0").outcome is Outcome.REGRESSION
    other = judged(5.1, 5.1, replicas=one, tensorflow="2.21.0")
    assert (other.outcome, other.reason) == (Outcome.INCONCLUSIVE, OneEnvironment())
    assert other.interval is not None  # and says how far off it is
    assert judged(*LOG_PERPLEXITIES, replicas=one, tensorflow="2.21.0").outcome is Outcome.PASS


def test_two_environments_prove_little_however_many_launches() -> None:
    # Environments 0.2% apart, each by replicates 0.1% apart. Standard error, between = 2e-6 − 2.5e-7, within 5e-7:
    # sqrt(1.75e-6·1.5 + 5e-7·(1/2 + 1/4)) = 0.0017, times a t of 6.3 with 1 degree of freedom: 1.1%, beyond the 1%.
    apart = ((5.0, "2.12.1"), (5.001, "2.12.1"), (5.002, "2.16.2"), (5.003, "2.16.2"))
    two = tuple(replica(*each) for each in apart)
    for launches in (2, 32):
        found = judged(*[5.0015] * launches, replicas=two)
        assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, Decided(launches, two_environments=True))
        assert found.precision is not None
        assert found.precision.deviation == pytest.approx(math.sqrt(1.75e-6 + 5e-7))
    three = (*two, replica(5.0012, "2.20.0"), replica(5.0018, "2.20.0"))  # the t is 2.9
    assert judged(5.0015, 5.0015, replicas=three).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("replicas", "count"),
    [((), 0), ((replica(5.0),), 1), ((replica(5.0), replica(5.0)), 1)],
    ids=["none", "one", "the same twice"],
)
def test_a_baseline_without_a_spread_is_inconclusive(replicas: tuple[Replica, ...], count: int) -> None:
    found = judged(*LOG_PERPLEXITIES, replicas=replicas)
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, TooFewReplicates(count))


def test_the_window_leaves_the_first_steps_out() -> None:
    # The window of `notebook` starts at 0.2: of 10 steps, 2 are left out, here those with another loss.
    changed = [record(5.0, launch=number) for number in range(2)]
    early = [dataclasses.replace(one, losses=(500.0, 500.0, *one.losses[2:])) for one in changed]
    assert judge_perplexity(early, baseline(), MARGINS) == judge_perplexity(changed, baseline(), MARGINS)


def test_without_a_margin_nothing_is_judged() -> None:
    found = judge_perplexity(records(), baseline(), dataclasses.replace(MARGINS, gating={}))
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, NoMargin("notebook"))


OWN = records(value + 1e-4 for value in LOG_PERPLEXITIES)  # equal to no replica's


def repeated(count: int) -> tuple[Replica, ...]:
    """The replicates with the first launches' own trainings among them: the same jitter, the same losses."""
    return (*REPLICAS, *(dataclasses.replace(replica(0), jitter=one.jitter, losses=one.losses) for one in OWN[:count]))


def test_a_training_is_not_compared_with_itself() -> None:
    """Two of four launches were trained for the baseline, too: it judges without these two."""
    found = [judge_perplexity(OWN, baseline(replicas), MARGINS) for replicas in (REPLICAS, repeated(2))]
    assert found[0].interval
    assert found[0] == found[1]


def test_trainings_that_are_all_the_baselines_own_are_the_same_to_the_last_bit() -> None:
    found = judge_perplexity(OWN, baseline(repeated(4)), MARGINS)
    assert (found.outcome, found.reason, found.interval) == (Outcome.PASS, SameTrainings(4), None)
