"""Reads the ledger's ratios, and makes its entries: what was accepted last, and where the first entry stands.

Entries are ratios to the reference of their time. A move of the reference from R to E is itself an entry, with the
ratio E/R, so that log(x/E) = log(x/R) − log(E/R): the older entries are rebased, and errors add up.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean, stdev
from typing import TypeAlias

from bench.judge.metrics import PERPLEXITY
from bench.judge.samples import differences_of, samples_of, whole_pairs
from bench.judge.types import Sample, Scale
from bench.record.gate import GateRun
from bench.record.ledger import Entry, Ledger, Ratio
from bench.record.micro import Micro, MicroRun
from bench.record.paired import PairedRun
from bench.record.types import SCHEMA, Machine
from bench.stats.autocorrelation import widening
from bench.stats.intervals import Interval, interval
from bench.stats.sequential import LOOKS

NO_LEDGER = Ledger(SCHEMA, ())

TimedReport: TypeAlias = GateRun | PairedRun | Micro  # in turn with a reference


@dataclasses.dataclass(frozen=True)
class Position:
    """The place of an accepted TensorFlow relative to a reference, in one metric of one subject."""

    tensorflow: str
    estimate: float  # logarithm, TensorFlow/reference
    ratios: tuple[Interval, ...]  # that it is a sum of: the entry's own, and those of the moves that it was rebased by
    # Fingerprints of those that the numbers were measured on; none where the TensorFlow is the reference itself.
    machines: frozenset[str]


def positions(ledger: Ledger, reference: str, subject: str, metric: str) -> list[Position]:
    """Returns every entry that has the metric, rebased to `reference` (a Side.setup), in the order of acceptance. An
    empty list for a reference that the ledger doesn't know.
    """
    if is_foreign(ledger, reference):
        return []
    found = (_position(ledger, entry, reference, subject, metric) for entry in _once(ledger.entries))
    return [position for position in found if position]


def accepted_ratio(ledger: Ledger, reference: str, subject: str, metric: str) -> float:
    """Returns the logarithm of the ratio to the reference that was accepted last; 0, a ratio of 1, where the ledger has
    none.
    """
    found = positions(ledger, reference, subject, metric)
    return found[-1].estimate if found else 0.0


def is_foreign(ledger: Ledger, reference: str) -> bool:
    """Tells whether a ledger has entries, and a reference (a Side.setup) is none that they are measured against."""
    moved_to = {entry.environment for entry in ledger.entries if entry.becomes_reference}
    return bool(ledger.entries) and reference not in {entry.reference for entry in ledger.entries} | moved_to


def of_models(ledger: Ledger, report: TimedReport) -> Ledger:
    """Returns the ledger without what it holds of own models in other files than the report's."""
    files = {"", *(file for _, file in _own_files(report))}
    entries = (
        dataclasses.replace(entry, ratios=tuple(one for one in entry.ratios if one.fingerprint in files))
        for entry in ledger.entries
    )
    regressions = tuple(one for one in ledger.regressions if one.fingerprint in files)
    return dataclasses.replace(ledger, entries=tuple(entries), regressions=regressions)


def file_of(report: TimedReport, subject: str) -> str:
    """Returns the fingerprint of an own model's file, by its subject's name; "" of any other subject."""
    own = (file for name, file in _own_files(report) if name == subject)
    return max(own, default="")  # a launch that failed early has none


class LedgerError(ValueError):
    """A report of which no entry can be made."""


def entry_of(run: PairedRun, ledger: Ledger, reason: str, *, becomes_reference: bool = False) -> Entry:
    """Returns the entry of a paired run's candidate: the ratio of every metric that is one, to the run's reference; of
    a run that names metrics, of those alone, since nothing judged the others.

    A candidate that is the reference itself has no ratios: each is 1. Raises LedgerError for a reference that isn't the
    ledger's, for a run that isn't whole and for one of too few launches of a kind: its metrics would be left out.
    """
    pairs = whole_pairs(run)
    kinds = {pair.cores for pair in run.pairs}
    launches, kind = min(((len(whole_pairs(run, kind)), kind) for kind in kinds), default=(0, ""))
    require_acceptable(run, launches, ledger, kind)
    sides = (pairs[0].candidate, pairs[0].reference)
    versions = [side.tensorflow or "unknown" for side in sides]
    samples = [one for one in samples_of(pairs) if one.metric.name in run.only or not run.only]
    entry = make_entry(run, sides[0].machine, versions, samples, reason)
    return dataclasses.replace(entry, becomes_reference=becomes_reference)


def make_entry(
    report: PairedRun | Micro, machine: Machine, versions: Sequence[str], samples: Iterable[Sample], reason: str
) -> Entry:
    """Returns the entry of a report's candidate, with the ratio of each sample that has one, from the TensorFlow of
    both, the candidate's first; one that is the reference itself has no ratios: each is 1.

    Raises LedgerError for two TensorFlows that the ledger can't tell apart.
    """
    run = report.run if isinstance(report, Micro) else report
    candidate, reference = run.candidate.setup, run.reference.setup
    if candidate == reference and versions[0] != versions[1]:
        raise LedgerError(
            f"the ledger can't tell TensorFlow {versions[0]} from {versions[1]}: both sides have the same packages and "
            f"variables ({reference}); install each as a wheel, with its metadata, or name it in a variable by --to-env"
        )
    ratios = (_measured_ratio(sample, file_of(report, sample.subject)) for sample in samples)
    return Entry(
        created=run.created,
        tensorflow=versions[0],
        environment=candidate,
        reference=reference,
        machine=machine.fingerprint(),
        host=f"{machine.cpu_model}, {machine.cores} cores",
        reason=reason,
        ratios=() if candidate == reference else tuple(filter(None, ratios)),
        reference_tensorflow=versions[1],
    )


def require_acceptable(run: PairedRun | MicroRun, launches: int, ledger: Ledger, kind: str = "") -> None:
    """Raises LedgerError for a run whose ratios the ledger can't take: see entry_of. `kind`: of the launches
    that are counted.
    """
    if run.incomplete:
        raise LedgerError("the run is incomplete: its ratios can't be accepted; measure it to its end")
    if launches < LOOKS[0]:
        raise LedgerError(
            f"the run holds {launches} launches {f'on {kind}' if kind else 'in turn'}, and {LOOKS[0]} are needed to "
            "accept their ratios: measure more (where gate or upgrade ended at a REGRESSION, by --resume, once record "
            "--accept lets that pass)"
        )
    if is_foreign(ledger, run.reference.setup):
        raise LedgerError(
            f"the run's reference {run.reference.requested} ({run.reference.setup}) is not one of the ledger's: "
            "measure in turn with one that `tfgate show` of the ledger names"
        )


def ratio_interval(ratio: Ratio) -> Interval | None:
    """Returns the interval of a ledger's ratio, on the logarithmic scale; None of the reference itself.

    As in a run, launches are taken to resemble each other (bench.stats.autocorrelation): the error is widened.
    """
    if ratio.launches < 2:
        return None
    return interval(ratio.estimate, widening(ratio.launches) * ratio.standard_error, ratio.launches - 1)


def _measured_ratio(sample: Sample, file: str) -> Ratio | None:
    """Returns the ratio of a metric that is one and has enough launches; perplexity's is judged elsewhere."""
    values, name = differences_of(sample), sample.metric.name
    if len(values) < LOOKS[0] or name == PERPLEXITY or sample.metric.scale is not Scale.LOG:
        return None
    return Ratio(sample.subject, name, fmean(values), stdev(values) / math.sqrt(len(values)), len(values), file)


def _own_files(report: TimedReport) -> list[tuple[str, str]]:
    """Returns (the subject's name, the file's fingerprint) of each launch of an own model."""
    if isinstance(report, Micro):
        cases = [case for launch in (*report.reference, *report.candidate) for case in launch.cases.values()]
        return [(case.subject, case.fingerprint) for case in cases if case.own]
    subjects = (record.subject for record in report.records)
    return [(subject.name, subject.fingerprint) for subject in subjects if subject.own]


def _position(ledger: Ledger, entry: Entry, reference: str, subject: str, metric: str) -> Position | None:
    """Returns an entry's ratio to `reference`: the sum along its path. None where there is no path, or where an entry
    of it lacks the metric.
    """
    path = _path(ledger, entry, reference, subject, metric)
    if path is None:
        return None
    ratios = [(sign, ratio) for sign, link in path if (ratio := _ratio(link, subject, metric))]
    if len(ratios) < len(path):
        return None
    estimate = math.fsum(sign * ratio.estimate for sign, ratio in ratios)
    intervals = tuple(filter(None, (ratio_interval(ratio) for _, ratio in ratios)))
    return Position(entry.tensorflow, estimate, intervals, frozenset(link.machine for _, link in path))


def _path(ledger: Ledger, entry: Entry, reference: str, subject: str, metric: str) -> list[tuple[int, Entry]] | None:
    """Walks from where an entry stands to `reference`, along moves: returns (sign, the entry with the ratio) of each
    step; None where no moves lead there.

    An entry that is `reference`, or a former one from which moves lead there, starts at itself. Any other starts at its
    own reference, and adds its own ratio. Every move subtracts its ratio.
    """
    own: list[tuple[int, Entry]] = []
    moves = _moves(ledger, entry.environment, reference)
    if moves is None:
        own, moves = [(1, entry)], _moves(ledger, entry.reference, reference)
    if moves is None:
        return None
    return [*((-1, _telling(ledger, move, subject, metric)) for move in moves), *own]


def _once(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yields the entries, of a move that several reports measured the first alone: what was accepted since stands."""
    moved_to = ""
    for entry in entries:
        if not (entry.becomes_reference and entry.environment == moved_to):
            yield entry
        if entry.becomes_reference:
            moved_to = entry.environment


def _moves(ledger: Ledger, old: str, new: str) -> list[Entry] | None:
    """Returns the moves that lead from one reference to a later one, which may leave a reference more than once; None
    if there are none such.
    """
    ways: dict[str, list[Entry]] = {old: []}  # by the reference that they lead to; the way that was there first
    for entry in ledger.entries:
        if entry.becomes_reference and entry.reference in ways:
            ways.setdefault(entry.environment, [*ways[entry.reference], entry])
    return ways.get(new)


def _telling(ledger: Ledger, move: Entry, subject: str, metric: str) -> Entry:
    """Returns the entry of a move that has the metric: an upgrade of several configurations makes one for each."""
    ends = move.reference, move.environment
    same = (one for one in ledger.entries if one.becomes_reference and (one.reference, one.environment) == ends)
    return next((one for one in same if _ratio(one, subject, metric)), move)


def _ratio(entry: Entry, subject: str, metric: str) -> Ratio | None:
    return next((ratio for ratio in entry.ratios if (ratio.subject, ratio.metric) == (subject, metric)), None)
