"""`tfgate record RUN…`: makes, replaces or extends baselines, saying what changes."""

import argparse
import sys

from bench.commands.errors import UsageError
from bench.commands.options import baseline_path, baselines_to_change, read_baselines, read_run
from bench.judge.baselines import added, describe_change, make_baselines
from bench.record.files import write_record
from bench.report.lines import one_line


def main(options: argparse.Namespace) -> int:
    """0; nothing is written unless every baseline can be."""
    if options.replace and not options.reason:
        raise UsageError("--replace needs --reason TEXT: a baseline changes only for a reason that reviewers can read")
    folder = baselines_to_change(options)
    old = read_baselines(folder)
    runs = [read_run(run) for run in options.run]
    new = make_baselines(runs, options.reason or ("" if options.add else "first baseline"), options.command_line)
    existing = [name for name in new if name in old]
    if existing and not (options.replace or options.add):
        raise UsageError(f"{existing[0]} has a baseline already: --add adds a session to it, --replace --reason TEXT replaces it")
    if options.add:
        new = {name: added(old[name], baseline) if name in old else baseline for name, baseline in new.items()}
    paths = {name: baseline_path(folder, name) for name in new}
    for line in [describe_change(old.get(name), baseline) for name, baseline in new.items()]:
        print(one_line(line))
    left_out = sum(record.disturbed for run in runs for record in run.records)
    warnings = [warning for run in runs for warning in run.warnings]
    warnings += [f"disturbed launches, which are in no session: {left_out}"] if left_out else []
    for warning in dict.fromkeys(warnings):
        print(f"warning: {one_line(warning)}", file=sys.stderr)
    for name, baseline in new.items():
        write_record(paths[name], baseline, replace=name in old)
    print(f"written to {folder}: review the difference and commit it", file=sys.stderr)
    return 0
