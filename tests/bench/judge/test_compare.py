"""Two reports with one reference: ratio against ratio, and what keeps them from being compared."""

import dataclasses
from collections.abc import Callable

import pytest

from bench.judge.compare import NUMBERS_LEFT_OUT, compare_reports
from bench.judge.reports import Report
from bench.judge.types import Comparison, Scope, Verdict
from bench.record.paired import Pair, PairedRun
from bench.record.types import INCOMPLETE, Failure
from bench.stats.outcome import Outcome
from tests.bench.report_samples import LATER, OTHER_REFERENCE, REFERENCE_SIDE, gate_report, paired_report, pairs
from tests.bench.samples import MARGINS as SAMPLE_MARGINS
from tests.bench.samples import OTHER_MACHINE, SUBJECT, TINY, environment

MARGINS = dataclasses.replace(SAMPLE_MARGINS, paired={"step_time": 0.05, "evaluation_step": 0.10, "peak_memory": 0.10})
BEFORE = paired_report(pairs())


def verdict(candidate: Report, reference: Report = BEFORE) -> Verdict:
    return compare_reports(reference, candidate, MARGINS)


def later(launches: int = 4, *, step: float = 0.0, growth: float = 0.0) -> PairedRun:
    return paired_report(pairs(launches, 3, step=step, growth=growth), LATER)


def by_metric(found: Verdict) -> dict[str, Comparison]:
    return {comparison.metric: comparison for comparison in found.comparisons}


def changed(change: Callable[[Pair], Pair]) -> Report:
    return paired_report([change(pair) for pair in pairs(shift=3)], LATER)


def on_records(pair: Pair, **changes: object) -> Pair:
    sides = {side: dataclasses.replace(getattr(pair, side), **changes) for side in ("reference", "candidate")}
    return dataclasses.replace(pair, **sides)


def test_equal_ratios_pass_and_numbers_are_left_out() -> None:
    found = verdict(later())
    assert (found.outcome, found.exit_code, found.scope) == (Outcome.PASS, 0, Scope.SPEED)
    compared = by_metric(found)
    gating = [name for name, comparison in compared.items() if comparison.gates]
    assert gating == ["step time", "evaluation step", "peak memory", "memory growth"]
    assert not {"perplexity", "graph operations", "numerics", "lockstep"} & set(compared)
    assert found.warnings == (NUMBERS_LEFT_OUT,)


@pytest.mark.parametrize(
    ("step", "outcome"),
    # Mean ratios of the first launches 0.05% and 0.13%; differences deviate by up to 1% in four launches.
    [(0.0, Outcome.PASS), (0.05, Outcome.CANNOT_JUDGE), (0.10, Outcome.REGRESSION), (-0.10, Outcome.PASS)],
)
def test_step_time_is_ratio_against_ratio(step: float, outcome: Outcome) -> None:
    found = by_metric(verdict(later(8, step=0.2 + step), paired_report(pairs(8, step=0.2))))["step time"]
    assert found.outcome is outcome
    assert found.improved is (step == -0.10)
    assert found.interval
    assert found.interval.estimate == pytest.approx(step, abs=0.003)
    assert found.reference == "+22.2%"  # exp(0.2 + 0.05% to 0.1%) − 1


def test_a_slow_reference_of_both_reports_is_no_regression() -> None:
    """The candidate report is of a machine on which both sides take ten times as long: the ratio is the same."""
    slow = changed(
        lambda pair: dataclasses.replace(
            pair,
            steps=tuple(dataclasses.replace(quad, seconds=tuple(10 * s for s in quad.seconds)) for quad in pair.steps),
        )
    )
    assert by_metric(verdict(slow))["step time"].outcome is Outcome.PASS


@pytest.mark.parametrize(("growth", "outcome"), [(0.0, Outcome.PASS), (150_000.0, Outcome.REGRESSION)])
def test_memory_growth_is_compared_in_bytes(growth: float, outcome: Outcome) -> None:
    found = by_metric(verdict(later(growth=growth)))["memory growth"]
    assert (found.outcome, found.interval) == (outcome, None)
    assert found.candidate.endswith(" KiB")


def test_metrics_without_a_margin_inform() -> None:
    found = by_metric(verdict(later(step=0.2)))["mean step"]
    assert (found.outcome, found.gates) == (Outcome.INFORMS, False)
    assert found.note.startswith("+22.")


def test_a_gate_s_report_and_a_paired_run_compare() -> None:
    gate = gate_report([paired_report(pairs(shift=3), LATER)], LATER)
    assert verdict(gate).outcome is Outcome.PASS
    assert verdict(BEFORE, gate).outcome is Outcome.PASS


def test_three_launches_of_a_side_cannot_be_judged() -> None:
    found = verdict(later(3))
    assert found.exit_code == 3
    assert by_metric(found)["step time"].note == "not judged: launches are looked at from 4 on, and there are 3"


def test_launches_that_do_not_tell_cannot_be_judged() -> None:
    """As of a speed report without evaluation."""
    found = by_metric(verdict(changed(lambda pair: dataclasses.replace(pair, evaluations=()))))["evaluation step"]
    assert (found.outcome, found.note) == (Outcome.CANNOT_JUDGE, "4 of the 8 launches don't tell")


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (
            paired_report(pairs(shift=3), LATER, OTHER_REFERENCE),
            f"the references differ, TensorFlow 2.20.0 ({REFERENCE_SIDE.identity}) in the reference report, "
            f"TensorFlow 2.20.0 ({OTHER_REFERENCE.identity}) in the candidate report: ratios to both can't be compared",
        ),
        (
            changed(lambda pair: on_records(pair, subject=dataclasses.replace(SUBJECT, fingerprint="f" * 16))),
            f"the reports are of unlike things (fingerprint 0123456789abcdef in the reference report, {'f' * 16} in the candidate report)",
        ),
    ],
    ids=["references", "fingerprints"],
)
def test_unlike_things_are_not_compared(candidate: Report, said: str) -> None:
    found = verdict(candidate)
    assert found.exit_code == 3
    (comparison,) = found.comparisons
    assert (comparison.metric, comparison.outcome, comparison.note) == ("likeness", Outcome.CANNOT_JUDGE, said)


def test_a_subject_of_one_report_alone_cannot_be_judged() -> None:
    fused = dataclasses.replace(SUBJECT, implementation="fused")
    found = verdict(changed(lambda pair: on_records(pair, subject=fused)))
    assert [(comparison.subject, comparison.note) for comparison in found.comparisons] == [
        (SUBJECT.name, f"the candidate report did not time it: it timed {fused.name}"),
        (fused.name, f"the reference report did not time it: it timed {SUBJECT.name}"),
    ]
    assert found.exit_code == 3


def test_a_gate_without_speed_says_why() -> None:
    found = verdict(gate_report([], LATER, speed_problem="the reference can't be built: no wheel"))
    assert found.comparisons[0].note == "the candidate report did not time it: the reference can't be built: no wheel"
    with pytest.raises(ValueError, match="neither report has a launch"):
        verdict(gate_report([], LATER), gate_report([]))


def test_one_subject_s_problem_leaves_the_others_judged() -> None:
    tiny = [on_records(pair, subject=TINY) for pair in pairs(shift=3)]
    found = verdict(gate_report([paired_report(pairs(shift=3), LATER), paired_report(tiny, LATER)], LATER))
    assert by_metric(found)["step time"].outcome is Outcome.PASS
    assert found.comparisons[-1].subject == TINY.name
    assert found.outcome is Outcome.CANNOT_JUDGE


def test_unlike_machines_and_settings_are_named() -> None:
    elsewhere = changed(
        lambda pair: on_records(pair, machine=OTHER_MACHINE, environment=environment("2.20.0", threads=64))
    )
    found = verdict(elsewhere)
    assert (
        "cpu_model A CPU in the reference report, Another CPU in the candidate report; cores 2 in" in found.warnings[0]
    )
    assert "threads 2 in the reference report, 64 in the candidate report" in found.warnings[0]
    assert "a ratio differs by about 3% from host to host" in found.warnings[0]


@pytest.mark.parametrize(
    ("between_hosts", "step", "outcome"),
    # The bound of a PASS grows by 1.645 × √2 × between_hosts, in quadrature: 7% for 3%, which no margin of 5% stands, and 1.2% for 0.5%.
    [
        (0.03, 0.0, Outcome.CANNOT_JUDGE),
        (0.005, 0.0, Outcome.PASS),
        (0.03, 0.10, Outcome.CANNOT_JUDGE),
        (0.005, 0.10, Outcome.REGRESSION),
    ],
)
def test_between_hosts_the_bounds_are_wider(between_hosts: float, step: float, outcome: Outcome) -> None:
    elsewhere = paired_report([on_records(pair, machine=OTHER_MACHINE) for pair in pairs(8, 3, step=step)], LATER)
    margins = dataclasses.replace(MARGINS, between_hosts=between_hosts)
    found = by_metric(compare_reports(paired_report(pairs(8)), elsewhere, margins))["step time"]
    assert (found.outcome, found.note.endswith("across hosts")) == (outcome, True)


def test_a_report_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="is given twice"):
        verdict(BEFORE)


def test_failed_launches_are_named_and_left_out() -> None:
    (last,) = pairs(5)[4:]
    failed = dataclasses.replace(
        last, candidate=dataclasses.replace(last.candidate, failure=Failure("crashed", "killed by SIGSEGV"))
    )
    found = verdict(paired_report([*pairs(4, 3), failed, failed], LATER))
    assert found.outcome is Outcome.PASS
    assert "the candidate report: launch 5 failed and is left out: killed by SIGSEGV" in found.warnings
    mended = verdict(paired_report([*pairs(4, 3), failed, last], LATER))
    assert (
        "the candidate report: launch 5 of the candidate failed once and not again: killed by SIGSEGV"
        in mended.warnings
    )


def test_what_gates_is_what_the_candidate_report_was_asked_for() -> None:
    alone = dataclasses.replace(later(), only=("peak memory",))
    assert [comparison.metric for comparison in verdict(alone).comparisons if comparison.gates] == ["peak memory"]


def test_an_unfinished_report_is_a_failed_measurement() -> None:
    found = verdict(paired_report(pairs(shift=3), LATER, warnings=[f"{INCOMPLETE}the run was interrupted", "load"]))
    assert found.exit_code == 4
    assert found.failures == (f"the candidate report: {INCOMPLETE}the run was interrupted",)
    assert "the candidate report: load" in found.warnings
