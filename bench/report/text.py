"""Runs, baselines and verdicts as text for a terminal, and a verdict as plain JSON."""

import math
import statistics
from typing import Any

from tabulate import tabulate

from bench.judge.perplexity import environment_key
from bench.judge.summary import launch_speed
from bench.judge.types import Comparison, Outcome, Verdict, percent
from bench.record.codec import to_plain
from bench.record.types import Baseline, Record, Run

STYLE = "simple"

SENTENCES = {
    Outcome.PASS: "as right as the baselines, and no slower where speed was judged",
    Outcome.REGRESSION: "something is wrong or slower than its margin allows",
    Outcome.CANNOT_JUDGE: "the measurements prove neither a pass nor a regression",
}


def verdict_text(verdict: Verdict) -> str:
    """The verdict first, then every metric, then warnings."""
    rows = [_comparison_row(comparison) for comparison in verdict.comparisons]
    table = tabulate(rows, ["subject", "metric", "outcome", "candidate", "reference", "why"], STYLE, disable_numparse=True)
    lines = [f"{verdict.outcome.value}: {SENTENCES[verdict.outcome]}", *_culprits(verdict), "", table, ""]
    lines += [f"failed: {_one_line(failure)}" for failure in verdict.failures]
    lines += [f"warning: {_one_line(warning)}" for warning in verdict.warnings]
    return "\n".join(lines).rstrip()


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain data."""
    comparisons = [{**to_plain({**vars(comparison), "outcome": comparison.outcome.value})} for comparison in verdict.comparisons]
    return {
        "outcome": verdict.outcome.value,
        "exit_code": verdict.exit_code,
        "comparisons": comparisons,
        "warnings": list(verdict.warnings),
        "failures": list(verdict.failures),
    }


def run_table(run: Run) -> str:
    """A line for each launch."""
    headers = ["subject", "TensorFlow", "launch", "jitter", "perplexity", "words/s", "yardsticks", "start-up s", "peak MiB", "failure"]
    table = tabulate([_record_row(record) for record in run.records], headers, STYLE, disable_numparse=True, stralign="right")
    return "\n".join([f"run of {run.created}: {' '.join(run.command)}", "", table, *(f"warning: {_one_line(w)}" for w in run.warnings)])


def baseline_table(baseline: Baseline) -> str:
    """Replicas by environment, then sessions."""
    groups: dict[str, list[float]] = {}
    for replica in baseline.replicas:
        mean = math.fsum(replica.losses) / len(replica.losses) / baseline.subject.num_steps
        groups.setdefault(environment_key(replica), []).append(mean)
    replicas = [
        [
            key,
            len(values),
            f"{math.exp(statistics.fmean(values)):.2f}",
            f"{100 * statistics.stdev(values):.3f}%" if len(values) > 1 else "–",
        ]
        for key, values in groups.items()
    ]
    sessions = [
        [
            session.created,
            session.machine.cpu_model,
            session.machine.cores,
            session.environment.tensorflow,
            len(session.launches),
            f"{1000 * statistics.fmean(launch.step_seconds for launch in session.launches):.2f}",
        ]
        for session in baseline.sessions
    ]
    subject = baseline.subject
    return "\n".join(
        [
            f"baseline of {subject.name}, {subject.steps} steps, fingerprint {subject.fingerprint}: {baseline.reason} ({baseline.created})",
            "",
            tabulate(replicas, ["environment", "replicas", "running perplexity", "spread"], STYLE, disable_numparse=True),
            "",
            tabulate(sessions, ["session", "CPU", "cores", "TensorFlow", "launches", "step ms"], STYLE, disable_numparse=True),
        ]
    )


def _culprits(verdict: Verdict) -> list[str]:
    """The comparisons that made the verdict what it is, a line each."""
    if verdict.outcome is Outcome.PASS:
        return []
    return [
        f"  {comparison.metric} of {comparison.subject}: {comparison.note}"
        for comparison in verdict.comparisons
        if comparison.outcome is verdict.outcome
    ]


def _comparison_row(comparison: Comparison) -> list[str]:
    caught = ""
    if comparison.detectable is not None and comparison.outcome is not Outcome.REGRESSION:
        caught = f" (would have caught {percent(comparison.detectable)})"
    return [
        comparison.subject,
        comparison.metric,
        comparison.outcome.value,
        comparison.candidate,
        comparison.reference,
        _one_line(comparison.note + caught),
    ]


def _record_row(record: Record) -> list[str]:
    subject, speed, startup, memory = record.subject, launch_speed(record), record.startup, record.memory
    started = startup.import_seconds + startup.build_seconds + startup.trace_seconds + startup.first_step_seconds if startup else None
    yardstick = speed.step_seconds / speed.yardstick_seconds if speed and speed.yardstick_seconds else None
    return [
        subject.name,
        record.environment.tensorflow if record.environment else "–",
        str(record.launch + 1),
        str(record.jitter),
        f"{math.exp(math.fsum(record.losses) / len(record.losses) / subject.num_steps):.2f}"
        if record.losses and not record.failure
        else "–",
        f"{subject.tokens_per_step / speed.step_seconds:,.0f}" if speed else "–",
        f"{yardstick:.3f}" if yardstick else "–",
        f"{started:.1f}" if started else "–",
        f"{memory.peak_rss_bytes / 2**20:.0f}" if memory else "–",
        _one_line(record.failure.message) if record.failure else "",
    ]


def _one_line(text: str) -> str:
    """Text from a run, safe for a terminal: one line, no control characters."""
    return "".join(character if character.isprintable() else " " for character in text)
