"""A verdict on one screen: what it says, a line for each metric that was judged, and what else was measured."""

import itertools
import shlex
import textwrap
from collections.abc import Iterator, Sequence

from bench.judge.reasons import Decided
from bench.judge.types import Comparison, Direction, Verdict
from bench.report import values
from bench.report.headlines import UNNAMED, Names
from bench.report.judged import by_subject, severity
from bench.report.lines import one_line
from bench.report.next_steps import Step
from bench.report.precision import seen
from bench.report.sentences import sentence, why, with_reason
from bench.report.strip import PLOT_LEGEND, reach, strip
from bench.report.text import LEAST_WHY_WIDTH, WIDTH, below_subjects, first_line, padded, with_command, wrapped
from bench.report.values import Count
from bench.stats.outcome import Outcome

LEFT = ("metric", "outcome", "candidate / reference")
CHANGE, BOUND, MARGIN, PLOT = RIGHT = ("change", "bound", "margin", "in margins")
PLOT_WIDTHS = range(25, 10, -2)  # odd numbers
# As a terminal gets narrower, the plot does, then columns give way: how many stand on the left, and which on the right.
LAYOUTS = ((3, RIGHT), (2, RIGHT), (2, (CHANGE, BOUND, PLOT)), (2, (CHANGE, BOUND)))
GAP = "  "
MOST_UNDECIDED, MOST_WARNINGS, MOST_LETTERS = 3, 3, 60  # of sentences, of warnings, of what is said of a metric
DECIDES = "what decides: the 95% CI; for a PASS{} the 90% CI, whose upper end is the 95% bound"
NOT_BETTER = " that isn't better"
OR_FEW = " and for *"
FEW = "*"
FEW_LAUNCHES = "* within the margin, but so few launches may have missed a slow mode"
MORE = "In full"


def brief_text(
    verdict: Verdict,
    width: int = WIDTH,
    *,
    colour: bool = False,
    names: Names = UNNAMED,
    steps: Sequence[Step] = (),
    check: Sequence[str] = ("REPORT",),
) -> str:
    """Returns the headline, what is worse, the metrics that were judged, the others, then failures and warnings; at
    last the commands that go on, and that which prints more: `check` are its report and further options.
    """
    first = first_line(verdict, width, colour=colour, names=names)
    commands = [*steps, (MORE, shlex.join(("tfgate", "check", *check, "--verbose")))]
    blocks = (
        [first, *(wrapped(line, width, GAP) for line in _told(verdict))],
        _judged(verdict, width),
        [wrapped(line, width) for line in _not_gated(verdict.comparisons)],
        [
            *(wrapped(line, width) for line in _notes(verdict)),
            *(line for command in commands for line in with_command(*command, width)),
        ],
    )
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _told(verdict: Verdict) -> list[str]:
    """Returns the sentences that no row can hold: of every REGRESSION, of the first that are undecided, and of those
    that the ledger lets pass; then how many of the other changes it shifts.
    """
    decisive = _decisive(verdict)
    more = len(verdict.decisive) - len(decisive)
    let_pass = [one for one in verdict.comparisons if one.accepted]
    lines = list(map(with_reason, (*decisive, *let_pass)))
    lines += [f"and {more} more"] if more else []
    return lines + list(_shifted(verdict.comparisons, decisive))


def _shifted(comparisons: Sequence[Comparison], told: Sequence[Comparison]) -> Iterator[str]:
    """Yields a line for each subject whose changes, but for those told, are measured from what the ledger accepted."""
    for subject, of in by_subject(comparisons):
        found = [
            f"{one.metric.name} {values.difference(one.reason.accepted, one.metric)}"
            for one in of
            if one not in told and isinstance(one.reason, Decided) and one.reason.accepted
        ]
        if found:
            yield f"measured from what the ledger accepted{subject and f' for {subject}'}: {', '.join(found)}"


def _decisive(verdict: Verdict) -> list[Comparison]:
    return verdict.decisive[: MOST_UNDECIDED if verdict.outcome is Outcome.INCONCLUSIVE else None]


def _judged(verdict: Verdict, width: int) -> list[str]:
    """Returns a line for each metric that was judged, under its subject, the worst first; what the signs mean; and the
    reasons of undecided metrics that had no room, and that `_told` leaves out.
    """
    subjects = list(dict.fromkeys(one.subject for one in verdict.comparisons))
    found = [one for one in verdict.comparisons if one.outcome is not Outcome.NOT_GATED]
    found.sort(key=lambda one: (subjects.index(one.subject), severity(one.outcome)))
    if not found:
        return ["nothing was judged"]
    told = _decisive(verdict)
    names = [LEFT, *((one_line(one.metric.name), _outcome(one), values.both(one)) for one in found)]
    shown = reach(one.unaccepted for one in found)
    for (left, right), plot in itertools.product(LAYOUTS, PLOT_WIDTHS):
        before, after = padded([row[:left] for row in names]), _intervals(found, right, shown, plot)
        room = max(width - len(before[0]) - 2 * len(GAP), LEAST_WHY_WIDTH)
        if len(after[0]) <= room:
            break
    ends = [
        end if _is_drawn(one) else textwrap.shorten(why(one), room, placeholder=" …")
        for one, end in zip(found, after[1:], strict=True)
    ]
    header, *rows = (f"{GAP}{one}{GAP}{end}".rstrip() for one, end in zip(before, (after[0], *ends), strict=True))
    lines = [header, *below_subjects([one.subject for one in found], [[row] for row in rows])]
    cut = [
        with_reason(one)
        for one, end in zip(found, ends, strict=True)
        if one.outcome is Outcome.INCONCLUSIVE and not _is_drawn(one) and end != why(one) and one not in told
    ]
    notes = _notes_below(found, sides=left == len(LEFT), plots=PLOT in right)
    return [*lines, *(wrapped(note, width) for note in notes), *(wrapped(line, width, GAP) for line in cut)]


def _intervals(found: Sequence[Comparison], columns: Sequence[str], shown: float, plot: int) -> list[str]:
    """Returns a header and a line for each comparison, blank where no interval made the outcome; of plots of so many
    margins to either side, `plot` characters wide.
    """
    if not any(map(_is_drawn, found)):
        return padded([["why"], *([""] for _ in found)])
    header = {CHANGE: CHANGE, BOUND: BOUND, MARGIN: MARGIN, PLOT: PLOT.center(plot)}
    rows = [header, *(_cells(one, shown, plot) for one in found)]
    return padded([[row.get(column, "") for column in columns] for row in rows])


def _cells(one: Comparison, shown: float, plot: int) -> dict[str, str]:
    """Returns the cells of an interval that made the outcome, by column."""
    if one.interval is None or not _is_drawn(one):
        return {}
    return {
        CHANGE: _difference(one, one.interval.estimate),
        BOUND: _bound(one.unaccepted),
        MARGIN: values.margin(one.metric).partition(" ")[0],  # its unit stands beside the values
        PLOT: strip(one.unaccepted, shown, plot),
    }


def _notes_below(found: Sequence[Comparison], *, sides: bool, plots: bool) -> list[str]:
    """Returns what the signs of the lines mean, the units that no column of `sides` holds, and what step times could
    have told.
    """
    drawn = [one for one in found if _is_drawn(one)]
    few = any(one.is_within for one in drawn)
    decides = DECIDES.format(NOT_BETTER * any(one.improved for one in drawn) + OR_FEW * few)
    notes = [f"{PLOT_LEGEND} {decides}" if plots else decides] if drawn else []
    notes += [FEW_LAUNCHES] if few else []
    notes += [] if sides else sorted({unit for one in drawn if (unit := _unit(one))})
    return [*notes, *seen(found)]


def _is_drawn(comparison: Comparison) -> bool:
    """Tells whether an interval made the outcome; else a sentence says what did."""
    return comparison.interval is not None and isinstance(comparison.unaccepted.reason, Decided)


def _outcome(comparison: Comparison) -> str:
    if comparison.accepted:
        return "accepted"
    return f"{comparison.outcome.value}{', better' if comparison.improved else ''}"


def _difference(comparison: Comparison, value: float) -> str:
    """Returns a difference, signed; without its unit, which stands beside the values, unless it is a percentage."""
    return values.difference(value, comparison.metric).partition(" ")[0]


def _unit(comparison: Comparison) -> str:
    """Returns the metric and the unit of a difference that is no percentage; "" of one that is."""
    unit = values.margin(comparison.metric).partition(" ")[2]
    return f"{comparison.metric.name}: {unit}" if unit else ""


def _bound(comparison: Comparison) -> str:
    """Returns the bound that made the outcome, or both where it takes both or neither did."""
    low, high = (_difference(comparison, end) for end in comparison.bounds or ())
    few = f" {FEW}" if comparison.is_within else ""
    neither = comparison.outcome is Outcome.INCONCLUSIVE and not comparison.is_within
    if neither or comparison.metric.direction is Direction.EQUAL:
        return f"{low} to {high}{few}"
    return f"≥ {low}" if comparison.outcome is Outcome.REGRESSION else f"≤ {high}{few}"


def _not_gated(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """Yields a paragraph for each subject with the metrics that do not gate."""
    for subject, of in by_subject(comparisons):
        asides = [_aside(one) for one in of if one.outcome is Outcome.NOT_GATED]
        if asides:
            yield f"Not gated{subject and f' in {subject}'}: {'; '.join(asides)}"


def _aside(comparison: Comparison) -> str:
    if comparison.interval:
        return f"{comparison.metric.name} {values.difference(comparison.interval.estimate, comparison.metric)}"
    said = textwrap.shorten(why(comparison), MOST_LETTERS, placeholder=" …")
    return f"{comparison.metric.name} {said}"


def _notes(verdict: Verdict) -> list[str]:
    more = len(verdict.warnings) - MOST_WARNINGS
    lines = [f"failed: {sentence(failure)}" for failure in verdict.failures]
    lines += [f"warning: {sentence(warning)}" for warning in verdict.warnings[:MOST_WARNINGS]]
    return [*lines, f"and {Count(more):more warning}"] if more > 0 else lines
