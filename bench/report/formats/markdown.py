"""Judged runs as GitHub-flavoured Markdown, for a pull request's comment and a CI job's summary.

Text from a run is escaped so that it stays text: no markup, HTML, link, image, mention or issue number is made of it.
Commands are code, so that they can be pasted.
"""

import re
import shlex
from collections.abc import Sequence

from bench.judge.survey import Surveyed
from bench.judge.types import Comparison
from bench.report import compared, values
from bench.report.grids import BRACKETS, LEGEND, Grid, Mark
from bench.report.headlines import GLYPHS, compared_with, headline, scope_text
from bench.report.judged import Judged, names, reproducing, severity
from bench.report.lines import one_line, printable
from bench.report.next_steps import next_steps
from bench.report.precision import TRUST, precision_table, trust
from bench.report.sentences import sentence, why
from bench.report.strip import PLOT_LEGEND, reach, strip
from bench.report.survey import Paragraph, findings, notes, paragraphs, sections, summary, survey_command, title
from bench.stats.outcome import Outcome

FILE = "report.md"
MARKUP = re.compile(r"[\\`*_{}\[\]|~$]")
AUTOMATIC = re.compile(r"(?<=[@#])(?=\w)|(?<=\bwww)(?=\.)|(?<=:)(?=//)|(?<=\bGH)(?=-\d)", re.IGNORECASE)
OPENING = re.compile(r"^(?P<bullet>[-+#=])(?=[-+#=]*(\s|$))|^(?P<number>\d+)(?=[.)](\s|$))")  # a list or a heading
ZERO_WIDTH_SPACE = "&#8203;"  # as Dependabot and Renovate write @ without notifying anybody
PLOT_WIDTH = 17
BLANK = "·"  # in a plot: spaces at the ends of code are lost
LEGEND_OF_PLOT = f"In margins: {PLOT_LEGEND} the interval that decides."
DECIDES = (
    "and after a difference the interval that decides: of ✔, and of what is within its margin by too few launches for "
    "it, the 90% CI, else (and if accepted) the 95% CI."
)
LEGEND_OF_GRID = f"{LEGEND}. {BRACKETS}, {DECIDES}"
HEADERS = ("", "metric", "subject", "candidate", "reference", "in margins", "why")


def render(judged: Sequence[Judged]) -> str:
    """Returns a section for each run: the verdict, what decided it, and a table of all metrics."""
    return "\n".join(map(_section, judged))


def render_survey(found: Surveyed) -> str:
    """Returns a survey: what got worse, the tables, and a paragraph for each release."""
    worse = [f"- **{escaped(release)}**: {escaped(what)}: {escaped(said)}" for release, what, said in findings(found)]
    blocks = [[f"# {escaped(title(found))}"], [f"{escaped(summary(found))}."], worse]
    for section in sections(found):
        blocks += [[f"## {escaped(section.name)}"]]
        for grid in section.grids:
            blocks += [[f"{escaped(grid.title)}. {LEGEND_OF_GRID}"], _grid(grid)]
        blocks += [[f"- change of level: {escaped(line)}" for line in section.changes]]
    blocks += [["## Release by release"], *map(_paragraph, paragraphs(found))]
    blocks += [[f"- {escaped(note)}." for note in notes(found)]]
    blocks += [[f"Measured {escaped(found.survey.created)} by: {code(survey_command(found.survey))}"]]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _paragraph(of: Paragraph) -> list[str]:
    packages = [escaped(of.packages), ""] if of.packages else []
    said = [f"- {escaped(name)}: {escaped(' '.join(sentences))}" for name, sentences in of.said]
    return [f"### {escaped(of.release)}", "", *packages, *said]


def _grid(grid: Grid) -> list[str]:
    rows = [[escaped(row.release), *([escaped(row.said)] if row.said else map(_mark, row.marks))] for row in grid.rows]
    width = len(grid.metrics) + 1
    return _table(["release", *map(escaped, grid.headers)], [[*row, *[""] * (width - len(row))] for row in rows])


def _mark(mark: Mark) -> str:
    return escaped(f"{mark.text} ({mark.bounds})" if mark.bounds else mark.text)


def escaped(text: str) -> str:
    """Returns text as Markdown shows it: one line, nothing in it is markup."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = MARKUP.sub(r"\\\g<0>", line)
    line = AUTOMATIC.sub(ZERO_WIDTH_SPACE, line)
    return OPENING.sub(lambda found: f"&#{ord(found[0])};" if found["bullet"] else f"{found[0]}\\", line)


def code(text: str) -> str:
    """Returns text as a code span, which shows it as it is."""
    text = printable(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    gap = " " if "`" in text else ""  # which Markdown takes off again
    return f"{fence}{gap}{text}{gap}{fence}"


def _section(judged: Judged) -> str:
    verdict, called = judged.verdict, names(judged)
    outcome, said = verdict.outcome, escaped(headline(verdict, called))
    bullets = [
        f"- **{escaped(one.metric.name)}** of {escaped(one.subject)}: {escaped(why(one))}" for one in verdict.decisive
    ]
    bullets += [f"- {escaped(step.why)}: {code(step.command)}" for step in next_steps(judged)]
    bullets += [f"- failed: {escaped(sentence(failure))}" for failure in verdict.failures]
    bullets += [f"- warning: {escaped(sentence(warning))}" for warning in verdict.warnings]
    title = f"### {GLYPHS[outcome]} {outcome.value}{scope_text(verdict)}"
    blocks = [[title], [f"{said[0].upper()}{said[1:]}."], bullets]
    if verdict.comparisons:
        ordered = sorted(verdict.comparisons, key=lambda one: severity(one.outcome))
        shown = reach(one.unaccepted for one in ordered)
        table = _table(HEADERS, [_row(comparison, shown) for comparison in ordered])
        legend = [LEGEND_OF_PLOT] if any(_plot(one, shown) for one in ordered) else []
        blocks += [table, legend]
    precision = precision_table(verdict.comparisons)
    if precision.rows:
        cells = [[escaped(text) for text in row] for row in precision.texts]
        table = [*_table(precision.headers, cells), "", precision.note]
        blocks += _folded(precision.title, table)
    if told := trust(verdict.comparisons, own=called.own):
        blocks += [[f"#### {TRUST}"], [escaped(told)]]
    different = [row for row in compared.environments(judged.run) if row.differs]
    if different:
        rows = [(escaped(row.name), escaped(row.reference), escaped(row.candidate)) for row in different]
        blocks += _folded("Differences of the sides", _table(("", "reference", "candidate"), rows))
    where = f" on {' and on '.join(found)}" if (found := compared.hosts(judged.run)) else ""
    measured = (
        f"{called.candidate} compared with {compared_with(verdict, called)}, measured {judged.run.created}{where}"
    )
    blocks.append([f"{escaped(measured)} by: {code(shlex.join(reproducing(judged.run)))}"])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _row(comparison: Comparison, shown: float) -> tuple[str, ...]:
    outcome = comparison.outcome
    texts = (comparison.metric.name, comparison.subject, *values.sides(comparison))
    reason = escaped(why(comparison))
    accepted = ", accepted" if comparison.accepted else ""
    return (f"{GLYPHS[outcome]} {outcome.value}{accepted}", *map(escaped, texts), _plot(comparison, shown), reason)


def _plot(comparison: Comparison, shown: float) -> str:
    """Returns the interval in text; "" of a metric without one, and of one that does not gate."""
    if not comparison.interval or not comparison.metric.margin or comparison.outcome is Outcome.NOT_GATED:
        return ""
    return f"`{strip(comparison.unaccepted, shown, PLOT_WIDTH, BLANK)}`"


def _folded(title: str, lines: list[str]) -> list[list[str]]:
    return [[f"<details><summary>{title}</summary>"], lines, ["</details>"]]


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (headers, ["---"] * len(headers), *rows)]
