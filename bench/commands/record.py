"""`tfgate record`: makes, replaces or extends baselines of runs, and accepts what reports measured into the ledger."""

import argparse
import dataclasses
import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.commands.acceptance import Acceptance, day, not_replaced, with_acceptances
from bench.commands.options import SHARED, add_shared
from bench.commands.stored import (
    LEDGER_FILE,
    baseline_path,
    baselines_to_change,
    judging,
    read_baselines,
    read_folder,
    read_report,
)
from bench.commands.usage import UsageError
from bench.commands.verdicts import judged
from bench.judge.baselines import BaselineError, added, make_baselines, replaced, with_speed_in_turn
from bench.judge.gate import Standards
from bench.judge.ledger import LedgerError, entry_of, positions
from bench.judge.metrics import WORDS, key
from bench.judge.micro import entry_of_micro
from bench.judge.perplexity import replica_groups
from bench.judge.reports import paired_runs, subject_of
from bench.judge.samples import timed_candidates
from bench.machine import now
from bench.record.files import replace_records
from bench.record.gate import GateRun
from bench.record.ledger import Entry, Ledger
from bench.record.micro import Micro
from bench.record.paired import PairedRun
from bench.record.types import Baseline, Record, Run
from bench.report.judged import AnyReport
from bench.report.lines import one_line
from bench.report.stored import describe_change
from bench.report.values import Count
from bench.stats.outcome import Outcome

EXAMPLES = """\
tfgate record reports/gate --reason "2.22.0 is what we ship from June on"
tfgate record reports/run --replace --reason "a new fingerprint" --baselines baselines
tfgate record reports/gate --accept trace --reason "a known cost" --until 2027-03-31 --link https://example.org/1"""
ENVIRONMENTS = 4  # whose replicates decide a perplexity in few launches (docs/how-to/own-baselines.md)
FOR_BASELINES, FOR_LEDGER = ("add", "replace"), ("becomes_reference", "despite_verdict")


@dataclasses.dataclass(frozen=True)
class Request:
    """The reports that are recorded, and the files that are written."""

    reports: Sequence[str]
    folder: Path  # of the baselines
    reason: str
    replace: bool
    add: bool
    becomes_reference: bool
    despite_verdict: bool
    accept: Acceptance | None
    command_line: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Change:
    """The files that are written, and what is said of them."""

    files: Mapping[Path, Baseline | Ledger]
    lines: Sequence[str]
    warnings: Sequence[str] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "report",
        metavar="REPORT",
        nargs="+",
        help="folders of runs, for baselines; or of gate, upgrade and micro, for the ledger",
    )
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("--replace", **SHARED["replace"])
    existing.add_argument("--add", action="store_true", help="add the runs to baselines that exist")
    parser.add_argument(
        "--reason",
        default="",
        metavar="TEXT",
        help="the reason, which is kept in the file; required for all but a first baseline",
    )
    parser.add_argument(
        "--becomes-reference",
        action="store_true",
        help="the candidate is the reference from now on; older ratios are rebased",
    )
    parser.add_argument(
        "--despite-verdict", action="store_true", help="accept for good the ratios of a report that is not a PASS"
    )
    parser.add_argument(
        "--accept",
        action="append",
        default=[],
        metavar="METRIC",
        help="accept the reports' regressions of this metric, with --until and --link; may be repeated",
    )
    parser.add_argument("--until", type=day, metavar="DATE", help="last day on which an accepted regression passes")
    parser.add_argument("--link", metavar="URL", help="where an accepted regression is discussed")
    add_shared(parser, "baselines")


def request(options: argparse.Namespace) -> Request:
    """Makes the request. Raises UsageError."""
    if options.replace and not options.reason:
        raise UsageError("--replace needs --reason TEXT: a baseline changes only for a reason that reviewers can read")
    return Request(
        reports=options.report,
        folder=baselines_to_change(options.baselines),
        reason=options.reason,
        replace=options.replace,
        add=options.add,
        becomes_reference=options.becomes_reference,
        despite_verdict=options.despite_verdict,
        accept=_acceptance(options),
        command_line=options.command_line,
    )


def _acceptance(options: argparse.Namespace) -> Acceptance | None:
    if not options.accept:
        if options.until or options.link:
            raise UsageError("--until and --link are for a regression: name its metric by --accept")
        return None
    missing = [name for name in ("reason", "link", "until") if not getattr(options, name)]
    if missing:
        raise UsageError(f"--{missing[0]} is missing: a regression is accepted for a reason, with a link, until a date")
    _refuse(options, (*FOR_BASELINES, *FOR_LEDGER), "can't go with --accept, which records nothing else")
    return Acceptance(options.accept, options.reason, options.link, options.until)


def _refuse(given: object, names: Iterable[str], why: str) -> None:
    """Raises UsageError for the first option of these names that was given."""
    for name in names:
        if getattr(given, name):
            raise UsageError(f"--{name.replace('_', '-')} {why}: leave it out")


def run(asked: Request) -> int:
    """Returns 0; nothing is written unless all of it can be. Raises UsageError, FormatError, MarginsError, OSError."""
    reports = [read_report(name) for name in asked.reports]
    runs = [report for report in reports if isinstance(report, Run)]
    try:
        with judging(*asked.reports):
            if asked.accept:
                ledger, lines = with_acceptances(read_folder(asked.folder), reports, asked.accept)
                change = Change({asked.folder / LEDGER_FILE: ledger}, lines)
            elif 0 < len(runs) < len(reports):
                raise UsageError(
                    "runs become baselines, other reports join the ledger: record them by separate commands"
                )
            else:
                change = _of_runs(asked, runs) if runs else _of_ratios(asked, reports)
    except (BaselineError, LedgerError) as error:
        raise UsageError(f"{', '.join(asked.reports)}: {error}") from error
    for line in change.lines:
        print(one_line(line))
    for warning in dict.fromkeys(change.warnings):
        print(f"warning: {one_line(warning)}", file=sys.stderr)
    replace_records(change.files)
    print(f"written to {asked.folder}: review the difference and commit it", file=sys.stderr)
    return 0


def _of_runs(asked: Request, runs: Sequence[Run]) -> Change:
    """Returns the baselines of the runs' replicas and words/s."""
    _refuse(asked, FOR_LEDGER, "is for reports that join the ledger, and runs become baselines")
    old = read_baselines(asked.folder)
    reason = asked.reason or ("" if asked.add else "first baseline")
    new = make_baselines(runs, reason, asked.command_line, now())
    existing = [name for name in new if name in old]
    if existing and not (asked.replace or asked.add):
        raise UsageError(
            f"{existing[0]} has a baseline already: --add adds the run to it, --replace --reason TEXT replaces it"
        )
    joined = added if asked.add else replaced
    new = {name: joined(old[name], baseline) if name in old else baseline for name, baseline in new.items()}
    warnings = [warning for run in runs for warning in run.warnings]
    warnings += _left_out(record for run in runs for record in run.records)
    for name, made in new.items():
        count = len(replica_groups(made, 0.0))
        if count < ENVIRONMENTS:
            few = f"replicates of {Count(count):environment}, and most perplexities take {ENVIRONMENTS} to be decided"
            warnings.append(f"{name}: {few}: add runs of others by --add (equal replicates count once)")
    return dataclasses.replace(_of_baselines(asked.folder, old, new), warnings=warnings)


def _of_ratios(asked: Request, reports: Sequence[AnyReport]) -> Change:
    """Returns the ledger with the reports' ratios to the reference, and the baselines with gates' words/s.

    The folder's margins judge a report, whatever margin it was asked for.
    """
    if not asked.reason:
        raise UsageError("--reason TEXT is missing: a TensorFlow is accepted for a reason that reviewers can read")
    _refuse(asked, FOR_BASELINES, "is for baselines of runs, and the ledger only grows")
    standards = read_folder(asked.folder)
    ledger, lines = standards.ledger, []
    for name, report in zip(asked.reports, reports, strict=True):
        entry = _entry(report, ledger, asked)
        if not entry:
            raise UsageError(
                f"{name} has no ratio to a reference: run the gate without --quick and --no-speed, or the upgrade with "
                "a --metric that is a ratio, or with none"
            )
        if any(_identity(one) == _identity(entry) for one in ledger.entries):
            raise UsageError(f"{name}: the run of {entry.created} is in the ledger already, or was given twice")
        word = _consented(name, report, dataclasses.replace(standards, ledger=ledger), asked)
        others = not_replaced(ledger, entry.ratios)  # no acceptance is needed up to the new standard
        ledger = dataclasses.replace(ledger, entries=(*ledger.entries, entry), regressions=others)
        ratios = f"{len(entry.ratios)} ratios to the reference {entry.reference}, measured {entry.created}"
        lines.append(f"{entry.tensorflow}: {ratios} ({word})")
    if not standards.ledger.entries:
        lines.append("the ledger was empty: from now on it takes reports in turn with this reference, and no other's")
    gates = [report for report in reports if isinstance(report, GateRun)]
    new = {name: functools.reduce(with_speed_in_turn, gates, old) for name, old in standards.baselines.items()}
    of_baselines = _of_baselines(asked.folder, standards.baselines, new)
    # An accepted fall of words/s is measured from the range that they widen: as much again would pass.
    widened = {name for name, baseline in new.items() if baseline != standards.baselines[name]}
    others = tuple(one for one in ledger.regressions if one.metric != WORDS.name or one.subject not in widened)
    ledger = dataclasses.replace(ledger, regressions=others)
    # The ledger last: an entry that is there is not added again.
    files = {**of_baselines.files, asked.folder / LEDGER_FILE: ledger}
    timed = [run for gate in gates for run in gate.speed if subject_of(run) in standards.baselines]
    warnings = _left_out(record for run in timed for record in timed_candidates(run))
    warnings += _left_behind(standards, ledger) if asked.becomes_reference else []
    return Change(files, (*lines, *of_baselines.lines), warnings)


def _left_out(records: Iterable[Record]) -> list[str]:
    """Returns a warning of the launches that tell no words/s, if there are any."""
    count = sum(record.is_disturbed for record in records)
    return [f"disturbed launches, whose words/s are left out: {count}"] if count else []


def _identity(entry: Entry) -> tuple[str, str, str]:
    """Returns what no two measurements have in common: two hosts may begin in the same second."""
    return entry.created, entry.machine, entry.environment


def _left_behind(standards: Standards, ledger: Ledger) -> list[str]:
    """Returns the warnings of what has a budget and entries by the old standards, and no ratio to the new reference."""
    last = ledger.entries[-1]
    moves = [one for one in ledger.entries if one.becomes_reference and one.environment == last.environment]
    old, moved = (
        {(ratio.subject, ratio.metric): None for entry in entries for ratio in entry.ratios}
        for entries in (standards.ledger.entries, moves)
    )
    budgets = [one for one in old if key(one[1]) in standards.margins.budget and one not in moved]
    lost = [one for one in budgets if any(at.ratios for at in positions(standards.ledger, last.reference, *one))]
    told = "--becomes-reference without it: its budget begins anew; record reports that measure it, too"
    return [f"{metric} of {subject}: {told}" for subject, metric in lost if last.environment != last.reference]


def _consented(name: str, report: AnyReport, standards: Standards, asked: Request) -> str:
    """Returns the outcome of a report. Raises UsageError unless it is a PASS, or may be recorded all the same."""
    margin = report.margin if isinstance(report, PairedRun) else None
    by_folder = dataclasses.replace(report, margin=None) if isinstance(report, PairedRun) else report
    verdict = judged(by_folder, standards).verdict
    metrics = ", ".join(dict.fromkeys(one.metric.name for one in verdict.decisive))
    accepted = (f"{one.metric.name} accepted" for one in verdict.comparisons if one.accepted)
    word = ", ".join((f"{verdict.outcome.value}{metrics and f' in {metrics}'}", *dict.fromkeys(accepted)))
    if verdict.exit_code and not asked.despite_verdict:
        raise UsageError(f"{name} is not a PASS by {asked.folder} ({word}): {_mend(verdict.outcome, margin)}")
    return word


def _mend(outcome: Outcome, margin: float | None) -> str:
    """Returns what is to be done about a report that is not a PASS, and may have been asked for with a --margin."""
    if margin is not None:
        return "measure it again without --margin: the ledger's standard are the margins of its folder"
    if outcome is Outcome.REGRESSION:
        return "--accept METRIC lets one regression pass until a day, --despite-verdict accepts all ratios for good"
    if outcome is Outcome.FAILED:
        return "fix what failed, and measure again"
    return (
        "measure again if the headline of `tfgate check` names what may decide; --despite-verdict accepts all ratios "
        "for good, which is right for what you ship when the ledger begins"
    )


def _entry(report: AnyReport, ledger: Ledger, asked: Request) -> Entry | None:
    """Returns the entry of a report: the ratios of all its configurations; None of one that tells none."""
    moves = asked.becomes_reference
    if isinstance(report, Micro):
        if moves:
            raise UsageError(
                "--becomes-reference is for the report of a gate or an upgrade: others don't move the reference"
            )
        return entry_of_micro(report, ledger, asked.reason)
    runs = paired_runs(report)  # of one reference and one candidate
    if moves and any(run.only for run in runs):
        raise UsageError("--becomes-reference moves every metric: measure the upgrade without --metric")
    entries = [entry_of(run, ledger, asked.reason, becomes_reference=moves) for run in runs]
    ratios = tuple(ratio for entry in entries for ratio in entry.ratios)
    told = ratios or any(entry.environment == entry.reference for entry in entries)
    return dataclasses.replace(entries[0], ratios=ratios) if told else None


def _of_baselines(folder: Path, old: Mapping[str, Baseline], new: Mapping[str, Baseline]) -> Change:
    """Returns the change of the baselines that are new or differ from the old ones."""
    changed = {name: baseline for name, baseline in new.items() if baseline != old.get(name)}
    files = {baseline_path(folder, name): baseline for name, baseline in changed.items()}
    return Change(files, [describe_change(old.get(name), baseline) for name, baseline in changed.items()])
