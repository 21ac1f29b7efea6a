"""The commands that measure a report's metrics alone again."""

import dataclasses
import itertools
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.judge.metrics import GPU_MEMORY, NAMES, ONE_CORE_STEP_TIME, PERPLEXITY, STEP_TIMES
from bench.judge.reports import paired_runs
from bench.record.gate import GateRun
from bench.record.paired import PairedRun, Side
from bench.record.types import DEFAULT_WORKLOAD, Record, Run
from bench.report.judged import AnyRun, measured

NUMBERS = ("numerics", "retraces", PERPLEXITY)
SPEED_ONLY = ("retraces", "graph operations")
NUMERICS_ONLY = ("numerics", "lockstep")


@dataclasses.dataclass(frozen=True)
class Again:
    """A command that measures some metrics of a subject again."""

    subject: str
    metrics: tuple[str, ...]
    words: tuple[str, ...]  # of the command line
    named: str = ""  # the metric that the command names by --metric

    @property
    def command(self) -> str:
        """Returns the command line, quoted for a shell."""
        return shlex.join(("tfgate", *self.words, *(("--metric", self.named) if self.named else ())))


def again(report: AnyRun, options: Sequence[str] = ()) -> list[Again]:
    """Returns a command, with further options, for all that has one of its own; none for a run of one environment."""
    found = list(_of_gate(report)) if isinstance(report, GateRun) else []
    for run in paired_runs(report):
        found += _of_pairs(run, alone=isinstance(report, PairedRun))
    return [dataclasses.replace(each, words=(*each.words, *options)) for each in found]


def again_text(report: AnyRun, options: Sequence[str] = ()) -> str:
    """Returns the commands for a terminal; those that differ in the metric alone are one line."""
    lines = []
    for each in again(report, options):
        whole = shlex.join(("tfgate", *each.words))
        lines.append(f"  {whole} --metric NAME" if each.named else f"  {whole}  ({', '.join(each.metrics)})")
    return "\n".join(["To measure a metric alone again:", *dict.fromkeys(lines)]) if lines else ""


def _of_gate(report: GateRun) -> Iterator[Again]:
    candidate = report.candidate
    words = ("gate", "--no-speed", "--to", candidate.interpreter, *_variables("--to-env", candidate))
    for record in _firsts(report.numbers):
        yield Again(record.subject.name, NUMBERS, (*words, *_options(record, report.command)))


def _of_pairs(run: PairedRun, *, alone: bool) -> Iterator[Again]:
    """Yields the commands of launches in turn; `alone`: they are no part of a gate, which judges numbers otherwise."""
    sides = ("--from", run.reference.requested, "--to", run.candidate.requested)
    variables = (*_variables("--from-env", run.reference), *_variables("--to-env", run.candidate))
    words = (*sides, *variables, *_building(run))
    judged = () if run.margin is None else ("--margin", f"{run.margin:g}")  # of step times alone
    for record in _firsts(run):
        subject, chosen = record.subject.name, ("upgrade", *words, *_options(record, run.command))
        yield Again(subject, SPEED_ONLY, (*chosen, *judged, "--speed-only"))
        if alone:
            yield Again(subject, NUMERICS_ONLY, (*chosen, "--numerics-only"))
        untold = ONE_CORE_STEP_TIME if record.subject.device.startswith("gpu") else GPU_MEMORY
        for name in filter(record.subject.tells, NAMES):
            if name != untold and (alone or name != PERPLEXITY):
                yield Again(subject, (name,), (*chosen, *(judged if name in STEP_TIMES else ())), named=name)


def _variables(option: str, side: Side) -> tuple[str, ...]:
    return tuple(word for name, value in sorted(side.variables.items()) for word in (option, f"{name}={value}"))


def _building(run: PairedRun) -> tuple[str, ...]:
    """Returns the options by which both sides' environments come out as they were."""
    moments = [side.as_of for side in (run.reference, run.candidate) if side.as_of]
    asked, python = (_given(run.command, option)[-1] for option in ("--as-of", "--python-version"))
    given = (
        ("--as-of", "release" if asked == "release" else min(moments, default="")),
        ("--python-version", python),
    )
    return tuple(word for option, value in given if moments and value for word in (option, value))


def _given(command: Sequence[str], option: str) -> list[str]:
    """Returns "", then the values that a command line gives an option, as the next word or after a "="."""
    apart = [value for word, value in itertools.pairwise(command) if word == option]
    return ["", *apart, *(word.removeprefix(f"{option}=") for word in command if word.startswith(f"{option}="))]


def _firsts(run: Run | PairedRun) -> list[Record]:
    """Returns the first record of each subject."""
    found: dict[str, Record] = {}
    for launch in measured(run):
        found.setdefault(launch.record.subject.name, launch.record)
    return list(found.values())


def _options(record: Record, command: Sequence[str]) -> tuple[str, ...]:
    """Returns the options that name what a launch trained, without those that have the command line's own defaults.

    What a record doesn't hold, the paths of a corpus and of a user's own model, is that of the command.
    """
    subject, threads = record.subject, record.environment.threads if record.environment else record.machine.cores
    paths = {Path(word).name: word for word in _given(command, "--workload")} if subject.own else {}
    corpus_path = _given(command, "--corpus-path")[-1] if subject.corpus else ""
    given = (
        ("--workload", paths.get(subject.workload, subject.workload), DEFAULT_WORKLOAD),
        ("--corpus", subject.corpus, "synthetic"),
        ("--corpus-path", corpus_path, ""),
        ("--implementation", subject.implementation, "cells"),
        ("--device", subject.device, "cpu:0"),
        ("--threads", str(threads), str(record.machine.cores)),
    )
    chosen = (word for name, value, usual in given if value not in ("", usual) for word in (name, value))
    return tuple(chosen) if subject.own else ("--config", subject.config, *chosen)
