"""Two reports with one reference: ratio against ratio, and what keeps them from being compared."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.compare import across_hosts, compare_reports
from bench.judge.fields import Field
from bench.judge.metrics import ONE_CORE_STEP_TIME, in_turn
from bench.judge.notices import FailedOnce, Incomplete, LaunchFailed, NumbersNotCompared, OfReport, Told, UnlikePlaces
from bench.judge.reasons import (
    Decided,
    LaunchesLackIt,
    NoSpread,
    NotTimed,
    Reason,
    TooFewLaunches,
    UnlikeReferences,
    UnlikeReports,
)
from bench.judge.reports import Report
from bench.judge.samples import compare
from bench.judge.types import Comparison, Metric, Question, Scope, Unit, Verdict, outcome_of
from bench.record.paired import Pair, PairedRun
from bench.record.types import OWN_CODE, Failure, Memory
from bench.report.sentences import sentence
from bench.stats.outcome import Outcome
from tests.builders.launches import by_metric, interval_of, on_both, on_candidate, regressed, slowed
from tests.builders.paired import CREATED, pair
from tests.builders.records import MACHINE, OTHER_MACHINE, SUBJECT, TINY, environment
from tests.builders.records import MARGINS as SAMPLE_MARGINS
from tests.builders.reports import LATER, OTHER_REFERENCE, REFERENCE_SIDE, gate_report, paired_report, pairs
from tests.builders.samples import BYTES, EITHER_WAY, MARGIN, SECONDS, SHOWN, around, sample

MARGINS = dataclasses.replace(
    SAMPLE_MARGINS, gating={**SAMPLE_MARGINS.gating, "step_time": 0.05, "evaluation_step": 0.10, "peak_memory": 0.10}
)
BEFORE = paired_report(pairs())
CRASH = Failure("crashed", "killed by SIGSEGV")


def verdict(candidate: Report, reference: Report = BEFORE) -> Verdict:
    return compare_reports(reference, candidate, MARGINS)


def later(launches: int = 10, *, step: float = 0.0, growth: float = 0.0) -> PairedRun:
    return paired_report(pairs(launches, 3, step=step, growth=growth), LATER)


def changed(change: Callable[[Pair], Pair], launches: int = 10) -> Report:
    return paired_report([change(pair) for pair in pairs(launches, 3)], LATER)


def test_equal_ratios_pass_and_numbers_are_left_out() -> None:
    found = verdict(later())
    assert (found.question, found.outcome, found.exit_code) == (Question.REPORTS, Outcome.PASS, 0)
    assert (found.scope, found.warnings) == (Scope.SPEED, (NumbersNotCompared(),))
    gating = [one.metric.name for one in found.comparisons if one.metric.gates]
    assert gating == ["step time", "evaluation step", "peak memory", "memory growth"]
    assert not {"perplexity", "graph operations", "numerics", "lockstep"} & set(by_metric(found))


@pytest.mark.parametrize(
    ("step", "outcome"),
    # Mean ratios of the first launches 0.05% and 0.13%; differences deviate by up to 1% in four launches.
    [(0.0, Outcome.PASS), (0.05, Outcome.INCONCLUSIVE), (0.10, Outcome.REGRESSION), (-0.10, Outcome.PASS)],
)
def test_step_time_is_ratio_against_ratio(step: float, outcome: Outcome) -> None:
    found = by_metric(verdict(later(10, step=0.2 + step), paired_report(pairs(step=0.2))))["step time"]
    assert (found.outcome, found.improved) == (outcome, step == -0.10)
    assert interval_of(found).estimate == pytest.approx(step, abs=0.003)
    assert found.metric.unit is Unit.RATIO
    assert found.reference == pytest.approx(math.exp(0.2), rel=2e-3)


def test_a_slow_reference_of_both_reports_is_no_regression() -> None:
    """The candidate report is of a machine on which both sides take ten times as long: the ratio is the same."""
    assert by_metric(verdict(changed(lambda pair: slowed(pair, 10))))["step time"].outcome is Outcome.PASS


@pytest.mark.parametrize(("growth", "outcome"), [(0.0, Outcome.PASS), (150_000.0, Outcome.REGRESSION)])
def test_memory_growth_is_compared_in_bytes(growth: float, outcome: Outcome) -> None:
    found = by_metric(verdict(later(growth=growth)))["memory growth"]
    assert (found.outcome, found.metric.unit) == (outcome, Unit.BYTES_PER_STEP)
    assert interval_of(found).estimate == pytest.approx(growth, abs=5000)  # the launches' noise is a few KiB


def test_metrics_without_a_margin_are_shown() -> None:
    found = by_metric(verdict(later(step=0.2)))["mean step"]
    assert (found.outcome, found.metric.gates) == (Outcome.NOT_GATED, False)
    assert found.candidate == pytest.approx(math.exp(0.2), rel=2e-3)


def test_a_gate_s_report_and_a_paired_run_compare() -> None:
    gate = gate_report([later()], LATER)
    assert verdict(gate).outcome is verdict(BEFORE, gate).outcome is Outcome.PASS


def test_what_disturbed_a_gate_s_speed_is_told() -> None:
    gate = gate_report([dataclasses.replace(later(), warnings=("load",))], LATER)
    assert OfReport("candidate", Told("load")) in verdict(gate).warnings
    whole = dataclasses.replace(gate_report([later()], LATER), warnings=("A/A run",))
    assert OfReport("candidate", Told("A/A run")) in verdict(whole).warnings


def test_three_launches_of_a_side_are_inconclusive() -> None:
    found = verdict(later(3))
    assert (found.exit_code, by_metric(found)["step time"].reason) == (3, TooFewLaunches(3, 4))


def test_few_launches_are_no_proof_that_there_is_no_slow_mode() -> None:
    """As in a run: a PASS takes nine launches."""
    found = by_metric(verdict(later(8)))["step time"]
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.is_within
    assert by_metric(verdict(later(8, step=0.2)))["step time"].outcome is Outcome.REGRESSION


@pytest.mark.parametrize("launches", [4, 8])
def test_launches_that_do_not_tell_are_inconclusive(launches: int) -> None:
    """As of a speed report without evaluation, or one in which a launch lacks it that would have no partner."""
    fast = [dataclasses.replace(pair(launch + 3, evaluation=-0.5), launch=launch) for launch in range(8)]
    silent = paired_report([one if one.launch < 4 else dataclasses.replace(one, evaluations=()) for one in fast], LATER)
    found = by_metric(verdict(silent, paired_report(pairs(launches))))["evaluation step"]
    assert (found.outcome, found.reason) == (Outcome.INCONCLUSIVE, LaunchesLackIt(4, 8 + launches))
    assert (found.interval, found.precision, found.improved) == (None, None, False)
    assert (found.candidate, found.reference) == pytest.approx((math.exp(-0.5), 1.0), rel=0.01)


@pytest.mark.parametrize("on_one_core", ["before", "after"])
def test_a_gating_metric_of_one_report_alone_is_inconclusive(on_one_core: str) -> None:
    """A machine with one CPU has no launches on one core: ten are told of there, none here."""
    margins = dataclasses.replace(MARGINS, gating={**MARGINS.gating, "step_time_on_one_core": 0.05})
    both_kinds, all_cores = [*pairs(), *(dataclasses.replace(one, core=1) for one in pairs())], pairs(shift=3)
    reports = (both_kinds, all_cores) if on_one_core == "before" else (all_cores, both_kinds)
    found = by_metric(compare_reports(paired_report(reports[0]), paired_report(reports[1], LATER), margins))
    assert found[ONE_CORE_STEP_TIME].outcome is Outcome.INCONCLUSIVE
    assert found[ONE_CORE_STEP_TIME].reason == LaunchesLackIt(10, 20)
    assert found["step time"].outcome is Outcome.PASS


def test_nine_launches_of_both_kinds_together_prove_a_pass() -> None:
    margins = dataclasses.replace(MARGINS, gating={**MARGINS.gating, "step_time_on_one_core": 0.05})
    before, after = (
        [dataclasses.replace(one, core=core) for one in pairs(6, shift) for core in (None, 1)] for shift in (0, 3)
    )
    reports = paired_report(before), paired_report(after, LATER)
    found = by_metric(compare_reports(*reports, margins))
    assert [found[name].outcome for name in ("step time", ONE_CORE_STEP_TIME)] == [Outcome.PASS] * 2
    alone = [dataclasses.replace(reports[0], only=("step time",)), paired_report(pairs(6))]  # none gates, or is there
    for one in alone:
        found = by_metric(compare_reports(one, reports[1], margins))
        assert found["step time"].outcome is Outcome.INCONCLUSIVE


def test_what_does_not_gate_may_lack_launches() -> None:
    found = verdict(changed(lambda pair: on_both(pair, startup=None)))
    assert (found.outcome, by_metric(found)["import"].outcome) == (Outcome.PASS, Outcome.NOT_GATED)


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        (
            paired_report(pairs(shift=3), LATER, OTHER_REFERENCE),
            UnlikeReferences(
                f"TensorFlow 2.20.0 ({REFERENCE_SIDE.identity})", f"TensorFlow 2.20.0 ({OTHER_REFERENCE.identity})"
            ),
        ),
        (
            changed(lambda pair: on_both(pair, subject=dataclasses.replace(SUBJECT, fingerprint="f" * 16))),
            UnlikeReports((Field("fingerprint", SUBJECT.fingerprint, "f" * 16),)),
        ),
        (
            changed(lambda pair: on_both(pair, subject=dataclasses.replace(SUBJECT, steps=20), losses=(50.0,) * 20)),
            UnlikeReports((Field("steps", "10", "20"),)),
        ),
    ],
    ids=["references", "fingerprints", "steps"],
)
def test_unlike_things_are_not_compared(candidate: Report, reason: Reason) -> None:
    found = verdict(candidate)
    (comparison,) = found.comparisons
    assert (comparison.metric.name, comparison.outcome) == ("likeness", Outcome.INCONCLUSIVE)
    assert (comparison.reason, found.exit_code) == (reason, 3)


def test_a_subject_of_one_report_alone_is_inconclusive() -> None:
    fused = dataclasses.replace(SUBJECT, implementation="fused")
    found = verdict(changed(lambda pair: on_both(pair, subject=fused)))
    assert [(comparison.subject, comparison.reason) for comparison in found.comparisons] == [
        (SUBJECT.name, NotTimed("candidate", (fused.name,), "")),
        (fused.name, NotTimed("reference", (SUBJECT.name,), "")),
    ]
    assert found.exit_code == 3


def test_a_gate_without_speed_says_why() -> None:
    found = verdict(gate_report([], LATER, speed_problem="no wheel"))
    assert found.comparisons[0].reason == NotTimed("candidate", (), "no wheel")
    with pytest.raises(ValueError, match="neither report has a launch"):
        verdict(gate_report([], LATER), gate_report([]))


def test_one_subject_s_problem_leaves_the_others_judged() -> None:
    tiny = [on_both(pair, subject=TINY) for pair in pairs(shift=3)]
    found = verdict(gate_report([later(), paired_report(tiny, LATER)], LATER))
    assert by_metric(found)["step time"].outcome is Outcome.PASS
    assert (found.comparisons[-1].subject, found.outcome) == (TINY.name, Outcome.INCONCLUSIVE)


def test_unlike_machines_and_settings_are_named() -> None:
    """The bounds hold what machines differ, and nothing of what settings do."""
    there = dataclasses.replace(environment("2.20.0", onednn=False, threads=64), python="3.12.3")
    machines = (
        Field("cpu_model", "A CPU", "Another CPU"),
        Field("cores", "2", "64"),
        Field("isa", "x86_64 avx2", "x86_64 avx512f"),
        Field("memory_gib", "16", "256"),
    )
    settings = (Field("python", "3.11.7", "3.12.3"), Field("onednn", "True", "False"), Field("threads", "2", "64"))
    for machine, unlike, between in ((OTHER_MACHINE, (*machines, *settings), 0.03), (MACHINE, settings, 0.0)):
        found = verdict(
            paired_report([on_both(one, machine=machine, environment=there) for one in pairs(10, 3)], LATER)
        )
        assert found.warnings == (UnlikePlaces(SUBJECT.name, unlike, between), NumbersNotCompared())
        reason = by_metric(found)["step time"].reason
        assert isinstance(reason, Decided)
        assert reason.across_hosts == bool(between)


def test_other_variables_of_the_shell_are_warned_of() -> None:
    """But for those of TensorFlow's log."""
    set_there = {"LD_PRELOAD": "/libjemalloc.so", "TF_CPP_MIN_LOG_LEVEL": "0"}
    there = dataclasses.replace(environment("2.20.0"), variables=set_there)
    found = verdict(paired_report([on_both(one, environment=there) for one in pairs(10, 3)], LATER))
    unlike = (Field("variables", "", "LD_PRELOAD=/libjemalloc.so"),)
    assert found.warnings == (UnlikePlaces(SUBJECT.name, unlike, 0.0), NumbersNotCompared())


@pytest.mark.parametrize(
    ("between_hosts", "step", "outcome"),
    # The bound of a PASS grows by 1.645 × √2 × between_hosts, in quadrature: 7% for 3%, which no margin of 5% stands,
    # and 1.2% for 0.5%.
    [
        (0.03, 0.0, Outcome.INCONCLUSIVE),
        (0.005, 0.0, Outcome.PASS),
        (0.03, 0.10, Outcome.INCONCLUSIVE),
        (0.005, 0.10, Outcome.REGRESSION),
    ],
)
def test_between_hosts_the_bounds_are_wider(between_hosts: float, step: float, outcome: Outcome) -> None:
    elsewhere = paired_report([on_both(pair, machine=OTHER_MACHINE) for pair in pairs(10, 3, step=step)], LATER)
    margins = dataclasses.replace(MARGINS, between_hosts=between_hosts)
    found = by_metric(compare_reports(paired_report(pairs()), elsewhere, margins))["step time"]
    assert found.outcome is outcome
    assert isinstance(found.reason, Decided)
    assert found.reason.across_hosts
    few = paired_report([on_both(pair, machine=OTHER_MACHINE) for pair in pairs(8, 3, step=step)], LATER)
    of_few = by_metric(compare_reports(paired_report(pairs()), few, margins))["step time"]
    assert of_few.outcome is (Outcome.INCONCLUSIVE if outcome is Outcome.PASS else outcome)  # a PASS takes nine


def test_ratios_of_two_hosts_differ_by_two_draws() -> None:
    """At the normal distribution's 95% point: √2 · 0.03 · 1.645 = 0.0698, in quadrature."""
    elsewhere = changed(lambda one: on_both(one, machine=OTHER_MACHINE))
    here, there = (interval_of(by_metric(verdict(report))["step time"]) for report in (later(), elsewhere))
    reach = math.hypot(here.pass_high - here.estimate, 0.0698)
    assert there.pass_high - there.estimate == pytest.approx(reach, rel=1e-3)


def widened(values: Sequence[float | None], between: float, metric: Metric = SECONDS) -> Comparison:
    return across_hosts(compare(sample(values, metric)), between, pass_from=4)


class TestAcrossHosts:
    @pytest.mark.parametrize(
        ("shift", "between", "outcome"),
        [
            # 1.645 × 0.02 = 3.3% more, in quadrature, to be passed; 1.960 × 0.02 = 3.9% to be a REGRESSION.
            (0.010, 0.02, Outcome.PASS),
            (0.020, 0.02, Outcome.INCONCLUSIVE),
            (0.085, 0.02, Outcome.INCONCLUSIVE),
            (0.095, 0.02, Outcome.REGRESSION),
            (0.095, 0.03, Outcome.INCONCLUSIVE),
        ],
    )
    def test_bounds_hold_what_hosts_differ(self, shift: float, between: float, outcome: Outcome) -> None:
        here, there = compare(sample(around(shift))), widened(around(shift), between)
        assert (there.outcome, there.reason, there.precision) == (outcome, Decided(4, across_hosts=True), None)
        own, wide = interval_of(here), interval_of(there)
        assert wide.estimate == own.estimate
        assert wide.high - wide.estimate == pytest.approx(math.hypot(own.high - own.estimate, 1.959964 * between))
        assert wide.pass_high - wide.estimate == pytest.approx(
            math.hypot(own.pass_high - own.estimate, 1.644854 * between)
        )

    @pytest.mark.parametrize(("shift", "improved"), [(-0.056, False), (-0.08, False), (-0.095, True)])
    def test_an_improvement_is_certain_of_other_hosts_too(self, shift: float, improved: bool) -> None:
        """1.960 × 0.02 = 3.9% below −4.9% is not enough for 8%: alone, 5.6% were."""
        assert compare(sample(around(shift))).improved
        assert widened(around(shift), 0.02).improved is improved

    def test_an_improvement_is_a_pass_which_takes_nine_launches(self) -> None:
        found = across_hosts(compare(sample(around(-0.2, 8))), 0.02, pass_from=9)
        assert (found.outcome, found.improved) == (Outcome.INCONCLUSIVE, False)

    def test_bytes_do_not_differ_between_hosts(self) -> None:
        grown = [9.0, 10.0, 8.0, 8.0]
        assert widened(grown, 0.03, BYTES) == compare(sample(grown, BYTES))

    @pytest.mark.parametrize(
        ("shift", "outcome"), [(0.0, Outcome.PASS), (-0.2, Outcome.REGRESSION), (-0.05, Outcome.INCONCLUSIVE)]
    )
    def test_what_is_to_be_equal_may_not_fall_across_hosts_either(self, shift: float, outcome: Outcome) -> None:
        found = widened(around(shift), 0.01, EITHER_WAY)
        assert (found.outcome, found.improved) == (outcome, False)

    def test_what_does_not_gate_decides_nothing_across_hosts_either(self) -> None:
        assert widened(around(0.2), 0.01, SHOWN).outcome is Outcome.NOT_GATED
        bare = dataclasses.replace(SHOWN, margin=None)
        here, there = compare(sample(around(0.2), bare)), widened(around(0.2), 0.01, bare)
        assert (there.outcome, there.reason) == (Outcome.NOT_GATED, here.reason)
        assert interval_of(there).high > interval_of(here).high

    def test_what_cannot_be_computed_stays_so(self) -> None:
        assert widened([0.01] * 4, 0.03).reason == NoSpread(4)

    @given(st.lists(st.floats(-0.2, 0.2), min_size=4, max_size=14), st.sampled_from([SECONDS, EITHER_WAY]))
    def test_an_outcome_agrees_with_its_interval(self, values: list[float], metric: Metric) -> None:
        found = widened(values, 0.02, metric)
        assert found.outcome is (outcome_of(found.interval, metric) if found.interval else Outcome.INCONCLUSIVE)
        assert not found.improved or (metric is SECONDS and interval_of(found).high < -MARGIN)


def test_a_report_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="is given twice"):
        verdict(BEFORE)


@pytest.mark.parametrize(
    ("more", "reason", "outcome"),
    [
        ((True, True), LaunchFailed("", 10, "candidate", CRASH.message), Outcome.REGRESSION),
        ((True, False), FailedOnce("", 10, "candidate", CRASH.message), Outcome.PASS),
    ],
    ids=["failed again", "failed once"],
)
def test_failed_launches_are_named_and_left_out(more: Sequence[bool], reason: Reason, outcome: Outcome) -> None:
    (last,) = pairs(11)[10:]
    tries = [on_candidate(last, failure=CRASH if fails else None) for fails in more]
    found = verdict(paired_report([*pairs(10, 3), *tries], LATER))
    assert (found.outcome, found.warnings) == (outcome, (OfReport("candidate", reason), NumbersNotCompared()))


def test_a_candidate_that_failed_before_as_well_is_no_regression() -> None:
    (last,) = pairs(11)[10:]
    fails = [on_candidate(last, failure=CRASH)] * 2
    before, after = paired_report([*pairs(10), *fails]), paired_report([*pairs(10, 3), *fails], LATER)
    assert compare_reports(before, after, MARGINS).outcome is Outcome.PASS
    assert compare_reports(before, paired_report(pairs(10, 3), LATER), MARGINS).outcome is Outcome.PASS
    assert compare_reports(paired_report(pairs(10)), after, MARGINS).outcome is Outcome.REGRESSION


def test_a_candidate_that_fails_where_nothing_can_be_compared_is_no_regression() -> None:
    """Against another reference, and in a configuration that the first report never measured."""
    (last,) = pairs(11)[10:]
    failing = [*pairs(10, 3), *[on_candidate(last, failure=CRASH)] * 2]
    other = paired_report(failing, LATER, OTHER_REFERENCE)
    assert compare_reports(paired_report(pairs(10)), other, MARGINS).outcome is Outcome.INCONCLUSIVE
    more = paired_report([on_both(one, subject=TINY) for one in failing])
    both = gate_report([paired_report(pairs(10, 3), LATER), more], LATER)
    assert compare_reports(paired_report(pairs(10)), both, MARGINS).outcome is Outcome.INCONCLUSIVE


def test_each_side_that_failed_is_named() -> None:
    raised = Failure(OWN_CODE, "mine.py:6: ValueError: no data")
    (last,) = pairs(11)[10:]
    failed = dataclasses.replace(last, reference=dataclasses.replace(last.reference, failure=raised))
    found = verdict(paired_report([*pairs(10, 3), on_candidate(failed, failure=CRASH)], LATER))
    reference, candidate = found.warnings[:2]
    assert reference == OfReport("candidate", LaunchFailed("", 10, "reference", raised.message, own_code=True))
    assert candidate == OfReport("candidate", LaunchFailed("", 10, "candidate", CRASH.message))
    assert "launch 11: the candidate failed: killed by SIGSEGV" in sentence(candidate)


def test_launches_of_several_subjects_are_named_by_theirs() -> None:
    (last,) = pairs(11)[10:]
    tries = [*pairs(10, 3), on_candidate(last, failure=CRASH), last]
    runs = [paired_report([on_both(one, subject=subject) for one in tries]) for subject in (SUBJECT, TINY)]
    found = [one.said for one in verdict(gate_report(runs, LATER)).warnings if isinstance(one, OfReport)]
    assert found == [FailedOnce(subject.name, 10, "candidate", CRASH.message) for subject in (SUBJECT, TINY)]


def test_own_models_of_unlike_steps_compare() -> None:
    """As many as fit the time of a launch, which differs from run to run."""
    own = dataclasses.replace(SUBJECT, workload="mine.py", metrics=("step time", "peak memory"))
    margins = dataclasses.replace(MARGINS, without_pilot=MARGINS.gating)

    def report(steps: int, created: str, **changes: str) -> PairedRun:
        subject = dataclasses.replace(own, steps=steps, **changes)  # type: ignore[arg-type]  # by name
        shift = 3 if created == LATER else 0
        return paired_report([on_both(one, subject=subject) for one in pairs(10, shift)], created)

    found = compare_reports(report(403, CREATED), report(411, LATER), margins)
    assert (found.outcome, [one.metric.name for one in found.comparisons if one.metric.gates]) == (
        Outcome.PASS,
        ["step time", "peak memory"],
    )
    changed = compare_reports(report(403, CREATED), report(411, LATER, fingerprint="f" * 16), margins)
    assert changed.comparisons[0].reason == UnlikeReports((Field("fingerprint", SUBJECT.fingerprint, "f" * 16),))


def test_fitted_losses_are_numbers_which_are_not_compared() -> None:
    """They are equal, so that no statistic could be computed."""
    subject = dataclasses.replace(SUBJECT, workload="fit", metrics=("fitted loss", "step time"))
    margins = dataclasses.replace(MARGINS, without_pilot={"fitted_loss": 0.01, "step_time": 0.05})

    def report(shift: int, created: str) -> PairedRun:
        return paired_report([on_both(one, subject=subject, losses=(50.0,) * 10) for one in pairs(10, shift)], created)

    found = compare_reports(report(0, CREATED), report(3, LATER), margins)
    assert (found.outcome, [one.metric.name for one in found.comparisons if one.metric.gates]) == (
        Outcome.PASS,
        ["step time"],
    )


def test_what_gates_is_what_the_candidate_report_was_asked_for() -> None:
    memory, speed = (dataclasses.replace(later(), only=(name,)) for name in ("peak memory", "step time"))
    assert [one.metric.name for one in verdict(memory).comparisons if one.metric.gates] == ["peak memory"]
    gating = [one.metric.name for one in verdict(memory, speed).comparisons if one.metric.gates]
    assert gating == ["peak memory"]


@pytest.mark.parametrize("named", ["before", "after"])
def test_a_pass_of_named_metrics_says_no_more(named: str) -> None:
    """Steps are half as long again, and no matter of memory."""
    only = {named: ("peak memory",)}
    before, after = dataclasses.replace(BEFORE, only=only.get("before", ())), later(step=0.4)
    found = verdict(dataclasses.replace(after, only=only.get("after", ())), before)
    assert (found.outcome, found.scope) == (Outcome.PASS, Scope.NAMED)


@pytest.mark.parametrize(("launches", "planned"), [((6, 6), 6), ((6, 10), 6), ((7, 12), 6), ((10, 10), 10)])
def test_the_launches_of_both_reports_are_all_there_will_be(launches: tuple[int, int], planned: int) -> None:
    before, after = launches
    found = by_metric(verdict(later(after, step=0.05), paired_report(pairs(before))))["step time"]
    assert (found.precision and found.precision.planned, found.outcome) == (planned, Outcome.INCONCLUSIVE)


def test_all_launches_are_judged_at_once_though_the_first_alone_would_decide() -> None:
    found = by_metric(verdict(later(10, step=0.3)))["step time"]
    assert (found.outcome, found.reason) == (Outcome.REGRESSION, Decided(10))
    assert compare(sample(around(0.3, 10))).reason == Decided(4)  # of a run, which ends there


def test_an_unfinished_report_is_a_failed_measurement_unless_it_shows_a_regression() -> None:
    cut = dataclasses.replace(later(), incomplete="interrupted", warnings=("load",))
    found = verdict(cut)
    assert (found.exit_code, found.failures) == (4, (OfReport("candidate", Incomplete("interrupted")),))
    assert OfReport("candidate", Told("load")) in found.warnings
    slow = dataclasses.replace(later(step=0.2), incomplete="interrupted")
    assert (regressed(verdict(slow)), verdict(slow).exit_code) == (["step time"], 1)


def test_metrics_are_joined_by_name_where_one_report_alone_tells_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The optional metric stands first, so that all that follow it have other places in the two reports."""
    rows = in_turn()
    monkeypatch.setattr("bench.judge.samples.in_turn", lambda start: (rows[-1], *rows[:-1]))
    memory = Memory(2**30, 0.0, peak_gpu_bytes=2**20)
    told = [on_both(one, memory=memory) for one in pairs(shift=3)]
    found = by_metric(verdict(paired_report(told, LATER)))
    assert "GPU memory" not in found
    assert (found["step time"].outcome, found["step time"].metric.name) == (Outcome.PASS, "step time")
    assert found["step time"].candidate == pytest.approx(1.0, abs=0.01)
