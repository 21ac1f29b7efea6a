"""Micro-benchmarks judged: in pairs of launches, and against earlier sessions."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.judge.intervals import components, new_group_interval
from bench.judge.micro import GATING, UnlikeError, common, decided, gates, judge_pairs, judge_sessions
from bench.judge.sequential import decide
from bench.judge.types import Outcome
from bench.record.micro import MicroCase, MicroLaunch

MARGIN = math.log(1.15)
# Median rounds of six launches, about 1% apart.
SECONDS = (0.0600, 0.0606, 0.0597, 0.0603, 0.0609, 0.0600)
OTHERS = (0.0603, 0.0600, 0.0606, 0.0597, 0.0600, 0.0609)


def case(target: str = "step", seconds: float = 0.06, **more: str) -> MicroCase:
    values = {"config": "notebook", "implementation": "cells", "device": "cpu:0", "mode": "graph", "form": "", **more}
    name = f"test_{target}[{'-'.join(value for value in values.values() if value)}]"
    return MicroCase(
        name,
        target,
        **values,
        median_seconds=seconds,
        words=600,
        matmul_fraction=0.2,
        tensorflow="2.21.0",
        threads=2,
        onednn=True,
        variables={},
        fingerprint="0123",
    )


def launches(seconds: Sequence[float], factor: float = 1.0, machine: str = "here", **more: Any) -> list[MicroLaunch]:
    """`more` replaces fields of every case."""
    made = []
    for number, value in enumerate(seconds):
        cases = [case(seconds=factor * value), case(seconds=3 * value, mode="eager")]
        cases = [dataclasses.replace(one, **more) for one in cases]
        made.append(MicroLaunch(Path(f"run/launch-{number}.json"), machine, {one.name: one for one in cases}))
    return made


def test_pairs_show_their_arithmetic() -> None:
    """The values are the log ratios of launch n of one side and launch n of the other."""
    found = judge_pairs(launches(SECONDS), launches(OTHERS, 1.02), MARGIN)
    step, eager = found.comparisons
    wanted = decide([math.log(1.02 * new / old) for new, old in zip(OTHERS, SECONDS, strict=True)], MARGIN)
    assert wanted is not None
    assert step.interval is not None
    assert wanted.interval is not None
    assert step.interval.estimate == pytest.approx(wanted.interval.estimate)
    assert step.detectable == pytest.approx(wanted.detectable)
    assert (step.subject, step.metric) == ("notebook cells on cpu:0", "step graph")
    assert (step.outcome, found.outcome, found.exit_code) == (Outcome.PASS, Outcome.PASS, 0)
    assert (eager.outcome, eager.gates) == (Outcome.INFORMS, False)


def test_a_slower_candidate_is_a_regression() -> None:
    found = judge_pairs(launches(SECONDS), launches(OTHERS, 1.3), MARGIN)
    assert (found.outcome, found.exit_code) == (Outcome.REGRESSION, 1)
    assert "certainly more than +15.0%" in found.comparisons[0].note


def test_a_faster_candidate_is_an_improvement() -> None:
    found = judge_pairs(launches(SECONDS), launches(OTHERS, 0.6), MARGIN)
    assert found.outcome is Outcome.PASS
    assert found.comparisons[0].improved
    assert "an improvement" in found.comparisons[0].note


def test_at_the_margin_nothing_can_be_said() -> None:
    found = judge_pairs(launches(SECONDS), launches(OTHERS, 1.15), MARGIN)
    assert (found.outcome, found.exit_code) == (Outcome.CANNOT_JUDGE, 3)
    assert "can't be excluded" in found.comparisons[0].note


def test_before_the_first_look_nothing_is_judged() -> None:
    found = judge_pairs(launches(SECONDS[:3]), launches(OTHERS[:3], 9.0), MARGIN)
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert found.comparisons[0].note == "not judged: 3 of the 4 launches that the first look takes (--launches)"


def test_what_only_informs_alarms_nobody() -> None:
    slow_eager = [
        dataclasses.replace(
            launch,
            cases={
                name: dataclasses.replace(one, median_seconds=one.median_seconds * (9 if one.mode == "eager" else 1))
                for name, one in launch.cases.items()
            },
        )
        for launch in launches(OTHERS)
    ]
    assert judge_pairs(launches(SECONDS), slow_eager, MARGIN).outcome is Outcome.PASS


def test_measuring_may_stop_when_every_gate_is_settled() -> None:
    assert not decided(launches(SECONDS[:3]), launches(OTHERS[:3]), MARGIN)
    assert decided(launches(SECONDS[:4]), launches(OTHERS[:4]), MARGIN)
    assert not decided(launches(SECONDS[:4]), launches(OTHERS[:4], 1.15), MARGIN)


def test_eight_metrics_gate_at_most_of_the_first_subject() -> None:
    """Forms, modes, implementations and devices beyond the first inform."""
    cases = [
        case(target, implementation=implementation, device=device, mode=mode, form=form)
        for implementation in ("cells", "fused")
        for device in ("cpu:0", "gpu:0")
        for mode in ("eager", "graph")
        for target in (*GATING, "input", "dropout")
        for form in (("slices", "dense") if target == "clip" else ("",))
    ]
    launch = MicroLaunch(Path("launch.json"), "here", {one.name: one for one in cases})
    found = [launch.cases[name] for name in gates(launch)]
    assert sorted(one.target for one in found) == sorted(GATING)
    assert len(found) == 8
    assert {(one.implementation, one.device, one.mode) for one in found} == {("cells", "cpu:0", "graph")}
    assert {one.form for one in found} == {"", "slices"}


def test_unlike_sides_are_refused() -> None:
    other = launches(SECONDS)
    renamed = [dataclasses.replace(one, cases={f"other {name}": case for name, case in one.cases.items()}) for one in other]
    with pytest.raises(UnlikeError, match="have no benchmark in common"):
        common(launches(SECONDS), renamed)
    changed = [
        dataclasses.replace(one, cases={name: dataclasses.replace(case, fingerprint="4567") for name, case in one.cases.items()})
        for one in other
    ]
    with pytest.raises(UnlikeError, match=r"has fingerprint 0123 in .* and 4567 in .*: not the same model and data"):
        common(launches(SECONDS), changed)


SESSIONS = [launches(SECONDS[:4]), launches(OTHERS[:4], 1.01), launches(SECONDS[:4], 0.99)]


def test_sessions_show_their_arithmetic() -> None:
    found = judge_sessions(SESSIONS, launches(OTHERS[:4]), MARGIN)
    groups = [[math.log(one.cases[case().name].median_seconds) for one in session] for session in SESSIONS]
    wanted = new_group_interval([math.log(value) for value in OTHERS[:4]], components(groups))
    assert found.comparisons[0].interval == wanted
    assert (found.outcome, found.warnings) == (Outcome.PASS, ())
    mean = math.exp(sum(math.log(value) for value in OTHERS[:4]) / 4)
    assert found.comparisons[0].candidate == f"{1000 * mean:.2f} ms, {600 / mean:,.0f} words/s"


def test_a_slower_session_is_a_regression() -> None:
    assert judge_sessions(SESSIONS, launches(OTHERS[:4], 1.5), MARGIN).outcome is Outcome.REGRESSION


def beside(yardstick: float, of: list[MicroLaunch]) -> list[MicroLaunch]:
    """The launches with a yardstick, half a percent apart."""
    return [dataclasses.replace(launch, yardstick_seconds=yardstick * (1 + number / 200)) for number, launch in enumerate(of)]


def test_another_host_of_the_same_name_is_told_by_the_yardstick() -> None:
    sessions = [beside(0.08 * (1 + number / 100), session) for number, session in enumerate(SESSIONS)]
    slow = launches(OTHERS[:4], 1.5)
    elsewhere = judge_sessions(sessions, beside(0.1, slow), MARGIN)
    assert elsewhere.outcome is Outcome.CANNOT_JUDGE
    assert "NumPy's step, changed by +" in elsewhere.comparisons[0].note
    assert judge_sessions(sessions, beside(0.08, slow), MARGIN).outcome is Outcome.REGRESSION
    assert judge_sessions([SESSIONS[0], *sessions[1:]], beside(0.1, slow), MARGIN).outcome is Outcome.REGRESSION  # one session has none
    assert judge_sessions(sessions, beside(0.05, launches(OTHERS[:4])), MARGIN).outcome is Outcome.CANNOT_JUDGE  # a faster host hides much


def test_other_processes_beside_the_launches_are_not_the_candidate_s() -> None:
    slow = [dataclasses.replace(launch, others_cpu=0.5) for launch in launches(OTHERS[:4], 1.9)]
    assert judge_sessions(SESSIONS, slow, MARGIN).outcome is Outcome.CANNOT_JUDGE
    assert judge_sessions(SESSIONS, launches(OTHERS[:4], 1.9), MARGIN).outcome is Outcome.REGRESSION
    disturbed = [[dataclasses.replace(launch, others_cpu=0.5) for launch in session] for session in SESSIONS]
    assert judge_sessions(disturbed, launches(OTHERS[:4]), MARGIN).outcome is Outcome.CANNOT_JUDGE  # they may have been slowed


def test_a_gate_that_no_session_has_is_no_pass_beside_one_that_passes() -> None:
    fit = [dataclasses.replace(launch, cases={**launch.cases, case("fit").name: case("fit")}) for launch in launches(OTHERS[:4])]
    found = judge_sessions(SESSIONS, fit, MARGIN)
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert {one.metric: one.outcome for one in found.comparisons if one.gates} == {
        "step graph": Outcome.PASS, "fit graph": Outcome.CANNOT_JUDGE
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sessions", "count", "said"),
    [
        ([], 4, "not judged: 0 earlier sessions on this machine"),
        (SESSIONS[:1], 4, "not judged: 1 earlier sessions on this machine"),
        ([launches(SECONDS, machine="elsewhere"), *SESSIONS[:1]], 4, "not judged: 1 earlier sessions on this machine"),
        ([*SESSIONS[:2], launches(SECONDS, tensorflow="2.20.0")], 4, "not judged: 1 earlier sessions on this machine"),
        (
            [launches(SECONDS, threads=1), *SESSIONS[:1]],
            4,
            "not judged: 1 earlier sessions on this machine with 2 threads, oneDNN on can't",
        ),
        ([launches(SECONDS, onednn=False), *SESSIONS[:1]], 4, "not judged: 1 earlier sessions on this machine"),
        ([launches(SECONDS, variables={"A": "1"}), *SESSIONS[:1]], 4, "not judged: 1 earlier sessions on this machine"),
        ([launches(SECONDS[:3]) + launches(SECONDS[3:], threads=1), *SESSIONS[:1]], 4, "not judged: 1 earlier sessions on this machine"),
        (SESSIONS, 3, "not judged: 3 launches, and 4 are needed"),
    ],
)
def test_without_the_sessions_variance_nothing_is_judged(sessions: list[list[MicroLaunch]], count: int, said: str) -> None:
    """However slow the candidate is."""
    found = judge_sessions(sessions, launches(OTHERS[:count], 9.0), MARGIN)
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert {one.outcome for one in found.comparisons} == {Outcome.INFORMS}
    assert found.warnings[0].startswith(said)


@pytest.mark.parametrize("more", [{"threads": 1}, {"onednn": False}, {"variables": {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2"}}])
def test_sessions_of_other_settings_do_not_count(more: dict[str, Any]) -> None:
    """Three slow ones among three that are like the launches, which are held against the latter alone; and the other way round."""
    others = [launches(SECONDS[:4], 1.5 + number / 100, **more) for number in range(3)]
    mixed = [session for pair in zip(SESSIONS, others, strict=True) for session in pair]
    assert judge_sessions(mixed, launches(OTHERS[:4]), MARGIN) == judge_sessions(SESSIONS, launches(OTHERS[:4]), MARGIN)
    assert judge_sessions(mixed, launches(OTHERS[:4], **more), MARGIN).comparisons[0].improved


def only(of: list[MicroLaunch], target: str) -> list[MicroLaunch]:
    """The launches with a case of their own instead of the usual ones."""
    return [dataclasses.replace(launch, cases={case(target).name: case(target, launch.cases[case().name].median_seconds)}) for launch in of]


def test_a_case_is_held_against_the_sessions_that_have_it() -> None:
    """Sessions of other cases, and one of other data under the same name, are no obstacle; what no session has isn't judged."""
    foreign = [only(launches(SECONDS[:4]), "clip")]
    other_data = {name: dataclasses.replace(one, fingerprint="4567") for name, one in SESSIONS[0][0].cases.items()}
    changed = [dataclasses.replace(one, cases=other_data) for one in SESSIONS[0]]
    found = judge_sessions([*foreign, changed, *SESSIONS], launches(OTHERS[:4]), MARGIN)
    assert found == judge_sessions(SESSIONS, launches(OTHERS[:4]), MARGIN)
    alone = judge_sessions(SESSIONS, only(launches(OTHERS[:4]), "clip"), MARGIN)
    assert alone.comparisons[0].unjudged
    assert alone.warnings[0].startswith("not judged: 0 earlier sessions")


def test_a_gate_that_one_side_lacks_cannot_pass() -> None:
    """Both have the eager step; the graph's is the reference's alone."""
    lacking = [dataclasses.replace(one, cases={n: c for n, c in one.cases.items() if c.mode == "eager"}) for one in launches(OTHERS)]
    found = judge_pairs(launches(SECONDS), lacking, MARGIN)
    assert found.outcome is Outcome.CANNOT_JUDGE
    assert [one.note for one in found.comparisons if one.gates] == ["not every launch of both sides has it; one of the reference does"]


def test_where_nothing_gates_the_verdict_says_so() -> None:
    one, other = only(launches(SECONDS), "input"), only(launches(OTHERS), "input")
    assert judge_pairs(one, other, MARGIN).warnings[0].startswith("nothing of what was timed gates")
    assert judge_sessions([one] * 3, other, MARGIN).warnings[-1].startswith("nothing of what was timed gates")
