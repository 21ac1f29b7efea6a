"""Accepted regressions: which pass, until when and up to which size, and which are told to be accepted no longer."""

import dataclasses
import math

import pytest

from bench.judge.acceptances import accepted_regression, not_accepted, tolerated
from bench.judge.ledger import NO_LEDGER
from bench.judge.metrics import COMPILATION, LOCKSTEP, REPLICATES, RETRACES, TRAINING, WORDS
from bench.judge.notices import NotAccepted
from bench.judge.reasons import (
    Accepted,
    CandidateFailed,
    Decided,
    Diverged,
    LockstepFailed,
    NotCompiled,
    Reason,
    Retraces,
    StoredRange,
)
from bench.judge.types import Comparison, Direction, Estimator, Metric, Scale, Unit
from bench.record.ledger import AcceptedRegression, Entry, Ledger
from bench.record.paired import PairedRun, Side
from bench.record.types import SCHEMA
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome
from tests.builders.paired import gate_run, paired_run, side_of
from tests.builders.records import SUBJECT

STEP_TIME = "step time"
MADE = "2026-01-02T03:04:05+00:00"
REFERENCE = side_of("2.20.0")
KNOWN = Entry(MADE, "2.20.0", REFERENCE.setup, REFERENCE.setup, "here", "", "why", ())

# A regression of 6% that was accepted up to 8%.
STEP = Metric(STEP_TIME, Unit.SECONDS_PER_STEP, Direction.LOWER, Estimator.TRIMMED_QUADS, margin=math.log(1.05))
SLOW = Comparison(
    SUBJECT.name,
    STEP,
    Outcome.REGRESSION,
    Decided(4),
    interval=Interval(math.log(1.06), 0.01, 3, 0.05, 0.07, 0.05, 0.07),
)
TRACED = Comparison(SUBJECT.name, RETRACES, Outcome.REGRESSION, Retraces(), 3, 0)
ACCEPTED = AcceptedRegression(
    SUBJECT.name, STEP_TIME, 0.08, "a fix is on its way", "https://example.org/1", "2026-03-31"
)


def accepting(*regressions: AcceptedRegression) -> Ledger:
    return Ledger(SCHEMA, (), regressions)


def on(day: str) -> PairedRun:
    """A report of that day."""
    return dataclasses.replace(paired_run([]), created=day)


@pytest.mark.parametrize("day", ["2026-01-02T03:04:05+00:00", "2026-03-31T23:59:59+00:00", "1999-01-01T00:00:00+00:00"])
def test_an_accepted_regression_passes_until_its_date_and_is_named(day: str) -> None:
    """By the report's own date: today, whenever that is, doesn't count."""
    (passed,) = tolerated([SLOW], accepting(ACCEPTED), on(day))
    assert passed.outcome is Outcome.PASS
    assert passed.reason == Accepted("2026-03-31", "a fix is on its way", "https://example.org/1", SLOW.reason)
    assert dataclasses.replace(passed, outcome=SLOW.outcome, reason=SLOW.reason) == SLOW


@pytest.mark.parametrize(
    ("accepted", "day"),
    [
        (ACCEPTED, "2026-04-01T00:00:00+00:00"),  # the day after
        (dataclasses.replace(ACCEPTED, limit=0.05), MADE),  # it is larger
        (dataclasses.replace(ACCEPTED, limit=None), MADE),  # of what is compared exactly
        (dataclasses.replace(ACCEPTED, metric="mean step"), MADE),
        (dataclasses.replace(ACCEPTED, subject="tiny-synthetic-cells-cpu0"), MADE),
    ],
)
def test_what_was_not_accepted_stays_a_regression(accepted: AcceptedRegression, day: str) -> None:
    assert tolerated([SLOW], accepting(accepted), on(day)) == [SLOW]


def test_a_fall_of_what_is_to_be_equal_counts_by_its_size() -> None:
    """A perplexity 6% lower is another training as much as one 6% higher: an accepted 5% covers neither."""
    metric = dataclasses.replace(REPLICATES, margin=0.02)
    interval = Interval(-math.log(1.06), 0.01, 3, -0.07, -0.05, -0.07, -0.05)
    fallen = dataclasses.replace(SLOW, metric=metric, interval=interval)
    accepted = accepted_regression(fallen, NO_LEDGER, on(MADE), "why", "https://example.org/1", "2026-03-31")
    assert accepted.limit == 0.075  # expm1(0.07) = 7.25%, rounded up to half a percent
    assert tolerated([fallen], accepting(accepted), on(MADE))[0].outcome is Outcome.PASS
    assert tolerated([fallen], accepting(dataclasses.replace(accepted, limit=0.05)), on(MADE)) == [fallen]


def test_the_estimate_counts_not_its_upper_bound() -> None:
    """6%, at most 7.25%: so a regression that was accepted stays so whatever the noise of a later run."""
    assert tolerated([SLOW], accepting(dataclasses.replace(ACCEPTED, limit=0.065)), on(MADE))[0].outcome is Outcome.PASS


def test_one_of_several_acceptances_is_enough() -> None:
    expired = dataclasses.replace(ACCEPTED, expires="2026-01-01", reason="older")
    assert (
        tolerated([SLOW], accepting(expired, ACCEPTED), on(MADE))
        == tolerated([SLOW], accepting(ACCEPTED), on(MADE))
        != [SLOW]
    )


def test_a_regression_that_is_accepted_no_longer_or_not_so_large_says_so_once() -> None:
    """6% against an acceptance of 8% that has ended, and against one of 3%; the last acceptance counts."""
    older, newer = (dataclasses.replace(ACCEPTED, expires=day) for day in ("2025-12-01", "2026-01-01"))
    smaller = dataclasses.replace(ACCEPTED, limit=0.03)
    where = SUBJECT.name, STEP_TIME
    assert not_accepted([SLOW, TRACED], accepting(older, newer), on(MADE)) == [
        NotAccepted(*where, 0.08, "2026-01-01", ACCEPTED.link, ended=True)
    ]
    assert not_accepted([SLOW], accepting(smaller), on(MADE)) == [
        NotAccepted(*where, 0.03, ACCEPTED.expires, ACCEPTED.link, ended=False)
    ]
    assert not_accepted(tolerated([SLOW], accepting(ACCEPTED), on(MADE)), accepting(ACCEPTED), on(MADE)) == []
    assert not_accepted([SLOW], accepting(dataclasses.replace(newer, subject="another")), on(MADE)) == []
    (other,) = not_accepted([SLOW], accepting(dataclasses.replace(ACCEPTED, fingerprint="aaaa")), on(MADE))
    assert isinstance(other, NotAccepted)
    assert (other.other_file, other.ended) == (True, False)
    both = accepting(newer, dataclasses.replace(ACCEPTED, fingerprint="bbbb"))  # its own counts, not another file's
    (own,) = not_accepted([SLOW], both, on(MADE))
    assert isinstance(own, NotAccepted)
    assert (own.other_file, own.ended) == (False, True)
    failed = dataclasses.replace(SLOW, reason=CandidateFailed(0, "it crashed"))
    assert not_accepted([failed], accepting(newer), on(MADE)) == []


def test_what_is_compared_exactly_is_accepted_without_a_limit() -> None:
    limited = dataclasses.replace(ACCEPTED, metric="retraces")
    assert tolerated([TRACED], accepting(limited), on(MADE)) == [TRACED]
    assert tolerated([TRACED], accepting(dataclasses.replace(limited, limit=None)), on(MADE))[0].outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        (TRAINING, CandidateFailed(0, "it crashed")),
        (TRAINING, Diverged("a loss of NaN")),
        (COMPILATION, NotCompiled(("candidate",), True, "XLA")),
        (LOCKSTEP, LockstepFailed(3, "it crashed")),
    ],
)
def test_what_fails_is_never_accepted(metric: Metric, reason: Reason) -> None:
    """It leaves the rest unmeasured. A departure in lockstep may be accepted, and a crash there is no departure."""
    failed = Comparison(SUBJECT.name, metric, Outcome.REGRESSION, reason)
    departed = dataclasses.replace(failed, reason=Retraces())
    held = accepting(accepted_regression(departed, NO_LEDGER, on(MADE), "why", "link", "2026-03-31"))
    assert tolerated([departed], held, on(MADE))[0].outcome is Outcome.PASS
    assert tolerated([failed], held, on(MADE)) == [failed]


def test_growth_of_memory_is_no_ratio_and_is_accepted_without_a_limit() -> None:
    growth = dataclasses.replace(STEP, name="memory growth", unit=Unit.BYTES_PER_STEP, scale=Scale.LINEAR)
    grown = dataclasses.replace(SLOW, metric=growth)
    made = accepted_regression(grown, NO_LEDGER, on(MADE), "why", "link", "2026-03-31")
    assert made.limit is None
    assert tolerated([grown], accepting(made), on(MADE))[0].outcome is Outcome.PASS
    assert tolerated([grown], accepting(dataclasses.replace(made, limit=0.9)), on(MADE)) == [grown]


def test_a_larger_fall_of_words_a_second_is_not_the_accepted_one() -> None:
    """They have no interval: accepted is 3000 ÷ 2820 = 6.4%, rounded up, below the range's low end: 2900 ÷ 1.065."""
    reason = StoredRange("below", 2900, 3000, 8, "2026-01-01", "2026-01-05")
    fallen = Comparison(SUBJECT.name, WORDS, Outcome.REGRESSION, reason, 2820)
    made = accepted_regression(fallen, NO_LEDGER, on(MADE), "why", "link", "2026-03-31")
    assert made.limit == 0.065

    def passes(held: AcceptedRegression, words_per_second: float) -> bool:
        later = dataclasses.replace(fallen, candidate=words_per_second)
        return tolerated([later], accepting(held), on(MADE)) != [later]

    assert [passes(made, each) for each in (2820, 2724, 2723, 1000)] == [True, True, False, False]
    without = dataclasses.replace(made, limit=None)  # as it was accepted until words/s had a size
    assert not passes(without, 2820)
    assert not_accepted([fallen], accepting(without), on(MADE)) == [
        NotAccepted(SUBJECT.name, "words/s", None, "2026-03-31", "link", ended=False)
    ]


def test_accepted_regressions_hold_for_the_ledger_s_references_alone() -> None:
    known = dataclasses.replace(accepting(ACCEPTED), entries=(KNOWN,))

    def passes(held: Ledger, *references: Side) -> bool:
        runs = tuple(dataclasses.replace(on(MADE), reference=one) for one in references)
        return tolerated([SLOW], held, dataclasses.replace(gate_run(), speed=runs)) != [SLOW]

    assert passes(known, REFERENCE, REFERENCE)
    assert passes(known)
    assert not passes(known, REFERENCE, side_of("2.19.1"))
    assert passes(accepting(ACCEPTED), side_of("2.19.1"))  # nothing tells which reference is the ledger's


@pytest.mark.parametrize("outcome", [Outcome.INCONCLUSIVE, Outcome.NOT_GATED, Outcome.PASS])
def test_other_outcomes_are_left_alone(outcome: Outcome) -> None:
    comparison = dataclasses.replace(SLOW, outcome=outcome)
    assert tolerated([comparison], accepting(ACCEPTED), on(MADE)) == [comparison]


def test_a_regression_is_accepted_up_to_what_was_measured() -> None:
    # The upper bound, exp(0.07) − 1 = 7.25%, rounded up to half a percent.
    made = accepted_regression(SLOW, NO_LEDGER, on(MADE), "why", "link", "2026-03-31")
    assert made == AcceptedRegression(SUBJECT.name, STEP_TIME, 0.075, "why", "link", "2026-03-31")
    assert tolerated([SLOW], accepting(made), on(MADE))[0].outcome is Outcome.PASS
    assert accepted_regression(TRACED, NO_LEDGER, on(MADE), "why", "link", "2026-03-31").limit is None
