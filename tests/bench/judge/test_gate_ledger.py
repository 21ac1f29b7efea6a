"""A gate by the ledger: the ratio accepted last, the budget since the first entry, and accepted regressions."""

import dataclasses
import math

import pytest

from bench.judge.acceptances import accepted_regression
from bench.judge.gate import Standards, gate_samples, judge_gate
from bench.judge.ledger import NO_LEDGER, entry_of
from bench.judge.margins import Margins
from bench.judge.notices import ForeignReference, NotAccepted
from bench.judge.paired import judge_paired
from bench.judge.reasons import Accepted, Decided
from bench.judge.types import Comparison, Unit, Verdict
from bench.record.gate import GateRun
from bench.record.ledger import AcceptedRegression, Entry, Ledger
from bench.record.paired import PairedRun
from bench.record.types import SCHEMA
from bench.stats.autocorrelation import widening
from bench.stats.outcome import Outcome
from tests.builders.launches import PAIRED, accepted, by_metric, interval_of, launches, mean_noise, on_both
from tests.builders.paired import CREATED, gate_run, side_of
from tests.builders.records import MACHINE, OTHER_MACHINE, SUBJECT, baseline
from tests.builders.records import standards as made_standards

STEP_TIME, SINCE = "step time", "step time since 2.19.1"


def standards(*entries: Entry, margins: Margins = PAIRED, regression: AcceptedRegression | None = None) -> Standards:
    return made_standards([baseline()], margins, Ledger(SCHEMA, entries, (regression,) if regression else ()))


def budget(step_time: float, between_hosts: float = 0.03) -> Margins:
    return dataclasses.replace(PAIRED, budget={"step_time": step_time}, between_hosts=between_hosts)


def slower(by: float) -> GateRun:
    """Four launches in turn with 2.20.0."""
    return gate_run(launches(step=math.log(by)))


@pytest.mark.parametrize(
    ("entries", "outcome", "ratio"),
    [
        ((), Outcome.REGRESSION, 1.0),  # to the reference itself
        ((accepted(1.0),), Outcome.REGRESSION, 1.0),
        ((accepted(1.08),), Outcome.PASS, 1.08),
        ((accepted(1.0), accepted(1.08, "2.20.1")), Outcome.PASS, 1.08),  # the last counts
        ((accepted(1.08, metric="mean step"),), Outcome.REGRESSION, 1.0),
    ],
)
def test_a_candidate_8_percent_slower_is_compared_with_what_was_accepted_last(
    entries: tuple[Entry, ...], outcome: Outcome, ratio: float
) -> None:
    found = by_metric(judge_gate(slower(1.08), standards(*entries)))[STEP_TIME]
    rested = 10 if outcome is Outcome.PASS else 4  # nine launches prove a PASS
    assert (found.outcome, found.reason) == (outcome, Decided(rested, math.log(ratio)))
    assert interval_of(found).estimate == pytest.approx(math.log(1.08 / ratio) + mean_noise(rested))


def test_the_ratio_is_rebased_where_the_reference_moved() -> None:
    """2.19.1 was accepted as 1.10 × 2.18.1, then 2.20.0, 1.10/1.08 × 2.18.1, became the reference: 1.08 is left."""
    old = side_of("2.18.1").identity
    was = dataclasses.replace(accepted(1.10), reference=old)
    itself = {"reference": old, "environment": side_of("2.20.0").identity, "becomes_reference": True}
    move = dataclasses.replace(accepted(1.10 / 1.08, "2.20.0"), **itself)  # type: ignore[arg-type]  # by name
    verdict = by_metric(judge_gate(slower(1.08), standards(was, move, margins=budget(0.03))))
    assert verdict[STEP_TIME].outcome is Outcome.REGRESSION  # the reference itself was accepted last: 8% are left
    assert verdict[SINCE].outcome is Outcome.PASS  # and none since 2.19.1
    assert (verdict[STEP_TIME].reason, verdict[SINCE].reason) == (Decided(4), Decided(10))
    assert verdict[SINCE].reference == pytest.approx(1.08)
    again = judge_gate(slower(1.08), standards(was, move, accepted(1.08, "2.20.1")))
    assert by_metric(again)[STEP_TIME].outcome is Outcome.PASS
    there = dataclasses.replace(was, machine=OTHER_MACHINE.fingerprint())  # the first of the two links alone
    partly = by_metric(judge_gate(slower(1.08), standards(there, move, margins=budget(0.03))))
    assert partly[SINCE].reason == Decided(10, across_hosts=True)


def test_a_reference_that_the_ledger_does_not_know_leaves_it_out() -> None:
    """`--reference` named another: what was accepted by the pinned one says nothing of it."""
    by = standards(accepted(1.08), margins=budget(0.10))
    other = dataclasses.replace(slower(1.08).speed[0], reference=side_of("2.17.1"))
    found = judge_gate(dataclasses.replace(slower(1.08), speed=(other,)), by)
    verdict, told = by_metric(found), ForeignReference(other.reference.requested, other.reference.setup)
    assert (verdict[STEP_TIME].outcome, SINCE in verdict, told in found.warnings) == (Outcome.REGRESSION, False, True)
    known = [*judge_gate(slower(1.08), by).warnings, *judge_gate(slower(1.08), standards()).warnings]
    assert not any(isinstance(one, ForeignReference) for one in known)
    entered = gate_run(launches(), reference=side_of("2.19.1"))  # it has an entry, and nothing was measured by it
    assert SINCE not in by_metric(judge_gate(entered, by))


def test_what_was_accepted_with_other_variables_says_nothing_of_these() -> None:
    """20% slower, which was accepted under the default settings alone, and its regression until a day."""
    off = {"TF_ENABLE_ONEDNN_OPTS": "0"}
    sides = {name: dataclasses.replace(side_of(name), variables=off) for name in ("2.20.0", "2.21.0")}
    known = dataclasses.replace(KNOWN, limit=0.30)
    by = standards(accepted(1.20), margins=budget(0.10), regression=known)
    assert judge_gate(slower(1.20), by).outcome is Outcome.PASS
    gate = gate_run(launches(step=math.log(1.20)), reference=sides["2.20.0"], candidate=sides["2.21.0"])
    found = by_metric(judge_gate(gate, by))
    assert (found[STEP_TIME].outcome, SINCE in found) == (Outcome.REGRESSION, False)


# The budget since the ledger's first entry


@pytest.mark.parametrize(
    ("ratio", "outcome"), [(1.08, Outcome.PASS), (1.10, Outcome.INCONCLUSIVE), (1.12, Outcome.REGRESSION)]
)
def test_small_losses_must_not_add_up_beyond_the_budget(ratio: float, outcome: Outcome) -> None:
    """The first entry stood at the reference; the last, 9% slower, was accepted, so that the step time alone passes."""
    by = standards(accepted(1.0), accepted(1.09, "2.20.1"), margins=budget(0.10))
    verdict = judge_gate(slower(ratio), by)
    found = by_metric(verdict)
    assert (found[STEP_TIME].outcome, found[SINCE].outcome, verdict.outcome) == (Outcome.PASS, outcome, outcome)
    assert (found[SINCE].metric.unit, found[SINCE].metric.margin) == (Unit.RATIO, math.log1p(0.10))
    assert found[SINCE].reason == Decided(10)
    # log(candidate/reference) − log(first/reference), and the errors of both add up: 0.2% of six launches, widened, by
    # Student's t with 5 degrees of freedom.
    since, own = interval_of(found[SINCE]), interval_of(found[STEP_TIME])
    assert since.estimate == pytest.approx(math.log(ratio) + mean_noise(10))
    error = widening(6) * 0.002
    assert since.standard_error == pytest.approx(math.hypot(own.standard_error, error))
    assert since.high - since.estimate == pytest.approx(math.hypot(own.high - own.estimate, 2.5706 * error), rel=1e-4)
    reach = math.hypot(own.pass_high - own.estimate, 2.0150 * error)
    assert since.pass_high - since.estimate == pytest.approx(reach, rel=1e-4)


def test_the_budget_is_of_its_own_metric_where_retraces_are_told_in_turn() -> None:
    """A workload whose numbers tell no retraces: 8% slower on all cores, and as fast as ever on one."""
    subject = dataclasses.replace(SUBJECT, metrics=("step time on one core", STEP_TIME))
    one_core = (dataclasses.replace(one, core=1) for one in launches(10))
    pairs = [each for both in zip(launches(10, step=math.log(1.08)), one_core, strict=True) for each in both]
    numbered = [dataclasses.replace(on_both(one, subject=subject), launch=launch) for launch, one in enumerate(pairs)]
    by = standards(accepted(1.0), margins=budget(0.10))
    found = by_metric(judge_gate(gate_run(numbered), by))
    assert found["retraces"].outcome is Outcome.PASS
    assert interval_of(found[SINCE]).estimate == pytest.approx(math.log(1.08), abs=0.01)


def test_the_change_since_rests_on_all_launches_up_to_a_look() -> None:
    by = standards(accepted(1.0), accepted(1.08, "2.20.1"), margins=budget(0.10))
    found = by_metric(judge_gate(gate_run(launches(13, step=math.log(1.08))), by))
    assert found[STEP_TIME].reason == Decided(10, math.log(1.08))
    assert found[SINCE].reason == Decided(12)


def test_a_total_rests_on_the_launches_before_one_that_lacks_the_metric() -> None:
    margins = dataclasses.replace(PAIRED, budget={"peak_memory": 0.10})
    pairs = launches(10, memory=math.log(1.3))
    pairs[8] = on_both(pairs[8], memory=None)
    by = standards(accepted(1.0, metric="peak memory"), margins=margins)
    found = by_metric(judge_gate(gate_run(pairs), by))["peak memory since 2.19.1"]
    assert (found.outcome, found.reason) == (Outcome.REGRESSION, Decided(8))


@pytest.mark.parametrize(("count", "outcome"), [(4, Outcome.INCONCLUSIVE), (10, Outcome.PASS)])
def test_a_total_passes_by_as_many_launches_as_any_pass(count: int, outcome: Outcome) -> None:
    """The step time itself is an accepted REGRESSION from its fourth launch on."""
    by = standards(accepted(1.0), margins=budget(0.20), regression=dataclasses.replace(KNOWN, limit=0.30))
    verdict = by_metric(judge_gate(gate_run(launches(count, step=math.log(1.08))), by))
    assert (verdict[STEP_TIME].accepted, verdict[STEP_TIME].unaccepted.reason) == (True, Decided(4))
    assert (verdict[SINCE].outcome, verdict[SINCE].reason) == (outcome, Decided(count))
    assert interval_of(verdict[SINCE]).pass_high < math.log1p(0.20)


def test_a_first_entry_that_was_slower_leaves_room() -> None:
    by = standards(accepted(1.05), accepted(1.08, "2.20.1"), margins=budget(0.10))
    found = by_metric(judge_gate(slower(1.12), by))[SINCE]
    assert found.outcome is Outcome.PASS
    assert (found.reference, found.candidate) == pytest.approx((1.05, 1.12 * math.exp(mean_noise(10))))
    assert interval_of(found).estimate == pytest.approx(math.log(1.12 / 1.05) + mean_noise(10))


def test_across_hosts_the_bounds_are_wider() -> None:
    """A ratio that another host measured may differ by what hosts do: 8% passes here, and is inconclusive there."""

    def since(machine: str, between_hosts: float) -> Comparison:
        by = standards(accepted(1.0, machine=machine), accepted(1.08, "2.20.1"), margins=budget(0.10, between_hosts))
        return by_metric(judge_gate(slower(1.08), by))[SINCE]

    here, there = since(MACHINE.fingerprint(), 0.03), since(OTHER_MACHINE.fingerprint(), 0.03)
    assert (here.outcome, there.outcome) == (Outcome.PASS, Outcome.INCONCLUSIVE)
    assert there.reason == Decided(10, across_hosts=True)
    own, wide = interval_of(here), interval_of(there)
    assert wide.estimate == own.estimate
    # Two draws of 0.03, at the normal distribution's 95% point: √2 · 0.03 · 1.645 = 0.0698, in quadrature.
    reach = [found.pass_high - found.estimate for found in (own, wide)]
    assert reach[1] == pytest.approx(math.hypot(reach[0], 0.0698), rel=1e-3)
    assert since(OTHER_MACHINE.fingerprint(), 0.001).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("by", "count"),
    [
        (standards(accepted(1.0)), 4),  # no budget
        (standards(margins=budget(0.10)), 4),  # no entry
        (standards(accepted(1.0, metric="mean step"), margins=budget(0.10)), 4),
        (standards(accepted(1.0), margins=budget(0.10)), 3),  # no look yet, no interval
    ],
)
def test_without_budget_entries_or_launches_nothing_is_said_of_the_past(by: Standards, count: int) -> None:
    assert not [name for name in by_metric(judge_gate(gate_run(launches(count)), by)) if "since" in name]


# Accepted regressions


KNOWN = AcceptedRegression(SUBJECT.name, STEP_TIME, 0.12, "a fix is on its way", "https://example.org/1", "2026-03-31")


@pytest.mark.parametrize(
    ("created", "regression", "outcome"),
    [
        (CREATED, KNOWN, Outcome.PASS),
        ("2026-04-01T00:00:00+00:00", KNOWN, Outcome.REGRESSION),
        # Long past today, whenever that is: what counts is the report's own date.
        ("2020-01-01T00:00:00+00:00", dataclasses.replace(KNOWN, expires="2020-01-31"), Outcome.PASS),
    ],
)
def test_an_accepted_regression_passes_by_the_report_s_own_date(
    created: str, regression: AcceptedRegression, outcome: Outcome
) -> None:
    gate = gate_run(launches(step=math.log(1.10)), created=created)
    verdict = judge_gate(gate, standards(regression=regression))
    assert verdict.outcome is outcome
    assert isinstance(by_metric(verdict)[STEP_TIME].reason, Accepted) is (outcome is Outcome.PASS)
    ended = NotAccepted(SUBJECT.name, STEP_TIME, KNOWN.limit, KNOWN.expires, KNOWN.link, ended=True)
    assert (ended in verdict.warnings) is (outcome is Outcome.REGRESSION)


def judge(report: GateRun | PairedRun, ledger: Ledger) -> Verdict:
    if isinstance(report, PairedRun):
        return judge_paired(report, PAIRED, ledger)
    return judge_gate(report, dataclasses.replace(standards(), ledger=ledger))


def accepting(report: GateRun | PairedRun, *entries: Entry) -> Ledger:
    """A ledger that accepts the step time of a report."""
    ledger = Ledger(SCHEMA, entries)
    worse = by_metric(judge(report, ledger))[STEP_TIME]
    made = accepted_regression(worse, ledger, report, "a fix is on its way", "https://example.org/1", "2026-03-31")
    return dataclasses.replace(ledger, regressions=(made,))


@pytest.mark.parametrize(
    ("ships", "report", "limit", "passes", "fails"),
    [
        (0.90, slower(1.00), 0.135, 1.00, 1.12),  # as fast as the reference is 11% slower than what ships, 1.12 is 24%
        (1.08, slower(1.14).speed[0], 0.075, 1.155, 1.20),  # 5.6%; 7% and 11%
        (1.20, slower(1.10).speed[0], 0.0, 1.10, 1.30),  # faster than what ships: nothing beyond that is accepted
    ],
)
def test_the_size_that_is_accepted_is_from_the_ratio_accepted_last(
    ships: float, report: GateRun | PairedRun, limit: float, passes: float, fails: float
) -> None:
    """A gate measures from there, an upgrade from the reference: what is accepted by one holds in the other."""
    ledger = accepting(report, accepted(ships))
    assert ledger.regressions[0].limit == limit
    for by, outcome in ((passes, Outcome.PASS), (fails, Outcome.REGRESSION)):
        for verdict in (judge(slower(by), ledger), judge(slower(by).speed[0], ledger)):
            assert by_metric(verdict)[STEP_TIME].outcome is outcome
            assert any(isinstance(one, NotAccepted) for one in verdict.warnings) is (outcome is Outcome.REGRESSION)


def test_what_was_accepted_of_an_own_model_is_of_that_file() -> None:
    """One that was edited since, or another of that name, is measured from its own reference alone."""
    own = dataclasses.replace(SUBJECT, workload="mine.py", metrics=(STEP_TIME,))
    margins = dataclasses.replace(budget(0.5), without_pilot={"step_time": 0.05})

    def gate(file: str) -> GateRun:
        subject = dataclasses.replace(own, fingerprint=file)
        return gate_run([on_both(one, subject=subject) for one in launches(step=math.log(1.3))])

    def judge(file: str, ledger: Ledger) -> dict[str, Comparison]:
        verdict = judge_gate(gate(file), dataclasses.replace(standards(margins=margins), ledger=ledger))
        return {one.metric.name: one for one in verdict.comparisons if one.subject == own.name}

    known = Ledger(SCHEMA, (entry_of(gate("aaaa").speed[0], NO_LEDGER, "why"),))
    same, edited = judge("aaaa", known), judge("bbbb", known)
    assert (same[STEP_TIME].outcome, edited[STEP_TIME].outcome) == (Outcome.PASS, Outcome.REGRESSION)
    assert ("step time since 2.21.0" in same, "step time since 2.21.0" in edited) == (True, False)
    by = dataclasses.replace(standards(margins=margins), ledger=known)  # the whole ledger, as launches are planned
    steps = (gate_samples(gate(file).speed[0], by)[0] for file in ("aaaa", "bbbb"))
    assert [one.accepted for one in steps] == [pytest.approx(math.log(1.3), abs=1e-3), 0.0]
    made = accepted_regression(edited[STEP_TIME], known, gate("bbbb"), "why", "link", "2026-03-31")
    assert made.fingerprint == "bbbb"
    for file, outcome in (("bbbb", Outcome.PASS), ("cccc", Outcome.REGRESSION)):
        assert judge(file, dataclasses.replace(known, regressions=(made,)))[STEP_TIME].outcome is outcome
