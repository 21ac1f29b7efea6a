"""The plots of a subject: loss, perplexity against the reference's, step times, memory, lockstep differences."""

import itertools
import math
from collections.abc import Mapping, Sequence

from bench.judge.metrics import PERPLEXITY, is_trained
from bench.judge.perplexity import repeated, trainings
from bench.record.gate import GateRun
from bench.record.lockstep import QUANTITIES, Lockstep
from bench.record.paired import CANDIDATE, ONE_CORE, REFERENCE
from bench.record.types import Baseline
from bench.report.charts import Axis, Chart, Shape, as_percent, thinned
from bench.report.judged import Judged, SideLaunch
from bench.report.values import MEBIBYTE, Count, growth, mebibytes, percent

APART = 0.14  # of the two sides of one launch, on an axis where launches are 1 apart
MOST_LABELS = 12  # launches with their numbers below them
SIDES = ((REFERENCE, "reference ●"), (CANDIDATE, "candidate ■"))

Line = tuple[SideLaunch, tuple[tuple[float, float], ...], str]  # a launch, its points, and their tooltip
Mark = tuple[SideLaunch, Mapping[str, Sequence[float]], str]  # a launch, its heights by style, and their tooltip


def subject_figures(judged: Judged, launches: Sequence[SideLaunch]) -> list[Chart]:
    """Returns the plots that the launches of one subject have numbers for."""
    found = [_step_times(launches)] if launches[0].cores == ONE_CORE else _figures(judged, launches)
    return [chart for chart in found if chart and chart.shapes]


def lockstep_figure(result: Lockstep) -> Chart | None:
    """Returns the largest difference of each quantity by step; None without a step, or where all are bit-identical."""
    shapes: list[Shape] = []
    for number, quantity in enumerate(QUANTITIES):
        columns = [each.by_step for each in result.differences if each.quantity == quantity]
        largest = [max(0.0, *values) for values in itertools.zip_longest(*columns, fillvalue=0.0)]
        shapes += [Shape(f"series-{number}", tuple(enumerate(largest)), quantity)] if largest else []
    heights = [height for shape in shapes for _, height in shape.points]
    if not any(heights):
        return None
    top = max(filter(math.isfinite, heights), default=0.0) or 1.0  # where a departure that is Inf is drawn
    keys = [(shape.style, shape.title) for shape in shapes]
    if result.departure:
        first = result.departure.first
        title = f"{first.name} exceeds its limit of {first.limit:.1e} at step {first.step}"
        height = first.difference if math.isfinite(first.difference) else top
        shapes.append(Shape("departure", ((first.step, height),), title))
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


def _figures(judged: Judged, launches: Sequence[SideLaunch]) -> list[Chart | None]:
    """Returns the plots of launches on all cores; one without shapes has nothing to show."""
    subject = launches[0].record.subject
    baseline = judged.baselines.get(subject.name)
    if launches[0].in_turn or (baseline and baseline.subject != subject):
        # The other side's launches are what is compared with; or it is of something else: the judge refused it.
        baseline = None
    metrics = (one.metric for one in judged.verdict.comparisons if one.subject == subject.name)
    margins = (metric.margin for metric in metrics if metric.name == PERPLEXITY)
    timed_alone = isinstance(judged.run, GateRun) and launches[0].in_turn  # other launches tell the perplexity
    trained = [launch for launch in launches if is_trained(launch.record)]
    start = int(judged.window_start.get(subject.config, 0.0) * subject.steps)
    return [
        _losses(trained),
        None if timed_alone else _perplexities(trained, baseline, start, next(margins, None)),
        _step_times(launches),
        _memory(launches),
        _memory_by_step(launches),
    ]


def _losses(launches: Sequence[SideLaunch]) -> Chart:
    lines = [
        (launch, thinned([loss / launch.record.subject.num_steps for loss in launch.record.losses]), _named(launch))
        for launch in launches
    ]
    return _by_step("Loss", "Training loss of every launch, a line each.", "loss per token, nats", lines)


def _perplexities(
    launches: Sequence[SideLaunch], baseline: Baseline | None, start: int, margin: float | None
) -> Chart | None:
    """Returns running perplexity relative to the mean of the reference's trainings that is judged, and their range."""
    environments, candidates = _whole(launches, baseline)
    if not environments or not candidates:
        return None
    subject = launches[0].record.subject
    groups = [[_running(losses, start) for losses in group] for group in environments]
    reference, mean = list(itertools.chain.from_iterable(groups)), _mean(list(map(_mean, groups)))

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
        keys.append(("margin", f"margin {percent(margin, margin).replace('+', '±')}"))
    once = ", in which each environment counts once" if len(groups) > 1 else ""
    judged = " The mean of the lines at the last step is what is judged: single lines may cross the margin."
    return Chart(
        title="Running perplexity against the reference's",
        caption=f"Difference from the mean of the reference's trainings{once}.{judged if margin is not None else ''}",
        x_label="step",
        y_label="difference",
        shapes=tuple(shapes),
        keys=tuple(keys),
        unit="%",
    )


def _whole(
    launches: Sequence[SideLaunch], baseline: Baseline | None
) -> tuple[list[list[tuple[float, ...]]], list[SideLaunch]]:
    """Returns the losses of each of the reference's trainings by environment, as they are judged, and the candidate's
    launches; those of all steps.
    """
    if not launches:
        return [], []
    steps = launches[0].record.subject.steps
    groups = [[launch.record.losses for launch in launches if launch.side == REFERENCE]]
    if baseline:
        again = repeated([launch.record for launch in launches], baseline)
        groups = list(trainings(baseline, again if len(again) < len(launches) else ()).values())
    whole = ([losses for losses in group if len(losses) == steps] for group in groups)
    candidates = [launch for launch in launches if launch.side == CANDIDATE and len(launch.record.losses) == steps]
    return list(filter(None, whole)), candidates


def _mean(curves: Sequence[Sequence[float]]) -> list[float]:
    return [math.fsum(values) / len(values) for values in zip(*curves, strict=True)]


def _running(losses: Sequence[float], start: int) -> list[float]:
    """Returns the mean loss from step `start` on, by step."""
    totals = itertools.accumulate(losses[start:])
    return [total / count for count, total in enumerate(totals, 1)]


def _step_times(launches: Sequence[SideLaunch]) -> Chart:
    """Returns percentiles of each launch's steady steps (or blocks)."""
    marks: list[Mark] = []
    for launch in launches:
        if percentiles := launch.percentiles_ms:
            low, lower, middle, upper, high = percentiles
            drawn = {"whisker": (low, high), "box": (lower, upper), "dot": (middle,)}
            said = f"{_named(launch)}: median {middle:.2f} ms, 90% from {low:.2f} to {high:.2f}"
            marks.append((launch, drawn, said))
    caption = "Dot: median; bar: the middle half; line: 5th to 95th percentile."
    return _by_launch("Step time by launch", caption, "step time", marks, " ms")


def _memory(launches: Sequence[SideLaunch]) -> Chart:
    marks: list[Mark] = []
    for launch in launches:
        if memory := launch.record.memory:
            said = f"{mebibytes(memory.peak_rss_bytes)}, {growth(memory.slope_bytes_per_step)}"
            marks.append((launch, {"dot": (memory.peak_rss_bytes / MEBIBYTE,)}, f"{_named(launch)}: {said}"))
    caption = (
        "Highest resident memory of each launch's process, with the mapped files of TensorFlow, which the metric peak "
        "memory leaves out; its growth is in the table of launches."
    )
    return _by_launch("Memory by launch", caption, "peak resident memory", marks, " MiB")


def _memory_by_step(launches: Sequence[SideLaunch]) -> Chart:
    """Returns resident memory after each block of each launch in which it was read more than once."""
    lines: list[Line] = []
    for launch in launches:
        memory = launch.record.memory
        if memory and len(memory.steps) > 1:
            points = tuple(zip(memory.steps, (size / MEBIBYTE for size in memory.rss_bytes), strict=True))
            lines.append((launch, points, f"{_named(launch)}: {growth(memory.slope_bytes_per_step)}"))
    caption = "Resident memory of every launch after each of its blocks, a line each: a leak grows to the end."
    return _by_step("Memory over steps", caption, "resident memory", lines, " MiB")


def _by_step(title: str, caption: str, y_label: str, lines: Sequence[Line], unit: str = "") -> Chart:
    """Returns a plot with a line for each launch."""
    shapes = tuple(Shape(f"{launch.side} thin", points, said) for launch, points, said in lines)
    return Chart(title, caption, "step", y_label, shapes, _keys([launch for launch, *_ in lines]), unit)


def _by_launch(title: str, caption: str, y_label: str, marks: Sequence[Mark], unit: str) -> Chart:
    """Returns a plot with each launch's marks at its place."""
    among = [launch for launch, *_ in marks]
    shapes = tuple(
        Shape(f"{launch.side} {style}", tuple((_place(launch, among), height) for height in heights), said)
        for launch, drawn, said in marks
        for style, heights in drawn.items()
    )
    axis = _launch_axis(among) if among else None
    return Chart(title, caption, "launch", y_label, shapes, _keys(among), unit, x_axis=axis)


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
