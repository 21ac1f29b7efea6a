"""Runs, baselines and verdicts as text for a terminal, and a verdict as plain JSON."""

import math
import statistics
import textwrap
from collections.abc import Mapping
from typing import Any

from tabulate import MIN_PADDING, tabulate

from bench.judge.perplexity import replica_groups
from bench.judge.summary import log_perplexity, perplexity_text, words_per_second
from bench.judge.types import Comparison, Verdict, percent
from bench.record.codec import to_plain
from bench.record.ledger import Ledger, Ratio
from bench.record.types import Baseline, Record, Run, Throughput
from bench.report.lines import one_line
from bench.report.story import ruled_out_slowdown, scope
from bench.stats.intervals import REGRESSION_LEVEL, t_quantile
from bench.stats.outcome import Outcome

STYLE = "simple"
VERDICT_SCHEMA = 2  # of a verdict's JSON: docs/schema/verdict.schema.json
WIDTH = 120  # columns, where no terminal says how many it has
LEAST_NOTE_WIDTH = 24

SENTENCES = {
    Outcome.PASS: "as correct as the baselines",
    Outcome.REGRESSION: "something is wrong or slower than its margin allows",
    Outcome.CANNOT_JUDGE: "the measurements prove neither a pass nor a regression",
}
FAILED_SENTENCE = "MEASUREMENT FAILED: launches are missing, so this is no verdict on the whole"
COLOURS = {Outcome.PASS: "32", Outcome.REGRESSION: "31", Outcome.CANNOT_JUDGE: "33"}  # ANSI: green, red, yellow


def verdict_text(
    verdict: Verdict, width: int = WIDTH, *, colour: bool = False, sentences: Mapping[Outcome, str] = SENTENCES
) -> str:
    """The verdict first, in a sentence for its outcome, then every metric, then warnings; `width` columns wide where the values allow."""
    headline = _wrapped(FAILED_SENTENCE if verdict.failed else _headline(verdict, sentences[verdict.outcome]), width)
    if colour:
        headline = f"\x1b[1;{'31' if verdict.failed else COLOURS[verdict.outcome]}m{headline}\x1b[0m"
    lines = [_wrapped(f"failed: {failure}", width) for failure in verdict.failures]
    lines += [_wrapped(f"warning: {warning}", width) for warning in verdict.warnings]
    culprits = [_wrapped(line, width, "  ") for line in _culprits(verdict)]
    return "\n".join([headline, *culprits, "", *_comparison_lines(verdict.comparisons, width), "", *lines]).rstrip()


def _headline(verdict: Verdict, sentence: str) -> str:
    """The outcome with what it is of, and of a PASS what was ruled out."""
    ruled_out = f"; {found}" if (found := ruled_out_slowdown(verdict)) else ""
    return f"{verdict.outcome.value}{scope(verdict)}: {sentence}{ruled_out}"


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as plain data, of the published schema."""
    comparisons = [
        to_plain({**vars(comparison), "outcome": comparison.outcome.value}) for comparison in verdict.comparisons
    ]
    return {
        "schema": VERDICT_SCHEMA,
        "outcome": verdict.outcome.value,
        "scope": verdict.scope.value,
        "exit_code": verdict.exit_code,
        "comparisons": comparisons,
        "warnings": list(verdict.warnings),
        "failures": list(verdict.failures),
    }


def run_table(run: Run, width: int = WIDTH) -> str:
    """A line for each launch."""
    headers = ["subject", "TensorFlow", "launch", "jitter", "perplexity", "words/s", "start-up s", "peak MiB"]
    table = tabulate(
        [_record_row(record) for record in run.records], headers, STYLE, disable_numparse=True, stralign="right"
    )
    notes = [
        f"failed: {record.subject.name}, launch {record.launch + 1}: {record.failure.message}"
        for record in run.records
        if record.failure
    ]
    notes += [f"warning: {warning}" for warning in run.warnings]
    return "\n".join(
        [
            one_line(f"run of {run.created}: {' '.join(run.command)}"),
            "",
            table,
            *(_wrapped(note, width) for note in notes),
        ]
    )


def baseline_table(baseline: Baseline) -> str:
    """Replicas by environment, then the words/s of machines."""
    subject = baseline.subject
    rows = [_replica_row(key, values) for key, values in replica_groups(baseline, 0.0).items()]
    replicas = tabulate(rows, ["environment", "replicas", "running perplexity", "spread"], STYLE, disable_numparse=True)
    headers = ["measured", "machine", "CPU", "cores", "threads", "TensorFlow", "process", "launches", "words/s"]
    speeds = tabulate(
        [_throughput_row(stored) for stored in baseline.throughput], headers, STYLE, disable_numparse=True
    )
    title = f"baseline of {subject.name}, {subject.steps} steps, fingerprint {subject.fingerprint}"
    return "\n".join([one_line(f"{title}: {baseline.reason} ({baseline.created})"), "", replicas, "", speeds])


def ledger_table(ledger: Ledger) -> str:
    """A line for each ratio of each entry, then the accepted regressions."""
    rows = [
        [entry.created, entry.tensorflow, entry.reference, entry.machine or "–", *cells]
        for entry in ledger.entries
        for cells in list(map(_ratio_cells, entry.ratios))
        or [["all", "all", "1.000", "–", "–"]]  # the reference itself
    ]
    headers = ["measured", "TensorFlow", "reference", "machine", "subject", "metric", "ratio", "95% CI", "launches"]
    table = tabulate([[one_line(cell) for cell in row] for row in rows], headers, STYLE, disable_numparse=True)
    accepted = [
        f"accepted until {one.expires}: {one.metric} of {one.subject}"
        + (f" up to {100 * one.limit:.1f}%" if one.limit is not None else "")
        + f": {one.reason} ({one.link})"
        for one in ledger.regressions
    ]
    return "\n".join([table, *map(one_line, accepted)])


def _ratio_cells(ratio: Ratio) -> list[str]:
    reach = t_quantile(REGRESSION_LEVEL, ratio.launches - 1) * ratio.standard_error if ratio.launches > 1 else math.nan
    interval = f"{percent(ratio.estimate - reach)} to {percent(ratio.estimate + reach)}"
    return [ratio.subject, ratio.metric, f"{math.exp(ratio.estimate):.3f}", interval, str(ratio.launches)]


def _culprits(verdict: Verdict) -> list[str]:
    """The comparisons that made the verdict what it is, a line each."""
    if verdict.outcome is Outcome.PASS:
        return []
    decisive = (comparison for comparison in verdict.comparisons if comparison.outcome is verdict.outcome)
    return [f"{comparison.metric} of {comparison.subject}: {comparison.note}" for comparison in decisive]


def _comparison_lines(comparisons: tuple[Comparison, ...], width: int) -> list[str]:
    """One table for all, so that its columns stand below each other, with a line for each subject before its metrics.

    Where the last column, the reasons, has no room, they stand below their rows.
    """
    if not comparisons:
        return ["nothing was compared"]
    rows = [[one_line(cell) for cell in _comparison_row(comparison)] for comparison in comparisons]
    headers = ["metric", "outcome", "candidate", "reference", "why"]
    columns = zip(headers[:-1], *(row[:-1] for row in rows), strict=True)
    taken = sum(max(len(header) + MIN_PADDING, *map(len, cells)) + 2 for header, *cells in columns) + len("  ")
    aside = width - taken >= LEAST_NOTE_WIDTH
    notes = [textwrap.wrap(row[-1], width - taken if aside else max(width - 4, LEAST_NOTE_WIDTH)) for row in rows]
    if aside:
        cells = [[*row[:-1], "\n".join(note)] for row, note in zip(rows, notes, strict=True)]
    else:
        headers, cells = headers[:-1], [row[:-1] for row in rows]
    header, rule, *body = tabulate(cells, headers, STYLE, disable_numparse=True).splitlines()
    lines, subject = [f"  {header}", f"  {rule}"], ""
    for comparison, note in zip(comparisons, notes, strict=True):
        if comparison.subject != subject:
            subject = comparison.subject
            lines.append(one_line(subject))
        height = max(len(note), 1) if aside else 1
        lines += [f"  {line}".rstrip() for line in body[:height]]
        lines += [] if aside else [f"    {line}" for line in note]
        body = body[height:]
    return lines


def _comparison_row(comparison: Comparison) -> list[str]:
    caught = ""
    if comparison.detectable is not None and comparison.outcome is not Outcome.REGRESSION:
        caught = f" (would have caught {percent(comparison.detectable)})"
    return [
        comparison.metric,
        comparison.outcome.value,
        comparison.candidate,
        comparison.reference,
        comparison.note + caught,
    ]


def _record_row(record: Record) -> list[str]:
    subject, speed, startup, memory = record.subject, words_per_second(record), record.startup, record.memory
    started = (
        startup.import_seconds + startup.build_seconds + startup.trace_seconds + startup.first_step_seconds
        if startup
        else None
    )
    whole = record.losses and not record.failure
    return [
        one_line(subject.name),
        one_line(record.environment.tensorflow) if record.environment else "–",
        str(record.launch + 1),
        str(record.jitter),
        perplexity_text(log_perplexity(record.losses, subject, 0.0)) if whole else "–",
        f"{speed:,.0f}" if speed else "–",
        f"{started:.1f}" if started is not None else "–",
        f"{memory.peak_rss_bytes / 2**20:.0f}" if memory else "–",
    ]


def _replica_row(environment: str, values: list[float]) -> list[str]:
    spread = f"{100 * statistics.stdev(values):.3f}%" if len(values) > 1 else "–"
    return [one_line(environment), str(len(values)), perplexity_text(statistics.fmean(values)), spread]


def _throughput_row(stored: Throughput) -> list[str]:
    machine, speeds = stored.machine, stored.words_per_second
    spread = f"{min(speeds):,.0f} to {max(speeds):,.0f}"
    where = [stored.created, machine.fingerprint(), machine.cpu_model, str(machine.cores), str(stored.threads)]
    how = "in turn" if stored.in_turn else "alone"
    return [one_line(cell) for cell in (*where, stored.tensorflow, how, str(len(speeds)), spread)]


def _wrapped(text: str, width: int, indent: str = "") -> str:
    """A line from a run, broken at words; what goes on is indented."""
    return textwrap.fill(
        one_line(text), max(width, LEAST_NOTE_WIDTH), initial_indent=indent, subsequent_indent=f"{indent}  "
    )
