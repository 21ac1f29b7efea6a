"""The ledger: positions rebased over moves of the reference, the ratio accepted last, accepted regressions, entries."""

import dataclasses
import math

import pytest

from bench.judge.ledger import (
    LedgerError,
    Position,
    accepted_ratio,
    accepted_regression,
    entry_of,
    knows,
    not_accepted,
    positions,
    ratio_interval,
    tolerated,
)
from bench.judge.metrics import COMPILATION, LOCKSTEP, REPLICATES, RETRACES, TRAINING
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
)
from bench.judge.types import Comparison, Direction, Estimator, Metric, Scale, Unit
from bench.record.ledger import AcceptedRegression, Entry, Ledger, Ratio
from bench.record.paired import PairedRun, Side
from bench.record.types import SCHEMA
from bench.stats.intervals import Interval
from bench.stats.outcome import Outcome
from tests.builders.paired import gate_run, pair, paired_run, side_of
from tests.builders.records import MACHINE, SUBJECT

STEP_TIME = "step time"
MADE = "2026-01-02T03:04:05+00:00"


def entry(
    tensorflow: str,
    reference: str,
    ratio: float | None,
    error: float = 0.0,
    *,
    moves: bool = False,
    machine: str = "here",
    metric: str = STEP_TIME,
) -> Entry:
    """An accepted TensorFlow, `ratio` (a logarithm) to a reference; environments are called as their TensorFlow is."""
    ratios = () if ratio is None else (Ratio(SUBJECT.name, metric, ratio, error, 6),)
    return Entry(f"{MADE}, {tensorflow}", tensorflow, tensorflow, reference, machine, "", "why", ratios, moves)


def ledger(*entries: Entry) -> Ledger:
    return Ledger(SCHEMA, entries)


def at(tensorflow: str, estimate: float, *links: Entry) -> Position:
    """Where a TensorFlow stands by the ratios of `links`; as near as floats come."""
    intervals = tuple(filter(None, (ratio_interval(link.ratios[0]) for link in links)))
    machines = frozenset(link.machine for link in links)
    return Position(tensorflow, pytest.approx(estimate), intervals, machines)  # type: ignore[arg-type]


def found(of: Ledger, reference: str) -> list[Position]:
    return positions(of, reference, SUBJECT.name, STEP_TIME)


# Accepted against R: 0.02 slower, then E, 0.05 slower, which becomes the reference; F, 0.01 faster than E; G, 0.03
# slower than E, which becomes the reference; H, 0.04 slower than G.
FIRST = entry("R", "R", None)
SLOWER = entry("S", "R", 0.02, 0.003, machine="a")
MOVE = entry("E", "R", 0.05, 0.004, moves=True, machine="b")
FASTER = entry("F", "E", -0.01, 0.005)
SECOND_MOVE = entry("G", "E", 0.03, 0.012, moves=True, machine="c")
LAST = entry("H", "G", 0.04, 0.006)
WHOLE = ledger(FIRST, SLOWER, MOVE, FASTER, SECOND_MOVE, LAST)


def test_positions_to_their_own_reference_are_the_entries_ratios() -> None:
    assert found(ledger(FIRST, SLOWER), "R") == [
        at("R", 0.0),
        at("S", 0.02, SLOWER),
    ]


def test_one_move_of_the_reference_rebases_what_was_measured_before() -> None:
    # log(S/E) = log(S/R) − log(E/R) = 0.02 − 0.05, and the errors of both ratios count.
    assert found(ledger(FIRST, SLOWER, MOVE, FASTER), "E") == [
        at("R", -0.05, MOVE),
        at("S", -0.03, MOVE, SLOWER),
        at("E", 0.0),
        at("F", -0.01, FASTER),
    ]


def test_two_moves_add_up() -> None:
    # log(S/G) = log(S/R) − log(E/R) − log(G/E) = 0.02 − 0.05 − 0.03.
    stands = {position.tensorflow: position for position in found(WHOLE, "G")}
    assert list(stands) == ["R", "S", "E", "F", "G", "H"]
    assert stands["R"].estimate == pytest.approx(-0.08)
    assert stands["S"] == at("S", -0.06, MOVE, SECOND_MOVE, SLOWER)
    assert stands["S"].machines == {"a", "b", "c"}
    assert stands["E"] == at("E", -0.03, SECOND_MOVE)
    assert stands["F"].estimate == pytest.approx(-0.04)
    assert stands["G"] == at("G", 0.0)
    assert stands["H"].estimate == pytest.approx(0.04)


def test_a_reference_that_accepted_itself_moves_nothing() -> None:
    itself = entry("R", "R", None, moves=True)
    assert [position.estimate for position in found(ledger(itself, SLOWER, MOVE), "E")] == pytest.approx(
        [-0.05, -0.03, 0.0]
    )


def test_an_entry_without_the_metric_is_left_out_and_a_move_without_it_ends_the_chain() -> None:
    other = entry("S", "R", 0.02, metric="mean step")
    assert [position.tensorflow for position in found(ledger(FIRST, other), "R")] == ["R"]
    blind = entry("E", "R", 0.05, moves=True, metric="mean step")
    assert [position.tensorflow for position in found(ledger(FIRST, SLOWER, blind, FASTER), "E")] == ["E", "F"]


def test_a_move_of_several_subjects_may_stand_in_an_entry_for_each() -> None:
    """`record A B --becomes-reference`: the second's history counts as the first's does."""

    def of(name: str, one: Entry) -> Entry:
        return dataclasses.replace(one, ratios=tuple(dataclasses.replace(each, subject=name) for each in one.ratios))

    history = ledger(SLOWER, of("other", SLOWER), of("other", MOVE), MOVE, FASTER)
    assert found(history, "E") == [at("S", -0.03, MOVE, SLOWER), at("E", 0.0), at("F", -0.01, FASTER)]
    later = ledger(MOVE, FASTER, of("other", MOVE))  # what was accepted since the move stands
    assert accepted_ratio(later, "E", SUBJECT.name, STEP_TIME) == -0.01
    back = entry("R", "E", -0.05, 0.004, moves=True)
    there_again = ledger(MOVE, back, FIRST, SLOWER, MOVE)
    assert found(there_again, "E")[-1] == at("E", 0.0)


def test_an_older_reference_has_what_was_measured_against_it() -> None:
    assert [position.tensorflow for position in found(WHOLE, "R")] == ["R", "S", "E"]


def test_the_ratio_accepted_last_counts() -> None:
    assert accepted_ratio(ledger(FIRST, SLOWER), "R", SUBJECT.name, STEP_TIME) == 0.02
    assert (
        accepted_ratio(ledger(FIRST, SLOWER, MOVE), "E", SUBJECT.name, STEP_TIME) == 0.0
    )  # it is the reference itself
    assert accepted_ratio(WHOLE, "G", SUBJECT.name, STEP_TIME) == 0.04


def test_what_the_ledger_does_not_know_is_a_ratio_of_1() -> None:
    assert accepted_ratio(ledger(), "R", SUBJECT.name, STEP_TIME) == 0.0
    assert accepted_ratio(WHOLE, "unknown", SUBJECT.name, STEP_TIME) == 0.0
    assert accepted_ratio(ledger(SLOWER), "R", "tiny-synthetic-cells-cpu0", STEP_TIME) == 0.0
    assert accepted_ratio(ledger(SLOWER), "R", SUBJECT.name, "peak memory") == 0.0


def test_references_that_are_known() -> None:
    assert [name for name in "RSEFGHX" if knows(WHOLE, name)] == ["R", "E", "G"]
    assert not knows(ledger(), "R")


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
    accepted = accepted_regression(fallen, ledger(), on(MADE), "why", "https://example.org/1", "2026-03-31")
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
    held = accepting(accepted_regression(departed, ledger(), on(MADE), "why", "link", "2026-03-31"))
    assert tolerated([departed], held, on(MADE))[0].outcome is Outcome.PASS
    assert tolerated([failed], held, on(MADE)) == [failed]


def test_growth_of_memory_is_no_ratio_and_is_accepted_without_a_limit() -> None:
    growth = dataclasses.replace(STEP, name="memory growth", unit=Unit.BYTES_PER_STEP, scale=Scale.LINEAR)
    grown = dataclasses.replace(SLOW, metric=growth)
    made = accepted_regression(grown, ledger(), on(MADE), "why", "link", "2026-03-31")
    assert made.limit is None
    assert tolerated([grown], accepting(made), on(MADE))[0].outcome is Outcome.PASS
    assert tolerated([grown], accepting(dataclasses.replace(made, limit=0.9)), on(MADE)) == [grown]


def test_accepted_regressions_hold_for_the_ledger_s_references_alone() -> None:
    known = dataclasses.replace(accepting(ACCEPTED), entries=KNOWN.entries)

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
    made = accepted_regression(SLOW, ledger(), on(MADE), "why", "link", "2026-03-31")
    assert made == AcceptedRegression(SUBJECT.name, STEP_TIME, 0.075, "why", "link", "2026-03-31")
    assert tolerated([SLOW], accepting(made), on(MADE))[0].outcome is Outcome.PASS
    assert accepted_regression(TRACED, ledger(), on(MADE), "why", "link", "2026-03-31").limit is None


REFERENCE, CANDIDATE = side_of("2.20.0"), side_of("2.21.0")


def measured(candidate: Side = CANDIDATE, launches: int = 4, created: str = MADE) -> PairedRun:
    made = paired_run([pair(launch, step=0.03) for launch in range(launches)])
    return dataclasses.replace(made, created=created, reference=REFERENCE, candidate=candidate)


def test_an_entry_holds_the_ratios_of_a_run() -> None:
    made = entry_of(measured(), ledger(), "it is newer")
    assert (made.tensorflow, made.environment, made.reference) == ("2.21.0", CANDIDATE.identity, REFERENCE.identity)
    assert made.reference_tensorflow == "2.20.0"
    assert (made.created, made.machine, made.host) == (MADE, MACHINE.fingerprint(), "A CPU, 2 cores")
    assert (made.reason, made.becomes_reference) == ("it is newer", False)
    (ratio,) = [ratio for ratio in made.ratios if ratio.metric == STEP_TIME]
    # The noise of four launches: mean 0.0005, deviation √((0.0035² + 0.0065² + 0.0005² + 0.0025²)/3) = 0.00451, by √4.
    assert (ratio.subject, ratio.launches) == (SUBJECT.name, 4)
    assert ratio.estimate == pytest.approx(0.0305)
    assert ratio.standard_error == pytest.approx(0.00451 / 2, rel=1e-2)
    assert not {"perplexity", "memory growth"} & {ratio.metric for ratio in made.ratios}  # no ratios


def test_a_run_of_named_metrics_tells_those_alone() -> None:
    """The others are told, and nothing has judged them."""
    made = entry_of(dataclasses.replace(measured(), only=("peak memory",)), ledger(), "it is newer")
    assert [ratio.metric for ratio in made.ratios] == ["peak memory"]


def test_the_reference_s_packages_with_other_variables_are_another_environment() -> None:
    without = dataclasses.replace(REFERENCE, variables={"TF_ENABLE_ONEDNN_OPTS": "0"})
    made = entry_of(measured(without), ledger(), "shipped without oneDNN")
    assert STEP_TIME in {ratio.metric for ratio in made.ratios}
    assert (made.environment, made.reference) == (without.setup, REFERENCE.setup)
    assert (without.identity, REFERENCE.setup) == (REFERENCE.identity, REFERENCE.identity)
    with pytest.raises(LedgerError, match=rf"reference 2\.20\.0 \({without.setup}\) is not one of the"):
        entry_of(dataclasses.replace(LATER, reference=without), KNOWN, "why")


def test_variables_are_told_in_any_order() -> None:
    one, other = ({"A": "1", "B": "2"}, {"B": "2", "A": "1"})
    assert len({dataclasses.replace(REFERENCE, variables=each).setup for each in (one, other)}) == 1


def test_the_reference_itself_has_no_ratios() -> None:
    made = entry_of(measured(REFERENCE), ledger(), "the first")
    assert (made.environment, made.reference, made.ratios) == (REFERENCE.identity, REFERENCE.identity, ())
    assert accepted_ratio(ledger(made), REFERENCE.identity, SUBJECT.name, STEP_TIME) == 0.0
    assert knows(ledger(made), REFERENCE.identity)


KNOWN = ledger(entry_of(measured(), ledger(), "why"))
LATER = measured(created="2026-02-01")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (measured(launches=3), "the run holds 3 launches in turn, and 4 are needed"),
        (measured(launches=0), "the run holds 0 launches in turn, and 4 are needed"),
        (dataclasses.replace(LATER, incomplete="interrupted"), "the run is incomplete"),
        (dataclasses.replace(LATER, reference=side_of("2.19.1")), r"reference 2\.19\.1 \(\w{12}\) is not one of the"),
    ],
)
def test_runs_that_no_entry_can_be_made_of(run: PairedRun, said: str) -> None:
    assert entry_of(LATER, KNOWN, "why").created == LATER.created
    with pytest.raises(LedgerError, match=said):
        entry_of(run, KNOWN, "why")


def test_a_ratio_s_interval_is_that_of_its_launches() -> None:
    # Student's t with 3 degrees of freedom, 3.182 at 97.5% and 2.353 at 95%, of an error that is widened 1.2321 times:
    # C = 1/4 − 0.2(1 − 0.2⁴)/(4 · 0.8²) = 0.172, so √(1.344/(1 − 0.344/3)).
    found = ratio_interval(Ratio(SUBJECT.name, STEP_TIME, 0.10, 0.01, 4))
    assert found is not None
    assert (found.low, found.high, found.pass_high) == pytest.approx((0.06079, 0.13921, 0.12900), abs=1e-5)
    assert ratio_interval(Ratio(SUBJECT.name, STEP_TIME, 0.0, 0.0, 0)) is None  # the reference itself
