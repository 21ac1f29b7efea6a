"""A verdict as text for a terminal, in full: `--verbose`."""

import textwrap
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from bench.judge.types import Comparison, Verdict
from bench.record.lockstep import tensor_name
from bench.record.types import Failure, Record
from bench.report import values
from bench.report.headlines import UNNAMED, Names, headline, scope_text
from bench.report.lines import one_line, printable
from bench.report.next_steps import Step
from bench.report.precision import TRUST, precision_table, trust
from bench.report.sentences import sentence, why, with_reason
from bench.stats.outcome import Outcome

STYLE = "simple"
WIDTH = 120  # columns, where no terminal says how many it has
LEAST_WHY_WIDTH = 24
HEADERS = ("metric", "outcome", "candidate", "reference", "why")
LEAST_NEEDED = ("× 1.5", "× 3", "unseen", "× 2")  # columns that give way on a narrow terminal, in this order
# ANSI: green, red, yellow
COLOURS = {Outcome.PASS: "32", Outcome.REGRESSION: "31", Outcome.INCONCLUSIVE: "33", Outcome.FAILED: "31"}


def verdict_text(
    verdict: Verdict,
    width: int = WIDTH,
    *,
    colour: bool = False,
    names: Names = UNNAMED,
    steps: Sequence[Step] = (),
) -> str:
    """Returns the headline, what decided, every metric, the precision and why to trust this, then warnings and the
    commands that go on; `width` columns wide where the values allow.
    """
    decisive = [wrapped(with_reason(one), width, "  ") for one in verdict.decisive]
    notes = [f"failed: {sentence(failure)}" for failure in verdict.failures]
    notes += [f"warning: {sentence(warning)}" for warning in verdict.warnings]
    told = trust(verdict.comparisons, own=names.own)
    blocks = (
        [first_line(verdict, width, colour=colour, names=names), *decisive],
        _comparison_lines(verdict.comparisons, width),
        _precision_lines(verdict.comparisons, width),
        [wrapped(f"{TRUST}: {told}", width)] if told else [],
        [
            *(wrapped(note, width) for note in notes),
            *(line for step in steps for line in with_command(*step, width)),
        ],
    )
    return "\n\n".join("\n".join(block) for block in blocks if block)


def first_line(verdict: Verdict, width: int, *, colour: bool, names: Names) -> str:
    """Returns the outcome and its headline."""
    first = wrapped(f"{verdict.outcome.value}{scope_text(verdict)}: {headline(verdict, names)}", width)
    return f"\x1b[1;{COLOURS[verdict.outcome]}m{first}\x1b[0m" if colour else first


def wrapped(text: str, width: int, indent: str = "") -> str:
    """Returns a line from a run, broken at words; what goes on is indented."""
    room = max(width, LEAST_WHY_WIDTH)
    return textwrap.fill(one_line(text), room, initial_indent=indent, subsequent_indent=f"{indent}  ")


def with_command(why: str, command: str, width: int) -> list[str]:
    """Returns what a command is for, and the command: as it is, so that it can be pasted, in a line of its own if need
    be.
    """
    whole = f"{one_line(why)}: {printable(command)}"
    return [whole] if len(whole) <= width else [wrapped(f"{why}:", width), f"  {printable(command)}"]


def failed_lines(where: str, failure: Failure, width: int) -> list[str]:
    """Returns what failed and how, then the end of its traceback or of its output."""
    tail = "".join(one if one.isprintable() or one == "\n" else " " for one in failure.stderr_tail)
    quoted = [f"  | {line}".rstrip() for line in tail.strip("\n").splitlines()]
    return [wrapped(f"failed: {where}: {failure.message}", width), *quoted]


def over_limits(whose: str, record: Record) -> list[str]:
    """Returns a line for each tensor over its limit, with its first such step; answers have none."""
    return [
        f"over its limit: {whose}: {tensor_name(one.label, one.tensor)}"
        + ("" if one.is_answer else f" at step {one.step}")
        + (f": refused: {one.refused}" if one.refused else f": {one.error:.1e}, limit {one.limit:.1e}")
        for one in record.numerics
        if not one.within
    ]


def table_text(headers: Sequence[str], rows: Iterable[Sequence[str]], align: Sequence[str] = ()) -> str:
    """Returns a table of cells from a run, a line each; `align`: "left" or "right" for each column."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    table: str = tabulate(cells, list(map(one_line, headers)), STYLE, disable_numparse=True, colalign=align or None)
    return table


def fitted(
    headers: Sequence[str], rows: Sequence[Sequence[str]], least_needed: Sequence[str], width: int, indent: str = ""
) -> list[str]:
    """Returns the lines of a table. Where it is too wide, columns give way, the least needed first, and a last line
    names them.
    """
    for number in range(len(least_needed) + 1):
        left_out = least_needed[:number]
        shown = [column for column, header in enumerate(headers) if header not in left_out]
        cells = [[headers[column] for column in shown], *([one_line(row[column]) for column in shown] for row in rows)]
        align = ("left", *["right"] * (len(shown) - 1))
        table = tabulate(cells, tablefmt="plain", disable_numparse=True, colalign=align)
        lines = [f"{indent}{line}".rstrip() for line in table.splitlines()]
        if max(map(len, lines)) <= width:
            break
    note = wrapped(f"left out to fit {width} columns: {', '.join(left_out)}", width)
    return [*lines, note] if left_out else lines


def padded(rows: Sequence[Sequence[str]]) -> list[str]:
    """Returns rows as lines of one width, whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)) for row in rows]


def below_subjects(subjects: Iterable[str], blocks: Iterable[Sequence[str]]) -> list[str]:
    """Returns the blocks' lines, with each subject in a line above its first."""
    lines, last = [], ""
    for subject, block in zip(subjects, blocks, strict=True):
        lines += [*([one_line(subject)] if subject != last else []), *block]
        last = subject
    return lines


def _comparison_lines(comparisons: Sequence[Comparison], width: int) -> list[str]:
    """Returns one table for all, so that its columns stand below each other, with a line for each subject.

    Where the last column, the reasons, has no room, they stand below their rows.
    """
    if not comparisons:
        return ["nothing was compared"]
    told = ((one.metric.name, one.outcome.value, *values.sides(one)) for one in comparisons)
    header, *rows = (f"  {line}  " for line in padded([HEADERS[:-1], *(list(map(one_line, cells)) for cells in told)]))
    aside = width - len(header) >= LEAST_WHY_WIDTH
    room, indent = (width, " " * len(header)) if aside else (max(width, LEAST_WHY_WIDTH), "    ")
    blocks = []
    for row, one in zip(rows, comparisons, strict=True):
        first = row if aside else indent
        lines = textwrap.wrap(why(one), room, initial_indent=first, subsequent_indent=indent) or [first]
        blocks.append(lines if aside else [row.rstrip(), *lines])
    header = f"{header}{HEADERS[-1] if aside else ''}".rstrip()
    return [header, *below_subjects([one.subject for one in comparisons], blocks)]


def _precision_lines(comparisons: Sequence[Comparison], width: int) -> list[str]:
    """Returns a title, the table with a line for each subject and its note; none of an empty table."""
    table = precision_table(comparisons)
    if not table.rows:
        return []
    rows = table.texts
    headers, *cells = [[metric, *numbers] for metric, _, *numbers in (table.headers, *rows)]
    header, *lines = fitted(headers, cells, LEAST_NEEDED, width, "  ")
    body, left_out = lines[: len(rows)], lines[len(rows) :]
    below = below_subjects([row[1] for row in rows], [[line] for line in body])
    return [table.title, header, *below, *left_out, wrapped(table.note, width)]
