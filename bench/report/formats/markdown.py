"""Judged runs as GitHub-flavoured Markdown, for a pull request's comment and a CI job's summary.

Text from a run is escaped so that it stays text: no markup, HTML, link, image, mention or issue number is made of it.
"""

import re
from collections.abc import Sequence

from bench.judge.types import Comparison, percent
from bench.report import compared, story
from bench.report.judged import Judged
from bench.report.lines import one_line

MARKUP = re.compile(r"[\\`*_{}\[\]|~$]")
AUTOMATIC = re.compile(r"(?<=[@#])(?=\w)|(?<=\bwww)(?=\.)|(?<=:)(?=//)|(?<=\bGH)(?=-\d)", re.IGNORECASE)
BLOCK = re.compile(
    r"^(?P<bullet>[-+#=])(?=[-+#=]*(\s|$))|^(?P<number>\d+)(?=[.)](\s|$))"
)  # what opens a list or a heading
ZERO_WIDTH_SPACE = "&#8203;"  # as Dependabot and Renovate write @ without notifying anybody
NOTHING = "–"
HEADERS = ("", "metric", "subject", "difference", "95% interval", "margin", "candidate", "reference", "why")


def markdown(judged: Sequence[Judged]) -> str:
    """A section for each run: the verdict, what decided it, and a table of all metrics."""
    return "\n".join(_section(each) for each in judged)


def escaped(text: str) -> str:
    """Text as Markdown shows it: one line, nothing in it is markup."""
    line = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = MARKUP.sub(r"\\\g<0>", line)
    line = AUTOMATIC.sub(ZERO_WIDTH_SPACE, line)
    return BLOCK.sub(lambda found: f"&#{ord(found[0])};" if found["bullet"] else f"{found[0]}\\", line)


def _section(judged: Judged) -> str:
    verdict = judged.verdict
    word = story.outcome_word(verdict)
    bullets = [_finding(found) for found in story.findings(verdict)]
    bullets += [f"- failed: {escaped(failure)}" for failure in verdict.failures]
    bullets += [f"- warning: {escaped(warning)}" for warning in verdict.warnings]
    blocks = [[f"### {story.GLYPHS[word]} {word}{story.scope(verdict)}"], [escaped(story.sentence(judged))], bullets]
    if verdict.comparisons:
        blocks.append(
            _table(HEADERS, [_row(comparison) for comparison in sorted(verdict.comparisons, key=_importance)])
        )
    different = [row for row in compared.environments(judged) if row.differs]
    if different:
        rows = [(escaped(row.name), escaped(row.reference), escaped(row.candidate)) for row in different]
        table = _table(("", "reference", "candidate"), rows)
        blocks += [["<details><summary>What differed</summary>"], table, ["</details>"]]
    candidate, reference = map(escaped, story.names(judged))
    command = escaped(compared.command(judged))
    blocks.append([f"{candidate} against {reference}, measured {escaped(judged.run.created)} by: {command}"])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _importance(comparison: Comparison) -> int:
    return story.WORST_FIRST.index(comparison.outcome)


def _finding(found: story.Finding) -> str:
    size = f"**{escaped(found.size)}**" if found.size else ""
    parts = ", ".join(filter(None, (size, escaped(found.certainty or found.note), escaped(found.standard))))
    return f"- **{escaped(found.metric)}** of {escaped(found.subject)}: {parts}"


def _row(comparison: Comparison) -> tuple[str, ...]:
    found, margin, word = comparison.interval, comparison.margin, comparison.outcome.value
    return (
        f"{story.GLYPHS[word]} {word}",
        escaped(comparison.metric),
        escaped(comparison.subject),
        percent(found.estimate) if found else NOTHING,
        f"{percent(found.low)} to {percent(found.high)}" if found else NOTHING,
        percent(margin) if margin is not None else NOTHING,
        escaped(comparison.candidate),
        escaped(comparison.reference),
        escaped(comparison.note),
    )


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (headers, ["---"] * len(headers), *rows)]
