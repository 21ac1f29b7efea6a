"""Thins a survey's comparisons for publication: what is neither judged nor shown on its page is left out.

python -m experiments.publish FOLDER, in place: copy the folder first to keep everything. A comparison that isn't over
stays as it is, and so a survey that was interrupted can be thinned and resumed. One that would be judged otherwise is
refused.
"""

import argparse
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from bench.commands.stored import baselines_folder, read_folder
from bench.commands.verdicts import judged
from bench.drive.paired import PAIRED_FILE
from bench.judge.gate import Standards
from bench.judge.metrics import PERPLEXITY
from bench.judge.types import Comparison, Verdict
from bench.record.files import read_record, write_record
from bench.record.lockstep import Lockstep
from bench.record.paired import ALL_CORES, Pair, PairedRun, Quad, Side
from bench.record.types import FITTED_LOSS, Record
from bench.report.sentences import sentence

DIGITS = 7  # of times
NEAR = 1e-5  # by which a bound may move, on its metric's scale
SAID = (
    f"published thinned: without the times of single steps, memory by step, losses that no metric reads, lockstep's "
    f"differences by step, and packages' hashes; times have {DIGITS} digits"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Thins what is below a folder. Raises ValueError for a comparison that would be judged otherwise."""
    parser = argparse.ArgumentParser(prog="python -m experiments.publish", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    options = parser.parse_args(arguments)
    standards = read_folder(baselines_folder(None))
    for path in sorted(options.folder.rglob(PAIRED_FILE)):
        thin(path, standards)


def thin(path: Path, standards: Standards) -> None:
    """Replaces a comparison that is over by its thinned form. Raises ValueError if that would be judged otherwise."""
    run = read_record(PairedRun, path)
    if run.incomplete or SAID in run.warnings:
        return
    verdict, thinner = judged(run, standards).verdict, thinned(run)
    told = judged(thinner, standards).verdict.warnings
    lost = [sentence(one) for one in verdict.warnings if one not in told]  # they are told by what is left out
    thinner = dataclasses.replace(thinner, warnings=(*run.warnings, *lost, SAID))
    if not _alike(verdict, judged(thinner, standards).verdict):
        raise ValueError(f"{path}: thinned, it would be judged otherwise")
    write_record(path, thinner, replace=True, seal=True)


def thinned(run: PairedRun) -> PairedRun:
    """Returns a run without what is neither judged nor shown on a survey's page."""
    return dataclasses.replace(
        run,
        reference=_side(run.reference),
        candidate=_side(run.candidate),
        pairs=tuple(map(_pair, run.pairs)),
        oracle=tuple(map(_record, run.oracle)),
        lockstep=_lockstep(run.lockstep) if run.lockstep else None,
        warnings=(*run.warnings, SAID),
    )


def _side(side: Side) -> Side:
    packages = tuple(dataclasses.replace(package, hashes=()) for package in side.packages)
    return dataclasses.replace(side, interpreter=side.interpreter.replace(str(Path.home()), "~", 1), packages=packages)


def _pair(pair: Pair) -> Pair:
    told = pair.cores == ALL_CORES and any(map(pair.reference.subject.tells, (PERPLEXITY, FITTED_LOSS)))
    return dataclasses.replace(
        pair,
        reference=_record(pair.reference, losses=told),
        candidate=_record(pair.candidate, losses=told),
        steps=tuple(map(_quad, pair.steps)),
        evaluations=tuple(map(_quad, pair.evaluations)),
    )


def _record(record: Record, *, losses: bool = False) -> Record:
    memory = dataclasses.replace(record.memory, steps=(), rss_bytes=()) if record.memory else None
    kept = record.losses if losses else ()
    return dataclasses.replace(record, losses=kept, step_seconds=(), memory=memory)


def _quad(quad: Quad) -> Quad:
    return Quad(quad.order, _rounded(quad.seconds), _rounded(quad.cpu_seconds))


def _lockstep(found: Lockstep) -> Lockstep:
    differences = tuple(dataclasses.replace(one, by_step=()) for one in found.differences)
    return dataclasses.replace(found, differences=differences)


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(f"{value:.{DIGITS}g}") for value in values)


def _alike(one: Verdict, other: Verdict) -> bool:
    """Tells whether two verdicts say the same, with bounds NEAR each other. The other may say that it is thinned."""
    same = one.outcome is other.outcome and len(one.comparisons) == len(other.comparisons)
    same &= {*map(sentence, one.warnings), SAID} == {*map(sentence, other.warnings), SAID}
    return same and all(map(_alike_comparisons, one.comparisons, other.comparisons))


def _alike_comparisons(one: Comparison, other: Comparison) -> bool:
    unlike = [(each.subject, each.metric, each.outcome, each.improved, type(each.reason)) for each in (one, other)]
    if unlike[0] != unlike[1] or (one.interval is None) != (other.interval is None):
        return False
    bounds = [dataclasses.astuple(each.interval) if each.interval else () for each in (one, other)]
    return all(math.isclose(*each, rel_tol=NEAR, abs_tol=NEAR) for each in zip(*bounds, strict=True))


if __name__ == "__main__":
    main()
