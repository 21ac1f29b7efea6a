"""Two reports whose references are equal: each candidate's ratio to that reference, one against the other.

Seconds of different days tell little of two TensorFlows. Ratios do, each measured in turn with the same packages. The launches of one
report know nothing of the other's, so which of them pair is a matter of their order alone; the bounds are those of a paired run.
"""

import dataclasses
import math
from collections.abc import Sequence
from statistics import fmean

from bench.judge.baselines import differences
from bench.judge.in_turn import whole_pairs
from bench.judge.launches import judge_launches
from bench.judge.margins import Margins
from bench.judge.paired_metrics import Metric, metrics
from bench.judge.reports import Report, paired_runs, reference_label
from bench.judge.types import Comparison, Scope, Verdict, overall
from bench.judge.wording import why
from bench.record.gate import GateRun
from bench.record.paired import Pair, PairedRun
from bench.record.repeats import settled_pairs
from bench.record.types import INCOMPLETE, Machine
from bench.stats.intervals import one_sided, widened
from bench.stats.outcome import Outcome

SIDES = ("the reference report", "the candidate report")
NOT_COMPARED = ("perplexity",)  # numbers: each report's own verdict judges them
NUMBERS_LEFT_OUT = (
    "values are ratios to the reference that both reports share; numbers (oracle, lockstep, perplexity) are not compared: "
    "`tfgate check` judges each report's"
)


def compare_reports(reference: Report, candidate: Report, margins: Margins) -> Verdict:
    """The verdict on the candidate report's speed and memory. Raises ValueError for a report given twice, or for two without a launch."""
    if reference == candidate:
        raise ValueError(f"the report of {reference.created} is given twice: compare it with another")
    reports = (reference, candidate)
    timed = [_timed(report) for report in reports]
    names = list(dict.fromkeys([*timed[0], *timed[1]]))
    if not names:
        raise ValueError("neither report has a launch that both its sides finished: there is no ratio to compare")
    comparisons: list[Comparison] = []
    warnings: list[str] = []
    for name in names:
        problem = _problem(name, timed, reports)
        if problem:
            comparisons.append(Comparison(name, "likeness", Outcome.CANNOT_JUDGE, "–", "–", problem))
            continue
        before, after = (whole_pairs(runs[name]) for runs in timed)
        compared = metrics(before, margins, only=timed[1][name].only or timed[0][name].only)
        between = (
            math.sqrt(2) * margins.between_hosts if before[0].reference.machine != after[0].reference.machine else 0.0
        )
        comparisons += [
            _judged(metric, name, before, after, between) for metric in compared if metric.name not in NOT_COMPARED
        ]
        warnings += _unlike_places(name, before[0], after[0], margins)
    told = [_warnings(side, report) for side, report in zip(SIDES, reports, strict=True)]
    failures = [line for lines in told for line in lines if f": {INCOMPLETE}" in line]
    warnings += [line for lines in told for line in lines if line not in failures]
    return Verdict(
        overall(comparisons), tuple(comparisons), (*warnings, NUMBERS_LEFT_OUT), tuple(failures), Scope.SPEED
    )


def _timed(report: Report) -> dict[str, PairedRun]:
    """The report's runs with a launch that both sides finished, by Subject.name."""
    return {pairs[0].reference.subject.name: run for run in paired_runs(report) if (pairs := whole_pairs(run))}


def _problem(name: str, timed: Sequence[dict[str, PairedRun]], reports: Sequence[Report]) -> str:
    """Why a subject's ratios can't be compared, with both values; "" if they can."""
    for side, runs, report in zip(SIDES, timed, reports, strict=True):
        if name not in runs:
            problem = report.speed_problem if isinstance(report, GateRun) else ""
            return f"{side} did not time it: {problem or 'it timed ' + (', '.join(runs) or 'nothing')}"
    before, after = (runs[name] for runs in timed)
    labels = [reference_label(run) for run in (before, after)]
    if labels[0] != labels[1]:
        return f"the references differ, {labels[0]} in {SIDES[0]}, {labels[1]} in {SIDES[1]}: ratios to both can't be compared"
    subjects = [whole_pairs(run)[0].reference.subject for run in (before, after)]
    different = differences(subjects[0], subjects[1], f"in {SIDES[0]}", f"in {SIDES[1]}")
    return f"the reports are of unlike things ({different})" if different else ""


def _judged(metric: Metric, name: str, before: Sequence[Pair], after: Sequence[Pair], between: float) -> Comparison:
    """One metric's comparison; it informs where it has no margin. `between`: deviation of a difference of ratios from host to host."""
    reference, candidate = metric.values(before), metric.values(after)
    means = [metric.difference(fmean(values)) if values else "–" for values in (candidate, reference)]
    comparison = Comparison(name, metric.name, Outcome.INFORMS, means[0], means[1], "", gates=bool(metric.margin))
    lacking = len(before) + len(after) - len(reference) - len(candidate)
    if not metric.margin:
        return dataclasses.replace(
            comparison, note="" if lacking else metric.difference(fmean(candidate) - fmean(reference))
        )
    if lacking:
        note = f"{lacking} of the {len(before) + len(after)} launches don't tell"
        return dataclasses.replace(comparison, outcome=Outcome.CANNOT_JUDGE, note=note)
    judged = judge_launches(comparison, reference, candidate, metric.margin, metric.difference, metric.difference)
    if not between or judged.interval is None:
        return judged
    found = widened(judged.interval, between)
    outcome = one_sided(found, metric.margin)
    note = f"{why(outcome, found, metric.margin)}, across hosts"
    return dataclasses.replace(judged, outcome=outcome, interval=found, note=note, detectable=None)


def _unlike_places(name: str, before: Pair, after: Pair, margins: Margins) -> list[str]:
    """A warning where the reports come from unlike machines or settings, between which a ratio varies more than its bounds say."""
    records = (before.reference, after.reference)
    found = _unlike_fields(
        [record.machine for record in records], [field.name for field in dataclasses.fields(Machine)]
    )
    found += _unlike_fields([record.environment for record in records], ("python", "onednn", "threads"))
    if not found:
        return []
    return [
        f"{name}: measured on unlike machines or settings ({'; '.join(found)}): a ratio differs by about {margins.between_hosts:.0%} "
        "from host to host, which the bounds of ratios hold"
    ]


def _unlike_fields(of: Sequence[object], names: Sequence[str]) -> list[str]:
    sides = [(name, *(getattr(one, name, None) for one in of)) for name in names]
    return [f"{name} {before} in {SIDES[0]}, {after} in {SIDES[1]}" for name, before, after in sides if before != after]


def _warnings(side: str, report: Report) -> list[str]:
    """The report's own, and its launches that failed."""
    runs = paired_runs(report)
    failed: list[str] = []
    for pairs, mended in (settled_pairs(run.pairs) for run in runs):
        failures = [(pair.launch, pair.reference.failure or pair.candidate.failure) for pair in pairs]
        failed += [
            *mended,
            *(f"launch {launch + 1} failed and is left out: {why.message}" for launch, why in failures if why),
        ]
    warnings = dict.fromkeys([*report.warnings, *(warning for run in runs for warning in run.warnings), *failed])
    return [f"{side}: {warning}" for warning in warnings]
