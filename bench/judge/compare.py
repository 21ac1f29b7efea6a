"""Two stored runs against each other: what each computed, and how fast, judged from afar.

The runs are sessions of their own, and sessions of one machine differ: step time and memory need the variance that a baseline's sessions
tell (bench.judge.welch). Perplexity knows no session. Unlike subjects, machines or thread counts are not compared.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from bench.judge.baselines import differences
from bench.judge.exact import beside_reference, graph_beside_reference, judge_numerics, retraces_beside_reference
from bench.judge.gate import overall
from bench.judge.intervals import components, detectable
from bench.judge.margins import Margins
from bench.judge.noninferiority import Judgement, company_doubt, one_sided, one_sided_in_doubt, stall_doubt, yardstick_doubt
from bench.judge.perplexity import METRIC, no_margin, two_sided
from bench.judge.speed import ABSOLUTE, MEMORY, YARDSTICK, Metric, logarithms, session_groups, sessions_like
from bench.judge.summary import by_subject, launch_speed, log_perplexity, others_cpu, perplexity_text, stalls
from bench.judge.types import Comparison, Interval, Outcome, Verdict, percent
from bench.judge.welch import LEAST_LAUNCHES, LEAST_SESSIONS, unpaired, welch
from bench.record.types import INCOMPLETE, NO_TENSORFLOW, Baseline, Machine, Record, Run, Session

Records = Sequence[Record]
SIDES = ("the reference", "the candidate")


def compare_runs(reference: Run, candidate: Run, baselines: Mapping[str, Baseline], margins: Margins) -> Verdict:
    """The verdict on the candidate's run. Raises ValueError for a run held against itself."""
    if reference == candidate:
        raise ValueError(f"the run of {reference.created} is given twice: compare it with another")
    sides = [by_subject(run.records) for run in (reference, candidate)]
    comparisons: list[Comparison] = []
    failures = [warning for run in (reference, candidate) for warning in run.warnings if warning.startswith(INCOMPLETE)]
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        if name not in sides[0] or name not in sides[1]:
            absent = SIDES[0] if name not in sides[0] else SIDES[1]
            comparisons.append(_unlike(name, f"{absent} did not measure it: run both with the same --config"))
            continue
        failed = [next((record.failure for record in side[name] if record.failure), None) for side in sides]
        finished = [[record for record in side[name] if not record.failure] for side in sides]
        if failed[0]:
            failures.append(f"{name}: the reference failed: {failed[0].message}")
        elif failed[1] and failed[1].kind == NO_TENSORFLOW:
            failures.append(f"{name}: {failed[1].message}")
        elif failed[1]:
            note = f"the candidate failed, where the reference ran: {failed[1].message}"
            comparisons.append(Comparison(name, "training", Outcome.REGRESSION, "failed", "runs", note))
        if all(finished):
            comparisons.extend(_compared(name, finished[0], finished[1], baselines.get(name), margins))
    warnings = [warning for run in (reference, candidate) for warning in run.warnings if warning not in failures]
    return Verdict(overall(comparisons), tuple(comparisons), tuple(warnings), tuple(failures))


def _compared(name: str, reference: Records, candidate: Records, baseline: Baseline | None, margins: Margins) -> list[Comparison]:
    """Every metric of a subject; one line that says why not where the sides are unlike."""
    different = _differences(reference[0], candidate[0])
    if different:
        return [_unlike(name, f"the runs are of unlike things ({different}): nothing was compared")]
    like = baseline is not None and baseline.subject == candidate[0].subject
    sessions = sessions_like(baseline, candidate[0]) if like and baseline else []
    return [
        *_numerics(name, reference, candidate),
        retraces_beside_reference(name, candidate, reference),
        graph_beside_reference(name, candidate, reference),
        _perplexity(name, reference, candidate, margins),
        _step_time(reference, candidate, sessions, margins),
        _speed(MEMORY, reference, candidate, sessions, math.log1p(margins.memory), one_sided, True),
        *_gpu_memory(name, reference, candidate),
    ]


def _numerics(name: str, reference: Records, candidate: Records) -> list[Comparison]:
    """The candidate against the oracle, in the reference's light if that was held against it, too."""
    checked, beside = (any(record.numerics for record in side) for side in (candidate, reference))
    if not checked:
        return []
    found = judge_numerics(name, candidate)
    return [beside_reference(found, judge_numerics(name, reference)) if beside else found]


def _differences(reference: Record, candidate: Record) -> str:
    """What makes two records incomparable, with both values; "" if nothing does."""
    found = [differences(reference.subject, candidate.subject, "in the reference", "in the candidate")]
    for field in dataclasses.fields(Machine):
        sides = [getattr(record.machine, field.name) for record in (reference, candidate)]
        if sides[0] != sides[1]:
            found.append(f"{field.name} {sides[0]} in the reference, {sides[1]} in the candidate")
    threads = [record.environment.threads if record.environment else None for record in (reference, candidate)]
    if threads[0] != threads[1]:
        found.append(f"threads {threads[0]} in the reference, {threads[1]} in the candidate")
    return "; ".join(text for text in found if text)


def _unlike(name: str, note: str) -> Comparison:
    return Comparison(name, "likeness", Outcome.CANNOT_JUDGE, "–", "–", note)


def _gpu_memory(name: str, reference: Records, candidate: Records) -> list[Comparison]:
    """The GPU's peak memory, which informs; nothing unless both sides have read it."""
    read = ([record.memory.peak_gpu_bytes for record in side if record.memory] for side in (reference, candidate))
    peaks = [[peak for peak in side if peak] for side in read]
    if not all(peaks):
        return []
    before, after = (math.fsum(side) / len(side) for side in peaks)
    shown, reference_shown = (f"{peak / 2**20:.0f} MiB" for peak in (after, before))
    return [Comparison(name, "GPU memory", Outcome.INFORMS, shown, reference_shown, percent(math.log(after / before)), gates=False)]


def _perplexity(name: str, reference: Records, candidate: Records, margins: Margins) -> Comparison:
    """Two-sided. Launches that are equal bit for bit are one sample."""
    subject = candidate[0].subject
    start = margins.window_start.get(subject.config, 0.0)
    different = [dict.fromkeys(record.losses for record in side) for side in (reference, candidate)]
    before, after = ([log_perplexity(losses, subject, start) for losses in side] for side in different)
    shown = [perplexity_text(math.fsum(side) / len(side)) for side in (after, before)]
    comparison = Comparison(name, METRIC, Outcome.CANNOT_JUDGE, shown[0], shown[1], "")
    if subject.config not in margins.perplexity:
        return dataclasses.replace(comparison, note=no_margin(subject))
    margin = math.log1p(margins.perplexity[subject.config])
    found = welch(before, after)
    if found is None:
        note = f"{len(before)} and {len(after)} different launches: from {LEAST_LAUNCHES} a side on there is a spread (--launches)"
        return dataclasses.replace(comparison, note=note, margin=margin)
    outcome, note = two_sided(found, margin)
    return dataclasses.replace(comparison, outcome=outcome, note=note, interval=found, margin=margin, detectable=detectable(found, margin))


def _step_time(reference: Records, candidate: Records, sessions: Sequence[Session], margins: Margins) -> Comparison:
    before, after = _values(YARDSTICK, reference, candidate)
    doubts = (
        yardstick_doubt(fmean(after) - fmean(before) if before and after else None),
        company_doubt(others_cpu(candidate), others_cpu(reference)),
        stall_doubt(stalls(candidate), stalls(reference)),
    )
    rule = functools.partial(one_sided_in_doubt, doubts=doubts)
    gates = candidate[0].subject.config not in margins.speed_informs
    return _speed(ABSOLUTE, reference, candidate, sessions, math.log1p(margins.speed), rule, gates)


def _values(metric: Metric, reference: Records, candidate: Records) -> tuple[list[float], list[float]]:
    """A metric's logarithms by launch, the reference's and the candidate's."""
    before, after = (logarithms(metric, [speed for speed in map(launch_speed, side) if speed]) for side in (reference, candidate))
    return before, after


def _speed(
    metric: Metric,
    reference: Records,
    candidate: Records,
    sessions: Sequence[Session],
    margin: float,
    rule: Callable[[Interval, float], Judgement],
    gates: bool,
) -> Comparison:
    """Step time or memory, by the sessions of the machine's baseline and a rule like one_sided."""
    sides = _values(metric, reference, candidate)
    shown = [metric.show(math.fsum(side) / len(side)) if side else "–" for side in reversed(sides)]
    comparison = Comparison(candidate[0].subject.name, metric.name, Outcome.INFORMS, shown[0], shown[1], "", margin=margin, gates=gates)
    unjudged = dataclasses.replace(comparison, outcome=Outcome.CANNOT_JUDGE if gates else Outcome.INFORMS)
    if min(map(len, sides)) < LEAST_LAUNCHES:
        note = f"{len(sides[0])} and {len(sides[1])} launches with a value: from {LEAST_LAUNCHES} a side on there is a spread (--launches)"
        return dataclasses.replace(unjudged, note=note)
    groups = session_groups(metric, sessions)
    if len(groups) < LEAST_SESSIONS:
        held = f"{len(groups)} session{'' if len(groups) == 1 else 's'}"
        note = f"the baseline has {held} on this machine: {LEAST_SESSIONS} tell how sessions differ (`tfgate record --add RUN` adds one)"
        return dataclasses.replace(unjudged, note=note)
    found = unpaired(sides[0], sides[1], components(groups))
    if found is None:
        return dataclasses.replace(unjudged, note="all launches gave the same value: without a spread nothing can be proven")
    judged = rule(found, margin)
    judged = dataclasses.replace(judged, outcome=judged.outcome if gates else Outcome.INFORMS)
    return dataclasses.replace(comparison, interval=found, **vars(judged))
