"""Stored runs, baselines and the ledger as text for a terminal."""

import math
import shlex
import statistics
from collections.abc import Mapping

from bench.judge.ledger import ratio_interval
from bench.judge.metrics import is_trained, log_perplexity
from bench.judge.perplexity import EnvironmentKey, replica_groups
from bench.judge.throughput import words_per_second
from bench.record.ledger import Entry, Ledger, Ratio
from bench.record.types import Baseline, Record, Run, Throughput
from bench.report.lines import one_line
from bench.report.text import WIDTH, failed_lines, fitted, over_limits, table_text, wrapped
from bench.report.values import MEBIBYTE, NOTHING, Count, count, percent, perplexity_of

LAUNCH = (
    *("subject", "TensorFlow", "launch", "perturbation", "perplexity\nall steps", "words/s", "start-up s"),
    "resident\npeak MiB",
)
LEAST_NEEDED = ("perturbation", "start-up s", "TensorFlow")  # columns that give way on a narrow terminal, in this order


def run_table(run: Run, width: int = WIDTH) -> str:
    """Returns a line for each launch."""
    launches = fitted(LAUNCH, list(map(_record_row, run.records)), LEAST_NEEDED, width)
    named = [(f"{record.subject.name}, launch {record.launch + 1}", record) for record in run.records]
    failed = [line for name, record in named if record.failure for line in failed_lines(name, record.failure, width)]
    notes = [f"incomplete: {run.incomplete}"] if run.incomplete else []
    notes += [f"warning: {warning}" for warning in run.warnings]
    notes += [line for name, record in named for line in over_limits(name, record)]
    title = wrapped(f"run of {run.created}: {shlex.join(run.command)}", width)
    return "\n".join([title, "", *launches, *failed, *(wrapped(note, width) for note in notes)])


def baseline_table(baseline: Baseline) -> str:
    """Returns replicates by environment, then the words/s of machines."""
    subject = baseline.subject
    rows = [_replica_row(key, logs) for key, logs in replica_groups(baseline, 0.0).items()]
    headers = ["environment", "replicates", "perplexity, all steps", "spread"]
    replicates = table_text(headers, rows)
    headers = ["measured", "machine", "CPU", "cores", "threads", "TensorFlow", "process", "launches", "words/s"]
    speeds = table_text(headers, map(_throughput_row, baseline.throughput))
    title = f"baseline of {subject.name}, {subject.steps} steps, fingerprint {subject.fingerprint}"
    return "\n".join([one_line(f"{title}: {baseline.reason} ({baseline.created})"), "", replicates, "", speeds])


def ledger_table(ledger: Ledger) -> str:
    """Returns a line for each ratio of each entry, then why each was accepted, and the accepted regressions."""
    itself = ["all", "all", "1.000", NOTHING, NOTHING]  # the reference
    accepted = {entry.environment: entry.tensorflow for entry in ledger.entries}
    rows = [
        [entry.created, entry.tensorflow, _reference(entry, accepted), entry.host or NOTHING, *cells]
        for entry in ledger.entries
        for cells in [_ratio_cells(ratio) for ratio in entry.ratios] or [itself]
    ]
    headers = ["measured", "TensorFlow", "reference", "machine", "subject", "metric", "ratio", "95% CI", "launches"]
    table = table_text(headers, rows) if rows else "no TensorFlow was accepted"
    why = [f"{entry.tensorflow}, measured {entry.created}: {entry.reason}" for entry in ledger.entries]
    regressions = [
        f"accepted until {one.expires}: {one.metric} of {one.subject}"
        + (f" up to {100 * one.limit:.1f}%" if one.limit is not None else "")
        + f": {one.reason} ({one.link})"
        for one in ledger.regressions
    ]
    return "\n".join([table, *map(one_line, why), *map(one_line, regressions or ["no regression is accepted"])])


def _reference(entry: Entry, accepted: Mapping[str, str]) -> str:
    """Names an entry's reference: 2.20.0 (2c830d6877c4); by its identity alone where nothing tells the version."""
    version = entry.reference_tensorflow or accepted.get(entry.reference, "")
    return f"{version} ({entry.reference})" if version else entry.reference


def _ratio_cells(ratio: Ratio) -> list[str]:
    found = ratio_interval(ratio)
    interval = f"{percent(found.low)} to {percent(found.high)}" if found else NOTHING
    return [ratio.subject, ratio.metric, f"{math.exp(ratio.estimate):.3f}", interval, str(ratio.launches)]


def _record_row(record: Record) -> list[str]:
    subject, speed, startup, memory = record.subject, words_per_second(record), record.startup, record.memory
    return [
        subject.name,
        record.tensorflow or NOTHING,
        str(record.launch + 1),
        str(record.jitter),
        perplexity_of(log_perplexity(record.losses, subject, 0.0)) if is_trained(record) else NOTHING,
        count(speed) if speed else NOTHING,
        f"{startup.seconds:.1f}" if startup else NOTHING,
        f"{memory.peak_rss_bytes / MEBIBYTE:.0f}" if memory else NOTHING,
    ]


def environment_name(key: EnvironmentKey) -> str:
    """Names an environment of replicates: 2.21.0 oneDNN on, 2 threads."""
    return f"{key.tensorflow} oneDNN {'on' if key.onednn else 'off'}, {Count(key.threads):thread}"


def _replica_row(environment: EnvironmentKey, log_perplexities: list[float]) -> list[str]:
    spread = f"{100 * statistics.stdev(log_perplexities):.3f}%" if len(log_perplexities) > 1 else NOTHING
    mean = perplexity_of(statistics.fmean(log_perplexities))
    return [environment_name(environment), str(len(log_perplexities)), mean, spread]


def _throughput_row(stored: Throughput) -> list[str]:
    machine, speeds = stored.machine, stored.words_per_second
    spread = f"{count(min(speeds))} to {count(max(speeds))}"
    where = (stored.created, machine.fingerprint(), machine.cpu_model, str(machine.cores), str(stored.threads))
    how = "in turn" if stored.in_turn else "alone"
    return [*where, stored.tensorflow, how, str(len(speeds)), spread]


def describe_change(old: Baseline | None, new: Baseline) -> str:
    """Returns what a baseline holds, and from what it was changed, in a line."""
    if old is None:
        return f"{new.subject.name}: new; {_holding(new)}"
    change = percent(_log_perplexity(new) - _log_perplexity(old))
    return f"{new.subject.name}: {_holding(old)} → {_holding(new)} ({change})"


def _holding(baseline: Baseline) -> str:
    held = f"{Count(len(baseline.replicas)):replicate}, {Count(len(baseline.throughput)):stored speed}"
    return f"{held}, perplexity of all steps {perplexity_of(_log_perplexity(baseline))}"


def _log_perplexity(baseline: Baseline) -> float:
    """Returns the mean over all replicates and steps, as `tfgate show` has it: for people, not for the judge."""
    logs = [log for group in replica_groups(baseline, 0.0).values() for log in group]
    return statistics.fmean(logs) if logs else math.nan
