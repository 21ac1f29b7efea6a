"""`tfgate record`: makes, replaces or extends baselines of runs, and accepts what reports measured into the ledger."""

import argparse
import dataclasses
import datetime
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.errors import UsageError
from bench.commands.stored import LEDGER_FILE, baseline_path, baselines_to_change, is_micro, read_baselines, read_report
from bench.commands.verdicts import judge_any, read_standards
from bench.judge.baselines import added, describe_change, make_baselines, with_speed_in_turn
from bench.judge.gate import Standards
from bench.judge.ledger import accepted_regression, entry_of, merged
from bench.judge.margins import Margins
from bench.judge.micro import entry_of_micro
from bench.judge.paired import subject_of
from bench.judge.reports import paired_runs
from bench.judge.types import Comparison
from bench.record.files import write_record
from bench.record.gate import GateRun
from bench.record.ledger import Entry, Ledger
from bench.record.micro import read_micro
from bench.record.types import Baseline, Run
from bench.report.lines import one_line
from bench.stats.outcome import Outcome

MOVES = "--becomes-reference is for the report of a gate or an upgrade: others don't move the reference"


def main(options: argparse.Namespace) -> int:
    """0; nothing is written unless all of it can be."""
    folder = baselines_to_change(options)
    if options.accept:
        return _accept_regressions(options, folder)
    if options.until or options.link:
        raise UsageError("--until and --link are for a regression: name its metric by --accept")
    ratios = {is_micro(name) or not isinstance(read_report(name), Run) for name in options.report}
    if len(ratios) > 1:
        raise UsageError("runs make baselines, other reports go into the ledger: record them apart")
    return _record_ratios(options, folder) if ratios == {True} else _record_runs(options, folder)


def _record_runs(options: argparse.Namespace, folder: Path) -> int:
    """Replicas and words/s of runs become baselines."""
    if options.becomes_reference:
        raise UsageError(MOVES)
    if options.replace and not options.reason:
        raise UsageError("--replace needs --reason TEXT: a baseline changes only for a reason that reviewers can read")
    old = read_baselines(folder)
    runs = [run for name in options.report if isinstance(run := read_report(name), Run)]
    new = make_baselines(runs, options.reason or ("" if options.add else "first baseline"), options.command_line)
    existing = [name for name in new if name in old]
    if existing and not (options.replace or options.add):
        raise UsageError(
            f"{existing[0]} has a baseline already: --add adds the run to it, --replace --reason TEXT replaces it"
        )
    if options.add:
        new = {name: added(old[name], baseline) if name in old else baseline for name, baseline in new.items()}
    left_out = sum(record.disturbed for run in runs for record in run.records)
    warnings = [warning for run in runs for warning in run.warnings]
    warnings += [f"disturbed launches, whose words/s are left out: {left_out}"] if left_out else []
    for warning in dict.fromkeys(warnings):
        print(f"warning: {one_line(warning)}", file=sys.stderr)
    _write_baselines(folder, old, new)
    return _written(folder)


def _record_ratios(options: argparse.Namespace, folder: Path) -> int:
    """The candidate of a gate, an upgrade or a micro report is accepted: its ratios to the reference join the ledger."""
    if not options.reason:
        raise UsageError("--reason TEXT is missing: a TensorFlow is accepted for a reason that reviewers can read")
    if options.add or options.replace:
        raise UsageError("--add and --replace are for runs: the ledger only grows")
    standards = read_standards(options)
    ledger, gates = standards.ledger, []
    for name in options.report:
        entries = _entries(name, standards.margins, ledger, options)
        ledger = dataclasses.replace(ledger, entries=(*ledger.entries, *entries))
        for entry in entries:
            print(
                one_line(
                    f"{entry.tensorflow}: {len(entry.ratios)} ratios to the reference {entry.reference}, measured {entry.created}"
                )
            )
        if not is_micro(name) and isinstance(gate := read_report(name), GateRun):
            gates.append(gate)
    new = _with_speeds(standards.baselines, gates)
    write_record(folder / LEDGER_FILE, ledger, replace=True)
    _write_baselines(folder, standards.baselines, new)
    return _written(folder)


def _entries(name: str, margins: Margins, ledger: Ledger, options: argparse.Namespace) -> list[Entry]:
    moves = options.becomes_reference
    if is_micro(name):
        if moves:
            raise UsageError(MOVES)
        return [entry_of_micro(*read_micro(Path(name)), ledger, options.reason)]
    runs = paired_runs(read_report(name))
    return merged([entry_of(run, margins, ledger, options.reason, becomes_reference=moves) for run in runs])


def _with_speeds(old: Mapping[str, Baseline], gates: Sequence[GateRun]) -> dict[str, Baseline]:
    """The baselines of the gates' subjects, with the words/s that were measured in turn."""
    new: dict[str, Baseline] = {}
    for gate in gates:
        for name in map(subject_of, gate.speed):
            if name in old:
                new[name] = with_speed_in_turn(new.get(name, old[name]), gate)
    return new


def _accept_regressions(options: argparse.Namespace, folder: Path) -> int:
    """Regressions of a report in one metric are named and let pass until a date."""
    missing = [name for name in ("reason", "link", "until") if not getattr(options, name)]
    if missing:
        raise UsageError(f"--{missing[0]} is missing: a regression is accepted for a reason, with a link, until a date")
    try:
        until = datetime.date.fromisoformat(options.until).isoformat()  # of 20270331, too: dates are compared as text
    except ValueError:
        raise UsageError(f"--until {options.until!r} is no date such as 2027-03-31") from None
    standards = read_standards(options)
    regressions = _regressions(options, standards)
    if not regressions:
        raise UsageError(f"--accept {options.accept!r}: the reports have no regression of that metric")
    found = [accepted_regression(one, options.reason, options.link, until) for one in regressions]
    ledger = dataclasses.replace(standards.ledger, regressions=(*standards.ledger.regressions, *found))
    if _regressions(options, dataclasses.replace(standards, ledger=ledger)):
        raise UsageError(
            f"--until {until} is before a report's own date, or its reference is none of the ledger's: it would still fail"
        )
    write_record(folder / LEDGER_FILE, ledger, replace=True)
    for one in found:
        limit = f", up to {100 * one.limit:.1f}%" if one.limit is not None else ""
        print(one_line(f"{one.metric} of {one.subject}: accepted until {one.expires}{limit}"))
    return _written(folder)


def _regressions(options: argparse.Namespace, standards: Standards) -> list[Comparison]:
    """The reports' regressions in the metric that is to be accepted."""
    comparisons = [comparison for name in options.report for comparison in judge_any(name, standards).comparisons]
    return [one for one in comparisons if one.metric == options.accept and one.outcome is Outcome.REGRESSION]


def _write_baselines(folder: Path, old: Mapping[str, Baseline], new: Mapping[str, Baseline]) -> None:
    """Says what changes, then writes."""
    paths = {name: baseline_path(folder, name) for name in new}
    for name, baseline in new.items():
        print(one_line(describe_change(old.get(name), baseline)))
    for name, baseline in new.items():
        write_record(paths[name], baseline, replace=name in old)


def _written(folder: Path) -> int:
    print(f"written to {folder}: review the difference and commit it", file=sys.stderr)
    return 0
