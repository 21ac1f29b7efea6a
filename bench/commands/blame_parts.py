"""The parts of two sides' difference that `tfgate blame` measures: which they are, and what is measured of each."""

import dataclasses
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from bench.commands.growing import Growing, Measure
from bench.commands.messages import say
from bench.commands.sides import keras_in_use
from bench.commands.usage import UsageError
from bench.drive.inspection import imported
from bench.drive.lockfile import tensorflow_of
from bench.drive.mixed import differing, in_places
from bench.judge.blame import ONEDNN, SWITCHES, THREADS, Part, joined
from bench.judge.metrics import ONE_CORE_STEP_TIME
from bench.record.paired import CANDIDATE, REFERENCE, Side

WHOLE = "all"  # the candidate, which has all packages at once


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
        return self.report.run.launches if self.report.run else 0

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
) -> tuple[Part, list[Part], list[str], list[str]]:
    """Returns the whole, the packages with the pairs behind them, the switches, and a line on each thing left out.

    The parts are those `asked` for, and the members of pairs; or all that may matter, and TensorFlow with Keras. Raises
    UsageError.
    """
    found, switches = differing(sides[REFERENCE], sides[CANDIDATE]), _possible_switches(measure)
    names = [one.name for one in found]
    known = [*names, *switches]
    pairs = [_pair(text, names) for text in asked if "+" in text]
    for name in asked:
        if "+" not in name and name not in known:
            raise UsageError(f"--part {name}: the sides don't differ in it; name one of {', '.join(known)}")
    wanted = {*asked, *itertools.chain(*pairs)} if asked else {*switches, *_imported(sides)}
    pairs = list(dict.fromkeys(pairs)) if asked else _usual_pair(sides, [name for name in names if name in wanted])
    for name in names:
        if sum(name in pair for pair in pairs) > 1:
            raise UsageError(f"--part: {name} is in two pairs: name one pair at most for each package")
    why = "not asked for" if asked else "TensorFlow doesn't import it"
    out = [f"{one.name} {one.reference} and {one.candidate}: {why}" for one in found if one.name not in wanted]
    packages = [Part(one.name, (one.reference, one.candidate)) for one in found if one.name in wanted]
    whole = Part(WHOLE)
    if pairs and _is_all(sides, names, pairs[0]):
        whole = Part(WHOLE, members=pairs[0])
        out.append(f"{whole.title}: nothing else differs, so that it is the row {WHOLE!r}")
    else:
        packages += [Part(joined(pair), members=pair) for pair in pairs]
    return whole, packages, [name for name in switches if name in wanted], [*_lone(sides, wanted), *out]


def _pair(text: str, names: Sequence[str]) -> tuple[str, ...]:
    """Returns the members of a pair that is asked for, in the packages' order. Raises UsageError."""
    asked = text.split("+")
    pair = tuple(name for name in names if name in asked)
    if len(pair) != 2 or len(asked) != 2:
        raise UsageError(f"--part {text}: a pair is two packages in which the sides differ, of {', '.join(names)}")
    return pair


def _usual_pair(sides: Mapping[str, Side], names: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns TensorFlow with Keras, where both are among these packages."""
    reference = sides[REFERENCE]
    both = tensorflow_of(reference.packages), keras_in_use(reference)
    pair = tuple(one.name for one in both if one and one.name in names)
    return [pair] if len(pair) == 2 else []


def _is_all(sides: Mapping[str, Side], names: Sequence[str], pair: Sequence[str]) -> bool:
    """Tells whether the sides differ in nothing but a pair of the packages that do."""
    reference, candidate = sides[REFERENCE], sides[CANDIDATE]
    ours, theirs = {package.name for package in reference.packages}, {*in_places(reference, candidate)}
    return {*names} == {*pair} and ours == theirs and reference.variables == candidate.variables


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
    ours, theirs = {package.name for package in reference.packages}, {*in_places(reference, candidate)}
    if alone := sorted((theirs - ours).intersection(wanted)):
        yield f"{', '.join(alone)}, which the candidate alone has: measured with what requires it"
    if alone := sorted((ours - theirs).intersection(wanted)):
        yield f"{', '.join(alone)}, which the reference alone has: in every part's environment"
    if reference.variables != candidate.variables:
        yield "the candidate's environment variables: parts have the reference's"
