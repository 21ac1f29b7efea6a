"""Micro-benchmarks of one environment against another's, or against earlier sessions on the machine. The launch is the sample.

Of a benchmark's launch the median round counts. Two environments are measured in turn, so launch n of one pairs with launch n of the
other: their log ratios go to sequential.decide. Earlier sessions are held against by their own variance (intervals.new_group_interval),
where NumPy's step, timed around each launch, tells whether the machine has changed.
"""

import dataclasses
import math
from collections.abc import Sequence

from bench.judge.gate import overall, strictly
from bench.judge.intervals import components, new_group_interval
from bench.judge.noninferiority import company_doubt, one_sided_in_doubt, yardstick_doubt
from bench.judge.sequential import LOOKS, decide
from bench.judge.speed import LEAST_SESSIONS
from bench.judge.types import Comparison, Outcome, Verdict
from bench.record.micro import MicroCase, MicroLaunch
from bench.record.types import Failure

Launches = Sequence[MicroLaunch]

# At most these eight gate, of the first configuration, implementation and device, in a graph; the rest informs.
GATING = ("forward", "gradient", "clip", "update", "step", "evaluation", "fit", "predict")
LEAST_LAUNCHES = LOOKS[0]


class UnlikeError(ValueError):
    """Two sides that have nothing in common to compare."""


def judge_pairs(reference: Launches, candidate: Launches, margin: float, failure: Failure | None = None) -> Verdict:
    """Launches of two environments, measured in turn. `margin` is on the logarithmic scale. Raises UnlikeError.

    `failure`: of the candidate's last launch, where the reference's, one more than the candidate's, ran. That is a REGRESSION.
    """
    if failure:
        return _judge_failed(reference, candidate, margin, failure)
    names = common(reference, candidate)
    gating = gates(reference[0])
    comparisons = [_judge_pair(name, reference, candidate, margin, name in gating) for name in names]
    comparisons += [_one_sided(one, side, margin) for side, one in _lacking(reference, candidate, names) if one.name in gating]
    return Verdict(overall(comparisons), tuple(comparisons), _without_gates(gating))


def judge_sessions(sessions: Sequence[Launches], candidate: Launches, margin: float) -> Verdict:
    """New launches against earlier sessions, oldest first, on their machine, with their settings, of one TensorFlow. Raises UnlikeError.

    A case is held against the sessions that have it, of the same model and data. Where one that gates can be judged, another that gates
    and can't be is CANNOT JUDGE.
    """
    gating, cases = gates(candidate[0]), candidate[0].cases
    alike = {name: _alike([session for session in sessions if _has(session, cases[name])], candidate[0]) for name in common(candidate)}
    comparisons = [_judge_session(name, of, candidate, margin, name in gating) for name, of in alike.items()]
    if any(comparison.gates and not comparison.unjudged for comparison in comparisons):
        comparisons = [strictly(comparison) for comparison in comparisons]
    short = dict.fromkeys(_short(len(of), candidate) for name, of in alike.items() if name in gating)
    return Verdict(overall(comparisons), tuple(comparisons), (*filter(None, short), *_without_gates(gating)))


def decided(reference: Launches, candidate: Launches, margin: float) -> bool:
    """Whether more launches would change no benchmark that gates."""
    decisions = [decide(_ratios(name, reference, candidate), margin) for name in gates(reference[0]) & set(common(reference, candidate))]
    return bool(decisions) and all(decision is not None and decision.final for decision in decisions)


def gates(launch: MicroLaunch) -> frozenset[str]:
    """Names of the benchmarks that gate."""
    graphs = [one for one in launch.cases.values() if one.mode == "graph" and one.target in GATING and one.form != "dense"]
    first = graphs[0].subject if graphs else ""
    return frozenset(one.name for one in graphs if one.subject == first)


def common(*sides: Launches) -> tuple[str, ...]:
    """Names of the benchmarks that every launch has, in order. Raises UnlikeError for none, or for one name with two meanings."""
    first = sides[0][0]
    launches = [launch for side in sides for launch in side]
    names = tuple(name for name in first.cases if all(name in launch.cases for launch in launches))
    if not names:
        raise UnlikeError(f"{first.path.parent} and {launches[-1].path.parent} have no benchmark in common")
    for launch in launches:
        for name in names:
            old, new = first.cases[name].fingerprint, launch.cases[name].fingerprint
            if old != new:
                raise UnlikeError(f"{name} has fingerprint {old} in {first.path} and {new} in {launch.path}: not the same model and data")
    return names


def _judge_failed(reference: Launches, candidate: Launches, margin: float, failure: Failure) -> Verdict:
    note = f"the candidate failed in launch {len(reference)}, where the reference runs: {failure.message}"
    failed = Comparison("hot paths", f"launch {len(reference)}", Outcome.REGRESSION, "failed", "runs", note)
    before = judge_pairs(reference[:-1], candidate, margin) if candidate else Verdict(failed.outcome, (), ())
    return dataclasses.replace(before, outcome=failed.outcome, comparisons=(failed, *before.comparisons))


def _lacking(reference: Launches, candidate: Launches, names: Sequence[str]) -> list[tuple[str, MicroCase]]:
    """(the side that has it, the case) of what one side alone has, or not in all of its launches."""
    sides = (("reference", reference), ("candidate", candidate))
    found = {name: (side, one) for side, launches in sides for launch in launches for name, one in launch.cases.items()}
    return [pair for name, pair in found.items() if name not in names]


def _one_sided(one: MicroCase, side: str, margin: float) -> Comparison:
    note = f"not every launch of both sides has it; one of the {side} does"
    return Comparison(one.subject, one.metric, Outcome.CANNOT_JUDGE, "–", "–", note, margin=margin)


def _without_gates(gating: frozenset[str]) -> tuple[str, ...]:
    what = f"in graph mode, {', '.join(GATING)}"
    return () if gating else (f"nothing of what was timed gates, so there is no verdict on it ({what} do): --mode, --target",)


def _judge_pair(name: str, reference: Launches, candidate: Launches, margin: float, gating: bool) -> Comparison:
    ratios = _ratios(name, reference, candidate)
    decision = decide(ratios, margin)
    new, old = (_milliseconds(_logarithms(name, side)) for side in (candidate, reference))
    one = candidate[0].cases[name]
    comparison = Comparison(one.subject, one.metric, Outcome.CANNOT_JUDGE, new, old, "", margin=margin, gates=gating)
    if decision is None:
        note = f"not judged: {len(ratios)} of the {LEAST_LAUNCHES} launches that the first look takes (--launches)"
        return _informing(dataclasses.replace(comparison, note=note))
    return _informing(
        dataclasses.replace(
            comparison,
            outcome=decision.outcome,
            note=decision.why(margin),
            interval=decision.interval,
            detectable=decision.detectable,
            improved=decision.improved,
        )
    )


def _judge_session(name: str, sessions: Sequence[Launches], candidate: Launches, margin: float, gating: bool) -> Comparison:
    values, groups = _logarithms(name, candidate), [_logarithms(name, session) for session in sessions]
    one = candidate[0].cases[name]
    shown = f"{_milliseconds(values)}, {one.words / math.exp(_mean(values)):,.0f} words/s"
    earlier = _milliseconds([_mean(group) for group in groups]) if groups else "–"
    short = _short(len(sessions), candidate)
    comparison = Comparison(one.subject, one.metric, Outcome.INFORMS, shown, earlier, short, margin=margin, gates=gating)
    if short:
        return comparison
    found = new_group_interval(values, components(groups))
    company = [_mean([_mean([launch.others_cpu or 0.0 for launch in session]) for session in side]) for side in ([candidate], sessions)]
    judged = one_sided_in_doubt(found, margin, (yardstick_doubt(_yardstick_change(sessions, candidate)), company_doubt(*company)))
    against = f"against TensorFlow {_tensorflow(sessions[0])}: " if _tensorflow(sessions[0]) != one.tensorflow else ""
    judged = dataclasses.replace(judged, note=against + judged.note)
    return _informing(dataclasses.replace(comparison, interval=found, **vars(judged)))


def _yardstick_change(sessions: Sequence[Launches], candidate: Launches) -> float | None:
    """From the sessions to the launches, in the logarithm of NumPy's step; None unless all have it."""
    groups = [[math.log(launch.yardstick_seconds) for launch in side if launch.yardstick_seconds] for side in (candidate, *sessions)]
    if [len(group) for group in groups] != [len(side) for side in (candidate, *sessions)]:
        return None
    return _mean(groups[0]) - _mean([_mean(group) for group in groups[1:]])


def _informing(comparison: Comparison) -> Comparison:
    """The comparison as it counts: one that doesn't gate informs."""
    return comparison if comparison.gates else dataclasses.replace(comparison, outcome=Outcome.INFORMS)


def _short(sessions: int, candidate: Launches) -> str:
    """What is missing for a verdict against sessions; "" if nothing."""
    if len(candidate) < LEAST_LAUNCHES:
        return f"not judged: {len(candidate)} launches, and {LEAST_LAUNCHES} are needed (--launches)"
    if sessions < LEAST_SESSIONS:
        which = f"{sessions} earlier sessions on this machine with {_first(candidate[0]).settings}"
        return f"not judged: {which} can't tell how sessions differ; `tfgate micro --record` adds one"
    return ""


def _has(session: Launches, one: MicroCase) -> bool:
    """Whether each of its launches has the case, of the same model and data."""
    return all(one.name in launch.cases and launch.cases[one.name].fingerprint == one.fingerprint for launch in session)


def _alike(sessions: Sequence[Launches], launch: MicroLaunch) -> list[Launches]:
    """Sessions of its machine and settings, of the TensorFlow that was measured last there.

    How versions differ is not how sessions differ, nor is how threads, oneDNN or variables do.
    """
    here = [session for session in sessions if session[0].machine == launch.machine and _settings(session) == {_first(launch).settings}]
    return [session for session in here if _tensorflow(session) == _tensorflow(here[-1])]


def _first(launch: MicroLaunch) -> MicroCase:
    return next(iter(launch.cases.values()))


def _tensorflow(session: Launches) -> str:
    return _first(session[0]).tensorflow


def _settings(session: Launches) -> set[str]:
    """Of all its launches: one, unless a folder was put together by hand."""
    return {_first(launch).settings for launch in session}


def _ratios(name: str, reference: Launches, candidate: Launches) -> list[float]:
    """Log ratios, candidate over reference, by launch."""
    return [new - old for old, new in zip(_logarithms(name, reference), _logarithms(name, candidate), strict=True)]


def _logarithms(name: str, launches: Launches) -> list[float]:
    return [math.log(launch.cases[name].median_seconds) for launch in launches]


def _mean(logarithms: Sequence[float]) -> float:
    return math.fsum(logarithms) / len(logarithms)


def _milliseconds(logarithms: Sequence[float]) -> str:
    return f"{1000 * math.exp(_mean(logarithms)):.2f} ms"
