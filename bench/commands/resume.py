"""Goes on with an interrupted gate, upgrade, survey, bisect or blame by `--resume`, from what was over."""

import argparse
import dataclasses
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from bench.commands.options import output_folder
from bench.commands.sides import Sides
from bench.commands.stored import GATE_FILE
from bench.commands.usage import UsageError
from bench.drive.folders import held_folder
from bench.drive.pair import PairPlan
from bench.drive.plan import Plan
from bench.drive.private import private_environment
from bench.judge.fields import unlike_variables
from bench.judge.likeness import cpu_ranges
from bench.judge.reports import paired_runs
from bench.judge.samples import whole_pairs
from bench.machine import affinity, this_machine
from bench.record.command_lines import ALONE, WITH_VALUE, words_without
from bench.record.files import read_record
from bench.record.gate import GateRun
from bench.record.paired import CANDIDATE, REFERENCE, PairedRun, Side, other_builds
from bench.record.types import Record
from bench.record.variables import bearing

T = TypeVar("T", GateRun, PairedRun)
ANEW = "delete it to measure it anew, or choose another --output"


def resumed_folder(options: argparse.Namespace, command: str, *patterns: str) -> Path:
    """Returns the folder of --output. Raises UsageError for --resume where no report is kept in it, and without where
    one is: a file that one of the patterns finds.
    """
    output = output_folder(options, command)
    found = _reports(output, patterns)
    if options.resume and not found:
        raise UsageError(f"no report of this command in {output}: give its --output and options, or leave out --resume")
    if found and not options.resume:
        raise UsageError(f"{found[0]} exists already: continue it by --resume, or choose another --output")
    return output


def begun(
    kind: type[T], path: Path, command_line: Sequence[str], plans: Sequence[Plan] = (), *, here: bool = True
) -> T:
    """Reads the report that a command has begun, of the models of `plans`.

    Raises UsageError if another command has, or with another file of a user's own, and if it goes on `here` where
    another machine has, or other variables were set; FormatError, OSError.
    """
    found = read_record(kind, path)
    require_same_command(path, found.command, command_line)
    for plan in plans:
        require_same_file(path, plan, found.records)
    if here and {record.machine.fingerprint() for record in found.records} - {this_machine().fingerprint()}:
        raise UsageError(f"{path} was begun on another machine: go on there, {ANEW}")
    if here:
        for plan in plans:
            require_same_variables(path, plan, found)
    return found


def require_same_command(path: Path, begun_by: Sequence[str], command_line: Sequence[str]) -> None:
    """Raises UsageError unless the command that goes on is the one that has begun a report."""
    if _measuring(begun_by) != _measuring(command_line):
        raise UsageError(
            f"{path} was begun by another command, {shlex.join(begun_by)}: give the same options, or choose another "
            "--output"
        )


def as_begun(options: argparse.Namespace, sides: Sides, output: Path, *patterns: str) -> Sides:
    """Returns the sides. With --resume they read the package index as of the moment that the folder's reports name,
    unless --as-of names another. Raises UsageError if another command has begun one of these, FormatError, OSError.
    """
    command = options.command_line
    reports: list[GateRun | PairedRun] = [
        begun(GateRun, path, command, here=False)
        if path.name == GATE_FILE
        else begun(PairedRun, path, command, here=False)
        for path in (_reports(output, patterns) if options.resume else ())
    ]
    if not (reports and sides.as_of.present):
        return sides
    references = [run.reference for report in reports for run in paired_runs(report)]
    known = [*references, *(report.candidate for report in reports)]
    moment = min((side.as_of for side in known if side.as_of), default=sides.as_of.moment)
    return dataclasses.replace(sides, as_of=dataclasses.replace(sides.as_of, moment=moment))


def require_same(path: Path, stored: Side, side: Side) -> None:
    """Raises UsageError unless a side is the one that a report was begun with."""
    if (stored.identity, stored.variables) != (side.identity, side.variables):
        raise UsageError(f"{path} was begun with other packages for {side.requested}: {ANEW}")
    for package in other_builds(stored, side):
        raise UsageError(f"{path} was begun with another build of {package.name} {package.version}: {ANEW}")


def require_sides(path: Path, run: PairedRun, sides: Mapping[str, Side]) -> None:
    """Raises UsageError unless the sides of a run are the ones that it was begun with."""
    require_same(path, run.reference, sides[REFERENCE])
    require_same(path, run.candidate, sides[CANDIDATE])


def require_same_launches(path: Path, run: PairedRun, plans: Mapping[str, PairPlan]) -> None:
    """Raises UsageError where launches of a report had other blocks than those to come: another tfgate made them. Of a
    user's own model a block has as many units as its times allow.
    """
    for pair in whole_pairs(run):
        if not (plan := plans.get(pair.cores)):
            continue
        steps = pair.reference.subject.steps
        taken = len(pair.steps), len(pair.evaluations), steps
        asked = plan.blocks.quads, plan.blocks.evaluation_quads, steps if plan.plan.own else plan.plan.steps
        if taken != asked:
            raise UsageError(f"{path} was begun by a tfgate whose launches are others: {ANEW}")


def other_cpus(run: PairedRun) -> tuple[str, ...]:
    """Returns a warning where launches of a report ran on CPUs that this process may not use: a job that goes on may
    get others, which may be of another speed. An interpreter that keeps to some of this process' CPUs says nothing.
    """
    told = (record.environment for pair in run.pairs for record in (pair.reference, pair.candidate))
    used = {cpu for environment in told if environment for cpu in environment.affinity}
    if not used - {*affinity()}:
        return ()
    there, here = cpu_ranges(sorted(used)), cpu_ranges(affinity())
    return (f"the launches before --resume ran on other CPUs ({there}; then {here}), which may be of another speed",)


def require_same_file(path: Path, plan: Plan, records: Iterable[Record]) -> None:
    """Raises UsageError where a report was begun with another file of a user's own of that name."""
    known = {record.subject.fingerprint for record in records if record.subject.workload == plan.workload_name}
    if plan.fingerprint and known - {"", plan.fingerprint}:
        raise UsageError(f"{path} was begun with another {plan.workload_name}: {ANEW}")


def require_same_variables(path: Path, plan: Plan, run: GateRun | PairedRun) -> None:
    """Raises UsageError where a plan's processes would get other variables now than those of a report had on this
    machine. The shell's are no part of its command. With the same packages, oneDNN and threads follow from them.
    """
    parts: list[tuple[Sequence[Record], Side]] = []
    if isinstance(run, GateRun):
        parts.append((run.numbers.records, run.candidate))
    for paired in paired_runs(run):
        parts += [(paired.of(REFERENCE), paired.reference), (paired.of(CANDIDATE), paired.candidate)]
    ours = this_machine().fingerprint()
    for records, side in parts:
        measured = (one for one in records if one.subject.workload == plan.workload_name)
        told = [one.environment for one in measured if one.environment and one.machine.fingerprint() == ours]
        now = _variables(plan, side) if told else {}
        for environment in told:
            for field in unlike_variables(bearing(environment.variables), now):
                raise UsageError(
                    f"{path} was begun with other environment variables ({field.one or 'none'}; now "
                    f"{field.other or 'none'}): set them as they were, {ANEW}"
                )


def _variables(plan: Plan, side: Side) -> dict[str, str]:
    """Returns the variables that decide a measurement as a process of a side would get them now."""
    with held_folder() as home:
        return bearing(private_environment(home, plan.device, plan.environment(side.variables)))


def is_kept(output: Path, *patterns: str) -> bool:
    """Tells whether an --output folder holds a report: a file that one of the patterns finds."""
    return bool(_reports(output, patterns))


def _reports(output: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted(path for pattern in patterns for path in output.glob(pattern))


def kept(output: Path, *patterns: str, resumes: bool) -> str:
    """Returns what an interrupted command says of the files that it may have left in its --output folder, and how it
    goes on if it `resumes`.
    """
    if not is_kept(output, *patterns):
        return "interrupted: nothing was finished yet, and nothing is kept"
    option = shlex.join(("--output", str(output)))
    more = f": go on by the same command with --resume {option}" if resumes else ""
    return f"interrupted: what was finished is kept in {output}{more}"


def _measuring(words: Sequence[str]) -> list[list[str]]:
    """Returns a command's options by name, without those that say where it runs, where its report lies and how it is
    told. Of an option that is repeated the order stays: it says which run comes first.
    """
    groups: list[list[str]] = []
    for word in words_without(words, WITH_VALUE, ALONE):
        if word.startswith("--"):
            groups.append(word.split("=", 1))
        elif groups:
            groups[-1].append(word)
        else:
            groups.append([word])
    return sorted(groups, key=lambda group: group[0])
