"""A run against the baselines: every metric of every subject, then one verdict."""

import dataclasses
from collections.abc import Mapping, Sequence

from bench.judge.baselines import differences
from bench.judge.exact import judge_numerics, judge_retraces
from bench.judge.margins import Margins
from bench.judge.perplexity import METRIC, judge_perplexity
from bench.judge.speed import judge_memory, judge_speed
from bench.judge.summary import by_subject, launch_speed
from bench.judge.types import Comparison, Outcome, Verdict
from bench.record.types import INCOMPLETE, Baseline, Record, Run, Subject


def judge_run(run: Run, baselines: Mapping[str, Baseline], margins: Margins, *, strict: bool = False) -> Verdict:
    """Judges a run against the baselines by Subject.name. `strict`: speed that would gate and can't be judged here makes CANNOT JUDGE."""
    comparisons: list[Comparison] = []
    failures = [warning for warning in run.warnings if warning.startswith(INCOMPLETE)]
    for name, records in by_subject(run.records).items():
        finished = [record for record in records if not record.failure]
        for record in records:
            if record.failure and record.failure.kind == "diverged":
                comparisons.append(Comparison(name, "training", Outcome.REGRESSION, "diverged", "finite", record.failure.message))
            elif record.failure:
                failures.append(f"{name}, launch {record.launch + 1}: {record.failure.message}")
        if finished:
            comparisons.extend(_judge_subject(name, finished, baselines.get(name), margins))
    warnings = [warning for warning in run.warnings if warning not in failures] + _warnings(comparisons)
    if strict:
        comparisons = [strictly(comparison) for comparison in comparisons]
    return Verdict(overall(comparisons), tuple(comparisons), tuple(warnings), tuple(failures))


def overall(comparisons: Sequence[Comparison]) -> Outcome:
    """REGRESSION if any is, PASS only if all that gate are and there is one at all, else CANNOT JUDGE."""
    outcomes = {comparison.outcome for comparison in comparisons}
    if Outcome.REGRESSION in outcomes:
        return Outcome.REGRESSION
    return Outcome.PASS if Outcome.PASS in outcomes and Outcome.CANNOT_JUDGE not in outcomes else Outcome.CANNOT_JUDGE


def _judge_subject(name: str, records: Sequence[Record], baseline: Baseline | None, margins: Margins) -> list[Comparison]:
    exact = [judge_numerics(name, records), judge_retraces(name, records)]
    problem = _mismatch(records[0].subject, baseline)
    if baseline is None or problem:
        return [
            *exact,
            Comparison(name, METRIC, Outcome.CANNOT_JUDGE, "–", "–", problem),
            _bare_speed(records, problem, margins),
        ]
    return [
        *exact,
        judge_perplexity(records, baseline, margins),
        judge_speed(records, baseline, margins),
        judge_memory(records, baseline, margins),
    ]


def _mismatch(subject: Subject, baseline: Baseline | None) -> str:
    """Why the baseline can't be held against the subject; "" if it can."""
    if baseline is None:
        return "there is no baseline: `tfgate record` makes one from a run that you trust"
    different = differences(baseline.subject, subject, "in the baseline", "in the run")
    return f"the baseline is of something else ({different}): record a new one with --replace" if different else ""


def _bare_speed(records: Sequence[Record], problem: str, margins: Margins) -> Comparison:
    subject = records[0].subject
    speeds = [speed.step_seconds for speed in map(launch_speed, records) if speed]
    shown = f"{1000 * sum(speeds) / len(speeds):.2f} ms" if speeds else "–"
    return Comparison(
        subject.name, "step time", Outcome.INFORMS, shown, "–", f"not judged: {problem}", gates=subject.config not in margins.speed_informs
    )


def strictly(comparison: Comparison) -> Comparison:
    """The comparison with what gates and couldn't be judged as CANNOT JUDGE, instead of as information."""
    if comparison.unjudged and comparison.gates:
        return dataclasses.replace(comparison, outcome=Outcome.CANNOT_JUDGE)
    return comparison


def _warnings(comparisons: Sequence[Comparison]) -> list[str]:
    """What wasn't judged and what mends it, a line for each reason: the last lines that a reader sees."""
    by_note: dict[str, list[str]] = {}
    for comparison in comparisons:
        if comparison.unjudged:
            by_note.setdefault(comparison.note, []).append(f"{comparison.metric} of {comparison.subject}")
    return [f"{', '.join(metrics)} {note}" for note, metrics in by_note.items()]
