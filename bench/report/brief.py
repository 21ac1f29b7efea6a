"""A verdict on one screen: what it says, a line for each metric that was judged, and what else was measured."""

import shlex
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence

from bench.judge.reasons import CandidateFailed, Decided
from bench.judge.types import Comparison, Direction, Verdict
from bench.report import values
from bench.report.headlines import UNNAMED, Names
from bench.report.judged import by_subject, severity
from bench.report.lines import one_line
from bench.report.next_steps import next_steps
from bench.report.precision import seen
from bench.report.sentences import is_within, sentence, why
from bench.report.strip import DRAWN, Glyphs, reach, strip
from bench.report.terms import kinds
from bench.report.text import LEAST_WHY_WIDTH, WIDTH, first_line, with_command, wrapped
from bench.report.values import Count
from bench.stats.outcome import Outcome

METRIC, OUTCOME, CHANGE, BOUND, MARGIN, PLOT, SIDES = (
    *("metric", "outcome", "change", "bound", "margin"),
    *("in margins", "candidate / reference"),
)
ALWAYS = (METRIC, OUTCOME, CHANGE, BOUND)
LAYOUTS = ((MARGIN, PLOT, SIDES), (MARGIN, PLOT), (PLOT,), ())  # columns that give way on a narrow terminal
GAP = "  "
LEAST_PLOT, MOST_PLOT = 11, 25  # columns, an odd number
MOST_UNDECIDED, MOST_WARNINGS, MOST_LETTERS = 3, 3, 60  # of sentences, of warnings, of what is said of a metric
LEGEND = "{margin} margin, {zero} no change, {estimate} estimate, {span} "
DECIDES = "what decides: the 95% CI; for a PASS the 90% CI, whose upper end is the 95% bound"
FEW = "*"
FEW_LAUNCHES = "* within the margin, but so few launches may have missed a slow mode"
MORE = "In full"
LAST_OUTPUT = "The end of the traceback or the output"


def brief_text(
    verdict: Verdict,
    width: int = WIDTH,
    *,
    colour: bool = False,
    names: Names = UNNAMED,
    glyphs: Glyphs = DRAWN,
    check: Sequence[str] = ("REPORT",),
) -> str:
    """Returns the headline, what is worse, the metrics that were judged, the others, then failures and warnings; at
    last the command that prints more: `check` are its report and further options.
    """
    first = first_line(verdict, width, colour=colour, names=names)
    steps = [*next_steps(verdict, names), (MORE, shlex.join(("tfgate", "check", *check, "--verbose")))]
    steps += [(LAST_OUTPUT, shlex.join(("tfgate", "show", check[0])))] if _failed(verdict) else []
    blocks = (
        [first, *(wrapped(line, width, GAP) for line in _told(verdict))],
        _judged(verdict, width, glyphs),
        [wrapped(line, width) for line in _not_gated(verdict.comparisons)],
        [
            *(wrapped(line, width) for line in _notes(verdict)),
            *(line for step in steps for line in with_command(*step, width)),
        ],
    )
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _failed(verdict: Verdict) -> bool:
    """Tells whether a process failed, in a failed measurement or in a REGRESSION."""
    return bool(verdict.failures) or any(isinstance(one.reason, CandidateFailed) for one in verdict.comparisons)


def _told(verdict: Verdict) -> list[str]:
    """Returns the sentences that no row can hold: of every REGRESSION, of the first that are undecided, and of those
    that the ledger lets pass; then how many of the other changes it shifts.
    """
    decisive = _decisive(verdict)
    more = len(verdict.decisive) - len(decisive)
    let_pass = [one for one in verdict.comparisons if one.accepted]
    lines = list(map(_full, (*decisive, *let_pass)))
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


def _full(one: Comparison) -> str:
    return f"{one.metric.name} of {one.subject}: {why(one)}"


def _judged(verdict: Verdict, width: int, glyphs: Glyphs) -> list[str]:
    """Returns a line for each metric that was judged, under its subject, the worst first; what the signs mean; and the
    reasons of undecided metrics that had no room, and that `_told` leaves out.
    """
    comparisons, cut = verdict.comparisons, []
    found = sorted(
        (one for one in comparisons if one.outcome is not Outcome.NOT_GATED), key=lambda one: severity(one.outcome)
    )
    if not found:
        return ["nothing was judged"]
    drawn = any(map(_is_drawn, found))
    rows = {id(one): _row(one, glyphs) for one in found}
    widths = {
        column: max(len(column), *(len(row[column]) for row in rows.values())) for column in (*ALWAYS, MARGIN, SIDES)
    }
    columns, widths[PLOT] = _layout(widths, width) if drawn else ((*ALWAYS, SIDES), 0)
    middle = [column for column in (CHANGE, BOUND, MARGIN, PLOT) if column in columns]
    last = SIDES if SIDES in columns else ""
    span = sum(widths[column] for column in middle) + len(GAP) * (len(middle) - 1)
    if not drawn:
        taken = sum(widths[column] + len(GAP) for column in (METRIC, OUTCOME, SIDES)) + len(GAP)
        span = max(min(width - taken, 2 * MOST_LETTERS), LEAST_WHY_WIDTH)
    heading = GAP.join(_heading(column, widths[column]) for column in middle) if drawn else "why".ljust(span)
    lines = [_line(METRIC, OUTCOME, heading, last, widths)]
    shown = reach(one.unaccepted for one in found)
    for subject in dict.fromkeys(one.subject for one in comparisons):
        of = [one for one in found if one.subject == subject]
        lines += [one_line(subject)] if of else []
        for one in of:
            row = rows[id(one)]
            row[PLOT] = strip(one.unaccepted, shown, widths[PLOT], glyphs)
            reason = why(one)
            said = textwrap.shorten(reason, span, placeholder=" …").ljust(span)
            if len(reason) > span and one.outcome is Outcome.INCONCLUSIVE and not _is_drawn(one):
                cut += [] if one in _decisive(verdict) else [_full(one)]
            cells = GAP.join(row[column].ljust(widths[column]) for column in middle) if _is_drawn(one) else said
            lines.append(_line(row[METRIC], row[OUTCOME], cells, row[SIDES] if last else "", widths))
    notes = _notes_below(found, rows.values(), columns, glyphs)
    return [*lines, *(wrapped(note, width) for note in notes), *(wrapped(line, width, GAP) for line in cut)]


def _notes_below(
    found: Sequence[Comparison], rows: Collection[Mapping[str, str]], columns: Collection[str], glyphs: Glyphs
) -> list[str]:
    """Returns what the signs of the lines mean, the units that no column holds, what step times could have told, and
    the kinds of values.
    """
    drawn = [one for one in found if _is_drawn(one)]
    legend = LEGEND.format_map(vars(glyphs)) if PLOT in columns else ""
    notes = [f"{legend}{DECIDES}"] if drawn else []
    notes += [FEW_LAUNCHES] if any(row[BOUND].endswith(FEW) for row in rows) else []
    notes += [] if SIDES in columns else sorted({unit for one in drawn if (unit := _unit(one))})
    return [*notes, *seen(found), *kinds(found)]


def _heading(column: str, width: int) -> str:
    return column.center(width) if column == PLOT else column.ljust(width)


def _line(metric: str, outcome: str, middle: str, last: str, widths: Mapping[str, int]) -> str:
    return f"{GAP}{GAP.join((metric.ljust(widths[METRIC]), outcome.ljust(widths[OUTCOME]), middle, last))}".rstrip()


def _layout(widths: Mapping[str, int], width: int) -> tuple[tuple[str, ...], int]:
    """Returns the columns that have room, and the plot's width."""
    for optional in LAYOUTS:
        columns = (*ALWAYS, *optional)
        room = width - sum(widths[column] + len(GAP) for column in columns if column != PLOT) - len(GAP)
        if PLOT not in optional or room >= LEAST_PLOT:
            break
    plot = min(room, MOST_PLOT)
    return columns, plot - 1 + plot % 2 if PLOT in columns else 0


def _row(comparison: Comparison, glyphs: Glyphs) -> dict[str, str]:
    metric, drawn = comparison.metric, _is_drawn(comparison)
    margin = values.margin(metric).partition(" ")[0]  # its unit stands beside the values
    found = {
        METRIC: metric.name,
        OUTCOME: _outcome(comparison),
        CHANGE: _difference(comparison, comparison.interval.estimate) if drawn and comparison.interval else "",
        BOUND: _bound(comparison.unaccepted, glyphs) if drawn else "",
        MARGIN: margin.replace("±", glyphs.either) if drawn else "",
        SIDES: values.both(comparison),
    }
    return {column: one_line(cell) for column, cell in found.items()}


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


def _bound(comparison: Comparison, glyphs: Glyphs) -> str:
    """Returns the bound that made the outcome, or both where it takes both or neither did."""
    low, high = (_difference(comparison, end) for end in comparison.bounds or ())
    both = f"{low} to {high}"
    if comparison.outcome is Outcome.INCONCLUSIVE:
        return f"{both} {FEW}" if is_within(comparison) else both
    if comparison.metric.direction is Direction.EQUAL:
        return both
    return f"{glyphs.at_most} {high}" if comparison.outcome is Outcome.PASS else f"{glyphs.at_least} {low}"


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
