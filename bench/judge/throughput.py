"""Words a second against what the baseline holds of the same machine: context, and a gate only where a runner asks for it.

Hosts of one fingerprint have differed by 93% in a step of `notebook`: within or outside the stored range says little of TensorFlow.
"""

from collections.abc import Sequence
from statistics import fmean

from bench.judge.summary import words_per_second
from bench.judge.types import Comparison
from bench.record.types import Baseline, Record
from bench.stats.outcome import Outcome

METRIC = "words/s"


def judge_throughput(
    subject: str, records: Sequence[Record], baseline: Baseline | None, *, in_turn: bool, gates: bool
) -> list[Comparison]:
    """Within or outside the range of the stored launches on this machine, with as many threads, measured alike; none of no speed."""
    speeds = [speed for record in records if (speed := words_per_second(record))]
    if not speeds:
        return []
    shown = f"{fmean(speeds):,.0f}"
    stored = [
        run
        for run in (baseline.throughput if baseline else ())
        if run.machine.fingerprint() == records[0].machine.fingerprint()
        and records[0].environment is not None
        and run.threads == records[0].environment.threads
        and run.in_turn == in_turn
    ]
    if not stored:
        outcome = Outcome.CANNOT_JUDGE if gates else Outcome.INFORMS
        return [Comparison(subject, METRIC, outcome, shown, "–", "no baseline on this machine", gates=gates)]
    known = [speed for run in stored for speed in run.words_per_second]
    low, high = min(known), max(known)
    slow, fast = fmean(speeds) < low, fmean(speeds) > high
    outcome = (Outcome.REGRESSION if slow else Outcome.PASS) if gates else Outcome.INFORMS
    days = sorted({run.created[:10] for run in stored})
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    where = "below" if slow else "above" if fast else "within"
    note = f"{where} the stored range ({len(known)} launches, {when})"
    return [Comparison(subject, METRIC, outcome, shown, f"{low:,.0f} to {high:,.0f}", note, gates=gates)]
