"""Surveys made of numbers: releases with step times of their own, some that crash or can't be had."""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.judge.paired import judge_paired
from bench.judge.survey import Against, Chapter, LeftOutError, Surveyed, walk
from bench.judge.types import Comparison
from bench.record.files import write_record
from bench.record.paired import PairedRun, Side
from bench.record.survey import SURVEY_FILE, Survey
from bench.record.types import SCHEMA, Failure, Machine
from tests.builders.launches import on_both
from tests.builders.paired import pair, paired_run
from tests.builders.records import GATE_MARGINS

AS_OF = "2026-01-02T00:00:00Z"
CRASH = Failure("crashed", "the worker was killed by SIGKILL")
RELEASES = ("2.12.1", "2.13.1", "2.14.1", "2.15.1", "2.16.2", "2.17.1", "2.18.1", "2.19.1", "2.20.0", "2.21.0")


def survey(releases: Sequence[str] = RELEASES, fixed: str = "", **fields: object) -> Survey:
    """A survey of one plan that measured speed."""
    command = ("tfgate", "survey", "--from", releases[0], "--to", releases[-1], "--speed-only")
    asked = Survey(
        SCHEMA,
        "2026-01-02T03:04:05+00:00",
        command,
        tuple(releases),
        fixed or releases[0],
        ("notebook",),
        AS_OF,
        numerics=False,
        speed=True,
        left_out={},
    )
    return dataclasses.replace(asked, **fields)  # type: ignore[arg-type]  # by name


def run_of(reference: str, candidate: str, step: float, failure: Failure | None = None) -> PairedRun:
    """Ten launches of which the candidate's steps take exp(step) times as long; two that fail with a failure."""
    pairs = [pair(launch, step=step) for launch in range(10)]
    if failure:
        pairs = [pair(0, failure=failure)] * 2
    one, other = (Side(name, f"/envs/{name}/bin/python", {}, AS_OF) for name in (reference, candidate))
    return paired_run(pairs, reference=one, candidate=other)


def compared(reference: str, candidate: str, step: float, machine: Machine, **changes: Any) -> Against:
    """The same with its verdict, of launches on a machine."""
    run = run_of(reference, candidate, step)
    moved = (on_both(one, machine=machine) for one in run.pairs)
    run = dataclasses.replace(run, **{"pairs": tuple(moved)} | changes)
    return Against(run, judge_paired(run, GATE_MARGINS))


def surveyed(steps: Mapping[str, float], asked: Survey | None = None, crashing: Sequence[str] = ()) -> Surveyed:
    """A survey of releases by the logarithm of their step time; one without a step time was not measured."""
    asked = asked or survey(tuple(steps))
    return Surveyed(asked, tuple(Chapter(plan, walk(asked, Comparing(steps, asked, crashing))) for plan in asked.plans))


class Comparing:
    """Compares releases by their step times, and notes which it was asked for."""

    def __init__(self, steps: Mapping[str, float], asked: Survey, crashing: Sequence[str] = ()) -> None:
        self.steps, self.survey, self.crashing = steps, asked, crashing
        self.asked: list[tuple[str, str]] = []

    def __call__(self, reference: str, candidate: str) -> Against | None:
        if candidate in self.survey.left_out:
            raise LeftOutError(self.survey.left_out[candidate])
        self.asked.append((reference, candidate))
        if not {reference, candidate} <= self.steps.keys():
            return None
        failure = CRASH if candidate in self.crashing else None
        run = run_of(reference, candidate, self.steps[candidate] - self.steps[reference], failure)
        return Against(run, judge_paired(run, GATE_MARGINS))


def partly_failed() -> Surveyed:
    """Four releases: the third is slower than the second, and crashes in turn with the first."""
    asked, steps = survey("abcd"), {"a": 0.0, "b": 0.0, "c": 0.2, "d": 0.2}

    def compare(reference: str, candidate: str) -> Against | None:
        return Comparing(steps, asked, "c" if reference == "a" else "")(reference, candidate)

    return Surveyed(asked, (Chapter("notebook", walk(asked, compare)),))


def with_fixed(chapter: Chapter, change: Callable[[int, Comparison], Comparison]) -> Chapter:
    """The chapter with each comparison with the fixed reference changed, by its release's place."""
    rows = [
        dataclasses.replace(row, fixed=_changed(row.fixed, place, change)) if row.fixed else row
        for place, row in enumerate(chapter.rows)
    ]
    return dataclasses.replace(chapter, rows=tuple(rows))


def _changed(pair: Against, place: int, change: Callable[[int, Comparison], Comparison]) -> Against:
    changed = tuple(change(place, one) for one in pair.verdict.comparisons)
    return dataclasses.replace(pair, verdict=dataclasses.replace(pair.verdict, comparisons=changed))


def keep_survey(folder: Path, found: Surveyed) -> Path:
    """Writes a survey as the command does; the folder."""
    write_record(folder / SURVEY_FILE, found.survey, seal=True)
    for chapter in found.chapters:
        for one in {id(one): one for row in chapter.rows for one in (row.before, row.fixed) if one}.values():
            place = found.survey.plan_folder(one.reference, one.candidate, chapter.name)
            write_record(folder / place / "paired.json", one.run, seal=True)
    return folder


@functools.cache
def made() -> Surveyed:
    """2.14.1 can't be had, 2.16.2 crashes, 2.18.1 is 20% slower and 2.20.0 10% faster than before it."""
    levels = {"2.18.1": 1.2, "2.19.1": 1.2, "2.20.0": 1.08, "2.21.0": 1.08}
    asked = survey(left_out={"2.14.1": "'2.14.1' can't be resolved: there is no wheel"})
    return surveyed({release: math.log(levels.get(release, 1.0)) for release in RELEASES}, asked, ["2.16.2"])
