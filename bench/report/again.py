"""The commands that measure a report's metrics alone again."""

import shlex

from bench.judge.paired_metrics import GATING
from bench.judge.reports import paired_runs
from bench.record.gate import GateRun
from bench.record.paired import PairedRun, Side
from bench.record.types import Record, Run
from bench.report.judged import measured

NUMBERS = "numerics, retraces, perplexity"


def again(report: Run | PairedRun | GateRun) -> list[tuple[str, str, str]]:
    """(subject, metric, command) of everything in a report that has a command of its own; none for a run of one environment."""
    found = []
    if isinstance(report, GateRun):
        words: tuple[str, ...] = (
            "gate",
            "--no-speed",
            "--to",
            report.candidate.interpreter,
            *_variables("--to-env", report.candidate),
        )
        found += [
            (record.subject.name, NUMBERS, _command(*words, *_options(record))) for record in _firsts(report.numbers)
        ]
    for run in paired_runs(report):
        for record in _firsts(run):
            subject, words = record.subject, ("upgrade", *_sides(run), *_options(record))
            found.append((subject.name, "retraces, graph operations", _command(*words, "--speed-only")))
            if isinstance(report, PairedRun):
                found.append((subject.name, "numerics, lockstep", _command(*words, "--numerics-only")))
            measurable = [name for name in GATING if isinstance(report, PairedRun) or name != "perplexity"]
            found += [(subject.name, name, _command(*words, "--metric", name)) for name in measurable]
    return found


def again_text(report: Run | PairedRun | GateRun) -> str:
    """The commands for a terminal, those of one subject that differ in the metric alone as one line."""
    lines = []
    for _, metric, command in again(report):
        head, separator, _ = command.partition(" --metric ")
        lines.append(f"  {head} --metric NAME" if separator else f"  {command}  ({metric})")
    return "\n".join(["To measure a metric alone again:", *dict.fromkeys(lines)]) if lines else ""


def _sides(run: PairedRun) -> tuple[str, ...]:
    reference, candidate = run.reference, run.candidate
    sides = ("--from", reference.requested, "--to", candidate.requested)
    return (*sides, *_variables("--from-env", reference), *_variables("--to-env", candidate))


def _variables(option: str, side: Side) -> tuple[str, ...]:
    return tuple(word for name, value in sorted(side.variables.items()) for word in (option, f"{name}={value}"))


def _firsts(run: Run | PairedRun) -> list[Record]:
    """The first record of each subject."""
    found: dict[str, Record] = {}
    for launch in measured(run):
        found.setdefault(launch.record.subject.name, launch.record)
    return list(found.values())


def _options(record: Record) -> tuple[str, ...]:
    """The options that name what a launch trained; those with the command line's own defaults are left out."""
    subject, threads = record.subject, record.environment.threads if record.environment else record.machine.cores
    given = (
        ("--corpus", subject.corpus, "synthetic"),
        ("--implementation", subject.implementation, "cells"),
        ("--device", subject.device, "cpu:0"),
        ("--threads", str(threads), str(record.machine.cores)),
    )
    return (
        "--config",
        subject.config,
        *(word for name, value, usual in given if value != usual for word in (name, value)),
    )


def _command(*words: str) -> str:
    return shlex.join(("tfgate", *words))
