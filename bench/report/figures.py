"""The plots of a subject: loss, perplexity against the reference's, step times, memory, lockstep differences."""

import itertools
import math
from collections.abc import Sequence

from bench.judge.metrics import PERPLEXITY
from bench.record.gate import GateRun
from bench.record.lockstep import QUANTITIES, Lockstep
from bench.record.paired import CANDIDATE, ONE_CORE, REFERENCE
from bench.record.types import Baseline
from bench.report.charts import Axis, Chart, Shape, as_percent, thinned
from bench.report.judged import Judged, SideLaunch
from bench.report.values import MEBIBYTE, Count, growth, mebibytes

APART = 0.14  # of the two sides of one launch, on an axis where launches are 1 apart
MOST_LABELS = 12  # launches with their numbers below them
SIDES = ((REFERENCE, "reference ●"), (CANDIDATE, "candidate ■"))


def subject_figures(judged: Judged, launches: Sequence[SideLaunch]) -> list[Chart]:
    """Returns the plots that the launches of one subject have numbers for."""
    if launches[0].cores == ONE_CORE:
        return [chart for chart in (_step_times(launches),) if chart]
    subject = launches[0].record.subject
    baseline = judged.baselines.get(subject.name)
    if launches[0].in_turn or (baseline and baseline.subject != subject):
        # The other side's launches are what is compared with; or it is of something else: the judge refused it.
        baseline = None
    metrics = (one.metric for one in judged.verdict.comparisons if one.subject == subject.name)
    margins = (metric.margin for metric in metrics if metric.name == PERPLEXITY)
    timed_alone = isinstance(judged.run, GateRun) and launches[0].in_turn  # other launches tell the perplexity
    trained = [launch for launch in launches if launch.record.losses and not launch.record.failure]
    trained = trained if subject.tells(PERPLEXITY) else []
    start = int(judged.window_start.get(subject.config, 0.0) * subject.steps)
    found = [
        _losses(trained),
        None if timed_alone else _perplexities(trained, baseline, start, next(margins, None)),
        _step_times(launches),
        _memory(launches),
        _memory_by_step(launches),
    ]
    return [each for each in found if each]


def lockstep_figure(result: Lockstep) -> Chart | None:
    """Returns the largest difference of each quantity by step; None without a step, or where all are bit-identical."""
    largest: dict[str, list[float]] = {}
    for each in result.differences:
        so_far = largest.get(each.quantity, ())
        pairs = itertools.zip_longest(so_far, each.by_step, fillvalue=0.0)
        largest[each.quantity] = list(map(max, pairs))
    shown = [quantity for quantity in QUANTITIES if largest.get(quantity)]
    if not any(any(largest[quantity]) for quantity in shown):
        return None
    style = {quantity: f"series-{number}" for number, quantity in enumerate(QUANTITIES)}
    shapes = [Shape(style[quantity], tuple(enumerate(largest[quantity])), quantity) for quantity in shown]
    keys = [(style[quantity], quantity) for quantity in shown]
    if result.departure:
        first = result.departure.first
        title = f"{first.name} exceeds its limit of {first.limit:.1e} at step {first.step}"
        shapes.append(Shape("departure", ((first.step, first.difference),), title))
        keys.append(("departure", f"◆ {title}"))
    return Chart(
        title="Lockstep: differences by step",
        caption="Largest difference of each quantity, relative to the reference's; bit-identical steps have none. "
        "Both sides start every step from the same weights.",
        x_label="step",
        y_label="difference",
        shapes=tuple(shapes),
        keys=tuple(keys),
        logarithmic=True,
    )


def _losses(launches: Sequence[SideLaunch]) -> Chart | None:
    if not launches:
        return None
    shapes = tuple(
        Shape(
            f"{launch.side} thin",
            thinned([loss / launch.record.subject.num_steps for loss in launch.record.losses]),
            _named(launch),
        )
        for launch in launches
    )
    caption = "Training loss of every launch, a line each."
    return Chart("Loss", caption, "step", "loss per token, nats", shapes, _keys(launches))


def _perplexities(
    launches: Sequence[SideLaunch], baseline: Baseline | None, start: int, margin: float | None
) -> Chart | None:
    """Returns running perplexity relative to the mean of the reference's trainings, and the range of those."""
    trainings, candidates = _whole(launches, baseline)
    if not trainings or not candidates:
        return None
    subject = launches[0].record.subject
    reference = [_running(losses, start) for losses in trainings]
    mean = [math.fsum(values) / len(values) for values in zip(*reference, strict=True)]

    def relative(curve: Sequence[float]) -> tuple[tuple[float, float], ...]:
        return thinned(
            [as_percent((value - middle) / subject.num_steps) for value, middle in zip(curve, mean, strict=True)], start
        )

    low, high = (relative([choose(values) for values in zip(*reference, strict=True)]) for choose in (min, max))
    count = f"{Count(len(reference)):reference training}"
    shapes = [Shape("envelope", low + high[::-1], f"between the lowest and the highest of {count}", closed=True)]
    shapes += [
        Shape("candidate thin", relative(_running(launch.record.losses, start)), _named(launch))
        for launch in candidates
    ]
    keys = [("envelope", f"{count}: spread by rounding alone"), ("candidate thin", "candidate, a line a launch")]
    if margin is not None:
        ends = (low[0][0], low[-1][0])
        shapes += [
            Shape("margin", tuple((x, as_percent(limit)) for x in ends), "margin") for limit in (margin, -margin)
        ]
        keys.append(("margin", f"margin ±{as_percent(margin):.1f}%"))
    judged = "The last step is what is judged."
    if launches[0].in_turn:
        judged = "The mean of the lines at the last step is what is judged: single lines may cross the margin."
    caption = f"Difference from the mean of the reference's trainings. {judged}"
    title = "Running perplexity against the reference's"
    return Chart(title, caption, "step", "difference", tuple(shapes), tuple(keys), unit="%")


def _whole(
    launches: Sequence[SideLaunch], baseline: Baseline | None
) -> tuple[list[tuple[float, ...]], list[SideLaunch]]:
    """Returns the losses of each of the reference's trainings, and the candidate's launches; those of all steps."""
    if not launches:
        return [], []
    steps = launches[0].record.subject.steps
    trainings = {replica.losses for replica in baseline.replicas} if baseline else set()
    trainings |= {launch.record.losses for launch in launches if launch.side == REFERENCE}
    candidates = [launch for launch in launches if launch.side == CANDIDATE and len(launch.record.losses) == steps]
    return sorted(losses for losses in trainings if len(losses) == steps), candidates


def _running(losses: Sequence[float], start: int) -> list[float]:
    """Returns the mean loss from step `start` on, by step."""
    totals = itertools.accumulate(losses[start:])
    return [total / count for count, total in enumerate(totals, 1)]


def _step_times(launches: Sequence[SideLaunch]) -> Chart | None:
    """Returns percentiles of each launch's steady steps (or blocks)."""
    timed = [launch for launch in launches if launch.percentiles_ms]
    if not timed:
        return None
    shapes = []
    for launch in timed:
        low, lower, middle, upper, high = launch.percentiles_ms
        x = _place(launch, timed)
        title = f"{_named(launch)}: median {middle:.2f} ms, 90% from {low:.2f} to {high:.2f}"
        shapes += [
            Shape(f"{launch.side} whisker", ((x, low), (x, high)), title),
            Shape(f"{launch.side} box", ((x, lower), (x, upper)), title),
            Shape(f"{launch.side} dot", ((x, middle),), title),
        ]
    caption = "Dot: median; bar: the middle half; line: 5th to 95th percentile."
    return Chart(
        "Step time by launch",
        caption,
        "launch",
        "step time",
        tuple(shapes),
        _keys(timed),
        " ms",
        x_axis=_launch_axis(timed),
    )


def _memory(launches: Sequence[SideLaunch]) -> Chart | None:
    held = [(launch, memory) for launch in launches if (memory := launch.record.memory)]
    if not held:
        return None
    axis = _launch_axis([launch for launch, _ in held])
    shapes, keys = [], _keys([launch for launch, _ in held])
    for launch, memory in held:
        peak = memory.peak_rss_bytes / MEBIBYTE
        said = f"{mebibytes(memory.peak_rss_bytes)}, {growth(memory.slope_bytes_per_step)}"
        title = f"{_named(launch)}: {said}"
        shapes.append(Shape(f"{launch.side} dot", ((_place(launch, launches), peak),), title))
    caption = (
        "Highest resident memory of each launch's process, with the mapped files of TensorFlow, which the metric peak "
        "memory leaves out; its growth is in the table of launches."
    )
    return Chart(
        "Memory by launch", caption, "launch", "peak resident memory", tuple(shapes), keys, " MiB", x_axis=axis
    )


def _memory_by_step(launches: Sequence[SideLaunch]) -> Chart | None:
    """Returns resident memory after each block of each launch; None where it was read less than twice."""
    held = [(launch, memory) for launch in launches if (memory := launch.record.memory) and len(memory.steps) > 1]
    if not held:
        return None
    shapes = tuple(
        Shape(
            f"{launch.side} thin",
            tuple((step, size / MEBIBYTE) for step, size in zip(memory.steps, memory.rss_bytes, strict=True)),
            f"{_named(launch)}: {growth(memory.slope_bytes_per_step)}",
        )
        for launch, memory in held
    )
    caption = "Resident memory of every launch after each of its blocks, a line each: a leak grows to the end."
    return Chart(
        "Memory over steps", caption, "step", "resident memory", shapes, _keys([launch for launch, _ in held]), " MiB"
    )


def _named(launch: SideLaunch) -> str:
    return f"{launch.side}, launch {launch.launch + 1}"


def _place(launch: SideLaunch, among: Sequence[SideLaunch]) -> float:
    """Returns where a launch stands: its number, a little aside if the other side has one, too."""
    both = len({each.side for each in among}) > 1
    return launch.launch + 1 + (APART * (1 if launch.side == CANDIDATE else -1) if both else 0.0)


def _launch_axis(launches: Sequence[SideLaunch]) -> Axis:
    numbers = sorted({launch.launch + 1 for launch in launches})
    every = math.ceil(len(numbers) / MOST_LABELS)
    return Axis(numbers[0] - 0.5, numbers[-1] + 0.5, tuple((number, str(number)) for number in numbers[::every]))


def _keys(launches: Sequence[SideLaunch]) -> tuple[tuple[str, str], ...]:
    sides = {launch.side for launch in launches}
    return tuple((side, label) for side, label in SIDES if side in sides) if len(sides) > 1 else ()
