"""The parts of two sides' difference that `tfgate blame` measures: which they are, and what is measured of each."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from bench.commands.growing import Growing, Measure
from bench.commands.messages import say
from bench.commands.usage import UsageError
from bench.drive.inspection import imported
from bench.drive.mixed import Differing, differing
from bench.judge.blame import ONEDNN, SWITCHES, THREADS, Part
from bench.judge.metrics import ONE_CORE_STEP_TIME
from bench.record.paired import CANDIDATE, REFERENCE, Side


@dataclasses.dataclass
class Row:
    """The candidate, or a part of its difference: how it is measured, and what came of it."""

    part: Part
    measure: Measure
    sides: Mapping[str, Side]
    report: Growing

    @property
    def launches(self) -> int:
        """Returns how many launches it has; of numbers, 1 once they are compared."""
        if self.measure.numbers:
            return int(self.report.compared)
        return len({pair.launch for pair in self.report.run.pairs}) if self.report.run else 0

    @property
    def told(self) -> Part:
        """Returns the part with what was measured."""
        return dataclasses.replace(self.part, run=self.report.run)


def turns(rows: Sequence[Row], launches: int) -> Iterator[Row]:
    """Yields the rows in turn until each has so many launches, or can't be measured."""
    for turn in range(launches):
        for row in rows:
            if not row.part.problem and row.launches <= turn:
                yield row


def chosen(
    measure: Measure, sides: Mapping[str, Side], asked: Sequence[str]
) -> tuple[list[Differing], list[str], list[str]]:
    """Returns the packages and the switches that are measured, and a line on each thing that is left out.

    They are those `asked` for, or all that may matter. Raises UsageError.
    """
    found, switches = differing(sides[REFERENCE], sides[CANDIDATE]), _possible_switches(measure)
    names = [*(one.name for one in found), *switches]
    for name in asked:
        if name not in names:
            raise UsageError(f"--part {name}: the sides don't differ in it; name one of {', '.join(names)}")
    wanted = set(asked) or {*switches, *_imported(sides)}
    why = "not asked for" if asked else "TensorFlow doesn't import it"
    out = [f"{one.name} {one.reference} and {one.candidate}: {why}" for one in found if one.name not in wanted]
    packages = [one for one in found if one.name in wanted]
    return packages, [name for name in switches if name in wanted], [*_lone(sides, wanted), *out]


def _possible_switches(measure: Measure) -> list[str]:
    on_one = measure.metric == ONE_CORE_STEP_TIME or measure.plan.threads == 1
    senseless = {ONEDNN: measure.plan.device.startswith("gpu"), THREADS: on_one}
    return [name for name in SWITCHES if not senseless[name]]


def _imported(sides: Mapping[str, Side]) -> set[str]:
    """Returns the packages that either side's TensorFlow imports."""
    say("asking which packages TensorFlow imports")
    return {name for side in sides.values() for name in imported(side.interpreter, side.variables)}


def _lone(sides: Mapping[str, Side], wanted: Collection[str]) -> Iterator[str]:
    """Yields a line on what else the sides don't share: packages that one has alone, and variables."""
    reference, candidate = sides[REFERENCE], sides[CANDIDATE]
    ours, theirs = ({package.name for package in side.packages} for side in (reference, candidate))
    if alone := sorted((theirs - ours).intersection(wanted)):
        yield f"{', '.join(alone)}, which the candidate alone has: measured with what requires it"
    if alone := sorted((ours - theirs).intersection(wanted)):
        yield f"{', '.join(alone)}, which the reference alone has: in every part's environment"
    if reference.variables != candidate.variables:
        yield "the candidate's environment variables: parts have the reference's"
