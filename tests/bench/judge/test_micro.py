"""Micro-benchmarks judged: in pairs of launches, against the ratio that was accepted last."""

import dataclasses
import functools
import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.judge.acceptances import accepted_regression
from bench.judge.ledger import LedgerError
from bench.judge.micro import GATING, UnlikeError, common, entry_of_micro, gates, judge_micro, settled
from bench.judge.notices import ForeignReference, Incomplete, NotAccepted, NothingGates, Told, UnlikeSettings
from bench.judge.reasons import Accepted, CandidateFailed, Decided, LaunchesLackIt, TooFewLaunches
from bench.judge.types import Question, Unit, Verdict
from bench.record.ledger import AcceptedRegression, Entry, Ledger, Ratio
from bench.record.micro import Micro, MicroCase, MicroLaunch, MicroRun
from bench.record.types import SCHEMA, Failure
from bench.stats.outcome import Outcome
from bench.stats.sequential import decide
from tests.builders.micro import CANDIDATE, MICRO_RUN, REFERENCE
from tests.builders.records import MACHINE

MARGIN = math.log(1.15)
# Median rounds of six launches, about 1% apart.
SECONDS = (0.0600, 0.0606, 0.0597, 0.0603, 0.0609, 0.0600)
OTHERS = (0.0603, 0.0600, 0.0606, 0.0597, 0.0600, 0.0609)
EMPTY = Ledger(SCHEMA, ())
SUBJECT, METRIC = "notebook cells on cpu:0", "step graph"


def case(target: str = "step", seconds: float = 0.06, **more: str) -> MicroCase:
    values = {"config": "notebook", "implementation": "cells", "device": "cpu:0", "mode": "graph", "form": "", **more}
    name = f"test_{target}[{'-'.join(value for value in values.values() if value)}]"
    return MicroCase(
        name,
        target,
        **values,
        median_seconds=seconds,
        tensorflow="2.21.0",
        threads=2,
        onednn=True,
        variables={},
        fingerprint="0123",
        first=SUBJECT,
    )


def launches(seconds: Sequence[float], factor: float = 1.0, **more: Any) -> list[MicroLaunch]:
    """`more` replaces fields of every case."""
    made = []
    for number, value in enumerate(seconds):
        cases = [case(seconds=factor * value), case(seconds=3 * value, mode="eager")]
        cases = [dataclasses.replace(one, **more) for one in cases]
        made.append(MicroLaunch(Path(f"run/launch-{number}.json"), {one.name: one for one in cases}))
    return made


def changed(of: Sequence[MicroLaunch], change: Callable[[MicroCase], MicroCase | None]) -> list[MicroLaunch]:
    """The launches with each case changed, or left out where the change is None."""
    made = ([other for one in launch.cases.values() if (other := change(one))] for launch in of)
    return [MicroLaunch(launch.path, {one.name: one for one in cases}) for launch, cases in zip(of, made, strict=True)]


def judge(
    reference: list[MicroLaunch],
    candidate: list[MicroLaunch],
    run: MicroRun = MICRO_RUN,
    ledger: Ledger = EMPTY,
) -> Verdict:
    return judge_micro(Micro(run, reference, candidate), MARGIN, ledger)


def accepting(estimate: float) -> Ledger:
    """A ledger whose last entry has such a ratio of the step to the run's reference."""
    ratio = Ratio(SUBJECT, METRIC, estimate, 0.01, 12)
    identities = CANDIDATE.identity, REFERENCE.identity
    created = "2026-01-01T00:00:00+00:00"
    entry = Entry(created, "2.22.0", *identities, MACHINE.fingerprint(), "a host", "for a test", (ratio,))
    return Ledger(SCHEMA, (entry,))


def test_pairs_show_their_arithmetic() -> None:
    """The values are the log ratios of launch n of one side and launch n of the other."""
    found = judge(launches(SECONDS), launches(OTHERS, 1.02))
    step, eager = found.comparisons
    wanted = decide([math.log(1.02 * new / old) for new, old in zip(OTHERS, SECONDS, strict=True)], MARGIN)
    assert wanted is not None
    assert step.interval is not None
    assert wanted.interval is not None
    assert step.interval.estimate == pytest.approx(wanted.interval.estimate)
    assert step.precision is not None
    assert (step.precision.launches, step.precision.planned) == (4, 12)
    assert (step.subject, step.metric.name, step.metric.unit) == (SUBJECT, METRIC, Unit.SECONDS)
    assert (step.outcome, found.outcome, found.exit_code) == (Outcome.PASS, Outcome.PASS, 0)
    rested = [math.log(seconds) for seconds in SECONDS[:4]]  # decided at the first look
    assert step.reason == Decided(4)
    assert step.reference == pytest.approx(math.exp(statistics.fmean(rested)))
    assert (eager.outcome, eager.metric.gates) == (Outcome.NOT_GATED, False)
    assert (found.question, found.warnings, found.failures) == (Question.MICRO, (), ())


@pytest.mark.parametrize(
    ("factor", "outcome", "code", "improved"),
    [
        (1.3, Outcome.REGRESSION, 1, False),
        (1.15, Outcome.INCONCLUSIVE, 3, False),
        (1.0, Outcome.PASS, 0, False),
        (0.6, Outcome.PASS, 0, True),
    ],
)
def test_outcomes(factor: float, outcome: Outcome, code: int, improved: bool) -> None:
    found = judge(launches(SECONDS), launches(OTHERS, factor))
    assert (found.outcome, found.exit_code, found.comparisons[0].improved) == (outcome, code, improved)


def test_launch_n_pairs_with_launch_n() -> None:
    """A drift that both sides follow cancels: 10% a launch, and a difference of 1% more or less."""
    drift = [second * 1.1**launch for launch, second in enumerate(SECONDS)]
    followed = [second * 1.1**launch for launch, second in enumerate(OTHERS)]
    assert judge(launches(drift), launches(followed)).outcome is Outcome.PASS
    assert judge(launches(drift), launches(followed[::-1])).outcome is Outcome.INCONCLUSIVE


def test_before_the_first_look_nothing_is_judged_and_said_once() -> None:
    found = judge(launches(SECONDS[:3]), launches(OTHERS[:3], 9.0))
    assert (found.outcome, found.exit_code) == (Outcome.INCONCLUSIVE, 3)
    assert [one.outcome for one in found.comparisons] == [Outcome.INCONCLUSIVE, Outcome.NOT_GATED]
    assert {one.reason for one in found.comparisons} == {TooFewLaunches(3, 4)}
    assert found.warnings == (TooFewLaunches(3, 4),)


def test_what_does_not_gate_alarms_nobody() -> None:
    def slow_eager(one: MicroCase) -> MicroCase:
        return dataclasses.replace(one, median_seconds=(9 if one.mode == "eager" else 1) * one.median_seconds)

    assert judge(launches(SECONDS), changed(launches(OTHERS), slow_eager)).outcome is Outcome.PASS


def test_what_gates_is_the_change_from_the_ratio_that_was_accepted_last() -> None:
    """A candidate at 1.3 of the reference: 1.3/1.28 is +1.6%, and within the margin; 1.0/0.7 is +43%, and is not."""
    found = judge(launches(SECONDS), launches(OTHERS, 1.3), ledger=accepting(math.log(1.28)))
    step = found.comparisons[0]
    assert found.outcome is Outcome.PASS
    assert step.interval is not None
    values = [math.log(1.3 / 1.28 * new / old) for new, old in zip(OTHERS, SECONDS, strict=True)]
    assert step.interval.estimate == pytest.approx(statistics.fmean(values))
    assert step.reason == Decided(4, math.log(1.28))
    faster = accepting(math.log(0.7))
    assert judge(launches(SECONDS), launches(OTHERS), ledger=faster).outcome is Outcome.REGRESSION
    assert judge(launches(SECONDS), launches(OTHERS)).outcome is Outcome.PASS


def test_a_ratio_to_another_reference_says_nothing() -> None:
    moved = dataclasses.replace(MICRO_RUN, reference=dataclasses.replace(REFERENCE, packages=()))
    found = judge(launches(SECONDS), launches(OTHERS), moved, accepting(math.log(0.7)))
    told = ForeignReference(moved.reference.requested, moved.reference.setup)
    assert (found.outcome, found.warnings) == (Outcome.PASS, (told,))
    assert judge(launches(SECONDS), launches(OTHERS), moved).warnings == ()  # an empty ledger takes any reference
    assert judge(launches(SECONDS), launches(OTHERS), ledger=accepting(0.0)).warnings == ()


@pytest.mark.parametrize(
    ("created", "limit", "outcome"),
    [
        ("2026-06-30T23:59:00+00:00", 0.5, Outcome.PASS),
        ("2026-07-01T00:00:00+00:00", 0.5, Outcome.REGRESSION),  # a day late by the run's own date
        ("2026-06-30T23:59:00+00:00", 0.2, Outcome.REGRESSION),  # more than was accepted
    ],
)
def test_an_accepted_regression_passes_by_its_name_until_its_date(created: str, limit: float, outcome: Outcome) -> None:
    accepted = AcceptedRegression(SUBJECT, METRIC, limit, "a slower kernel", "https://example.org/1", "2026-06-30")
    run = dataclasses.replace(MICRO_RUN, created=created)
    found = judge(launches(SECONDS), launches(OTHERS, 1.3), run, Ledger(SCHEMA, (), (accepted,)))
    assert found.outcome is outcome
    assert isinstance(found.comparisons[0].reason, Accepted) is (outcome is Outcome.PASS)
    ended = created[:10] > accepted.expires
    told = NotAccepted(SUBJECT, METRIC, limit, accepted.expires, accepted.link, ended)
    assert (told in found.warnings) is (outcome is Outcome.REGRESSION)


def test_what_was_accepted_for_the_ledger_s_reference_says_nothing_of_others() -> None:
    accepted = AcceptedRegression(SUBJECT, METRIC, 0.5, "a slower kernel", "https://example.org/1", "9999-12-31")
    ledger = dataclasses.replace(accepting(0.0), regressions=(accepted,))
    moved = dataclasses.replace(MICRO_RUN, reference=dataclasses.replace(REFERENCE, packages=()))
    for run, outcome in ((MICRO_RUN, Outcome.PASS), (moved, Outcome.REGRESSION)):
        assert judge(launches(SECONDS), launches(OTHERS, 1.3), run, ledger).outcome is outcome


def test_what_was_accepted_of_an_own_file_says_nothing_of_another() -> None:
    """One that was edited since, or another of that name, is measured from its own reference alone."""

    def of(file: str, factor: float = 1.5) -> Micro:
        own = functools.partial(launches, workload="mine.py", fingerprint=file)
        return Micro(MICRO_RUN, own(SECONDS), own(OTHERS, factor))

    def judged(report: Micro, *accepted: AcceptedRegression) -> Verdict:
        return judge_micro(report, MARGIN, Ledger(SCHEMA, (entry,), accepted))

    entry = entry_of_micro(of("aaaa"), EMPTY, "what we ship")
    assert {ratio.fingerprint for ratio in entry.ratios} == {"aaaa"}
    same, edited = judged(of("aaaa")), judged(of("bbbb"))
    assert (same.outcome, edited.outcome) == (Outcome.PASS, Outcome.REGRESSION)
    assert not settled(of("bbbb", 1.15), MARGIN, Ledger(SCHEMA, (entry,)))  # measured from 1, not from 1.5
    worse = edited.comparisons[0]
    known = accepted_regression(worse, EMPTY, of("bbbb"), "a slower kernel", "https://example.org/1", "9999-12-31")
    assert (judged(of("bbbb"), known).outcome, judged(of("cccc"), known).outcome) == (Outcome.PASS, Outcome.REGRESSION)
    (told,) = (one for one in judged(of("cccc"), known).warnings if isinstance(one, NotAccepted))
    assert told.other_file


def decides(reference: list[MicroLaunch], candidate: list[MicroLaunch], ledger: Ledger = EMPTY) -> bool:
    return settled(Micro(MICRO_RUN, reference, candidate), MARGIN, ledger)


def test_measuring_may_stop_when_every_gate_is_settled() -> None:
    assert not decides(launches(SECONDS[:3]), launches(OTHERS[:3]))
    assert not decides(launches(SECONDS[:5]), launches(OTHERS[:4]))  # the candidate's fifth is to come
    assert decides(launches(SECONDS[:4]), launches(OTHERS[:4]))
    assert not decides(launches(SECONDS[:4]), launches(OTHERS[:4], 1.15))
    assert decides(launches(SECONDS[:4]), launches(OTHERS[:4], 1.15), accepting(math.log(1.15)))


@pytest.mark.parametrize(("most", "launches_of_each"), [(5, 4), (6, 6), (12, 12), (15, 12), (16, 16), (99, 48)])
def test_an_undecided_run_ends_at_what_was_asked_for_or_the_last_look(most: int, launches_of_each: int) -> None:
    run = dataclasses.replace(MICRO_RUN, launches=most)

    def sides(count: int) -> tuple[list[MicroLaunch], list[MicroLaunch]]:
        return launches((SECONDS * 8)[:count]), launches((OTHERS * 8)[:count], 1.15)

    assert not settled(Micro(run, *sides(launches_of_each - 1)), MARGIN, EMPTY)
    assert settled(Micro(run, *sides(launches_of_each)), MARGIN, EMPTY)
    precision = judge(*sides(4), run).comparisons[0].precision
    assert precision is not None
    assert precision.planned == launches_of_each


def test_eight_metrics_gate_at_most_of_the_first_subject() -> None:
    """Forms, modes, implementations and devices beyond the first are shown alone."""
    cases = [
        case(target, implementation=implementation, device=device, mode=mode, form=form)
        for implementation in ("cells", "fused")
        for device in ("cpu:0", "gpu:0")
        for mode in ("eager", "graph")
        for target in (*GATING, "input", "dropout")
        for form in (("slices", "dense") if target == "clip" else ("",))
    ]
    launch = MicroLaunch(Path("launch.json"), {one.name: one for one in cases})
    found = [launch.cases[name] for name in gates(launch)]
    assert sorted(one.target for one in found) == sorted(GATING)
    assert len(found) == 8
    assert {(one.implementation, one.device, one.mode) for one in found} == {("cells", "cpu:0", "graph")}
    assert {one.form for one in found} == {"", "slices"}


def test_nothing_gates_in_the_place_of_what_was_asked_for_first() -> None:
    """A GPU that is missing, or an implementation without Keras' loops, leaves no case."""
    found = judge(launches(SECONDS, first="notebook cells on gpu:0"), launches(OTHERS, first="notebook cells on gpu:0"))
    assert (found.outcome, NothingGates(GATING) in found.warnings) == (Outcome.INCONCLUSIVE, True)


def test_unlike_sides_are_refused() -> None:
    renamed = changed(launches(SECONDS), lambda one: dataclasses.replace(one, name=f"other {one.name}"))
    with pytest.raises(UnlikeError, match="have no benchmark in common"):
        common(launches(SECONDS), renamed)
    with pytest.raises(UnlikeError, match=r"\(4567\) than in .* \(0123\)"):
        common(launches(SECONDS), launches(SECONDS, fingerprint="4567"))


def test_a_failed_candidate_is_a_regression_and_what_ran_before_is_judged() -> None:
    """The reference finished a fifth launch, in which the candidate failed."""
    run = dataclasses.replace(MICRO_RUN, failure=Failure("crashed", "it was killed"))
    found = judge(launches(SECONDS[:5]), launches(OTHERS[:4]), run)
    failed, step, _ = found.comparisons
    assert (failed.outcome, found.exit_code, failed.metric.name) == (Outcome.REGRESSION, 1, "launches")
    assert failed.reason == CandidateFailed(4, "it was killed")
    assert step == judge(launches(SECONDS[:4]), launches(OTHERS[:4])).comparisons[0]
    at_once = judge(launches(SECONDS[:1]), [], run)
    assert (at_once.outcome, len(at_once.comparisons)) == (Outcome.REGRESSION, 1)


@pytest.mark.parametrize(("factor", "code"), [(1.0, 4), (1.3, 1)])
def test_an_interrupted_run_is_a_failed_measurement_unless_it_shows_a_regression(factor: float, code: int) -> None:
    run = dataclasses.replace(MICRO_RUN, warnings=("it was hot",), incomplete="interrupted")
    found = judge(launches(SECONDS), launches(OTHERS[:5], factor), run)
    assert (found.exit_code, found.warnings) == (code, (Told("it was hot"),))
    assert found.failures == (Incomplete("interrupted"),)
    assert judge([], [], run).exit_code == 4


def test_unlike_settings_are_said_once() -> None:
    found = judge(launches(SECONDS), launches(OTHERS, threads=1, onednn=False))
    assert found.warnings == (UnlikeSettings("2 threads, oneDNN on", "1 thread, oneDNN off"),)
    preloaded = {"LD_PRELOAD": "fast.so"}
    one, other = launches(SECONDS, variables=preloaded), launches(OTHERS, variables=preloaded)
    assert judge(one, other).warnings == ()
    said = UnlikeSettings("2 threads, oneDNN on", "2 threads, oneDNN on, LD_PRELOAD=fast.so")
    assert judge(launches(SECONDS), other).warnings == (said,)


def test_a_gate_that_one_side_lacks_cannot_pass() -> None:
    """Both have the eager step; the graph's is the reference's alone."""
    found = judge(launches(SECONDS), changed(launches(OTHERS), lambda one: one if one.mode == "eager" else None))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert [one.reason for one in found.comparisons if one.metric.gates] == [LaunchesLackIt(6, 12)]
    graphs = changed(launches(OTHERS), lambda one: one if one.mode == "graph" else None)
    assert judge(launches(SECONDS), graphs).outcome is Outcome.PASS  # the eager step gates nothing


def test_where_nothing_gates_the_verdict_says_so_and_measuring_stops_at_the_first_look() -> None:
    one, other = launches(SECONDS, target="input"), launches(OTHERS, target="input")
    found = judge(one, other)
    assert (found.outcome, found.exit_code) == (Outcome.INCONCLUSIVE, 3)
    assert found.warnings == (NothingGates(GATING),)
    assert (decides(one[:3], other[:3]), decides(one[:4], other[:4])) == (False, True)


def test_an_accepted_candidate_enters_the_ledger_with_what_was_measured() -> None:
    """Mean and standard error of the log ratios; by the ledger with that entry, the same launches show no change."""
    reference, candidate = launches(SECONDS), launches(OTHERS, 1.1, tensorflow="2.22.0")
    entry = entry_of_micro(Micro(MICRO_RUN, reference, candidate), EMPTY, "accepted")
    step, eager = entry.ratios
    values = [math.log(1.1 * new / old) for new, old in zip(OTHERS, SECONDS, strict=True)]
    assert (step.subject, step.metric, step.launches, eager.metric) == (SUBJECT, METRIC, 6, "step eager")
    assert step.estimate == pytest.approx(statistics.fmean(values))
    assert step.standard_error == pytest.approx(statistics.stdev(values) / math.sqrt(6))
    assert (entry.created, entry.host) == (MICRO_RUN.created, "A CPU, 2 cores")
    assert (entry.tensorflow, entry.reference_tensorflow) == ("2.22.0", "2.21.0")
    assert (entry.environment, entry.reference) == (CANDIDATE.identity, REFERENCE.identity)
    found = judge(reference, candidate, ledger=Ledger(SCHEMA, (entry,))).comparisons[0].interval
    assert found is not None
    assert found.estimate == pytest.approx(0, abs=1e-12)


def test_the_reference_s_own_packages_have_no_ratios() -> None:
    same = dataclasses.replace(MICRO_RUN, candidate=REFERENCE)
    assert entry_of_micro(Micro(same, launches(SECONDS), launches(OTHERS)), EMPTY, "the first").ratios == ()


@pytest.mark.parametrize(
    ("changes", "count", "ledger", "said"),
    [
        ({}, 3, EMPTY, "holds 3 launches in turn, and 4 are needed to accept their ratios: measure more"),
        ({"failure": Failure("crashed", "it crashed")}, 4, EMPTY, "the candidate failed"),
        ({"incomplete": "interrupted"}, 4, EMPTY, "the run is incomplete"),
        (
            {"reference": CANDIDATE},
            4,
            accepting(0.0),
            r"reference new/bin/python \(\w{12}\) is not one of the ledger's",
        ),
    ],
)
def test_what_cannot_be_accepted_is_refused(changes: dict[str, Any], count: int, ledger: Ledger, said: str) -> None:
    run = dataclasses.replace(MICRO_RUN, **changes)
    with pytest.raises(LedgerError, match=said):
        entry_of_micro(Micro(run, launches(SECONDS[:count]), launches(OTHERS[:count])), ledger, "accepted")


def test_units_of_workloads_gate_but_no_more_than_eight() -> None:
    """Unlike parts of a training step, of which those of the first configuration do."""
    units = [case("unit", config=f"tiny{number}", workload="masked", mode="") for number in range(10)]
    found = gates(MicroLaunch(Path("run/launch-0.json"), {one.name: one for one in units}))
    assert found == {one.name for one in units[:8]}
    assert (units[0].subject, units[0].metric) == ("masked tiny0 cells on cpu:0", "unit")
