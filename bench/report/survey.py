"""A survey in words: its chapters, a paragraph for each release, and what got worse."""

import dataclasses
import math
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from bench.judge.notices import Told
from bench.judge.reasons import Decided
from bench.judge.survey import Against, Chapter, Row, Surveyed
from bench.judge.types import Comparison, Direction, Scope
from bench.record.command_lines import words_without
from bench.record.paired import CANDIDATE, REFERENCE, Side, other_builds
from bench.record.survey import Survey
from bench.record.types import Machine
from bench.report import values
from bench.report.charts import Chart
from bench.report.drifts import change_lines, drift_charts
from bench.report.grids import BRACKETS, LEGEND, Grid, grid_text, grids, why_missing, why_partly
from bench.report.headlines import SCOPES, Names, headline
from bench.report.judged import as_of_moment, environment, records, worst
from bench.report.lines import one_line
from bench.report.precision import FALSE_ALARMS
from bench.report.sentences import sentence, why
from bench.report.text import WIDTH, wrapped
from bench.report.values import NOTHING, Count
from bench.stats.outcome import Outcome

SPURIOUS_LEVELS = 0.17  # of unchanged series of ten: bench/stats/series.py


@dataclasses.dataclass(frozen=True)
class Section:
    """A chapter, ready to be shown."""

    name: str
    grids: tuple[Grid, ...]
    charts: tuple[Chart, ...]
    changes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Paragraph:
    """A release in words: what is said of it in each chapter."""

    release: str
    packages: str
    said: tuple[tuple[str, tuple[str, ...]], ...]  # (chapter, sentences)


def title(found: Surveyed) -> str:
    """Returns the survey's name."""
    survey = found.survey
    return f"{called(survey.releases[0])} to {survey.releases[-1]}"


def summary(found: Surveyed) -> str:
    """Returns what was compared, and what is missing."""
    survey, pairs = found.survey, found.compared
    counts = Counter(pair.verdict.outcome for pair in pairs)
    outcomes = ", ".join(f"{counts[one]} {one.value}" for one in Outcome if one in counts) or NOTHING
    missing = sum(not row.complete for chapter in found.chapters for row in chapter.rows)
    lacking = f"; {Count(missing):row} of the tables incomplete" if missing else ""
    scope = "" if survey.numerics and survey.speed else f" ({SCOPES[Scope.SPEED if survey.speed else Scope.NUMBERS]})"
    asked = f"{Count(len(survey.releases)):release}, each against the one before it and against {survey.reference}"
    return f"{asked}{scope}. {Count(len(pairs)):comparison}: {outcomes}{lacking}"


def notes(found: Surveyed) -> list[str]:
    """Returns what a reader must know: the machine, and how often such a survey is wrong by chance."""
    pairs = found.compared
    timed = sum(bool(pair.run.pairs) for pair in pairs)
    machines = _machines(pairs)
    lines = [
        f"Measured on {_host(machine) if len(machines) > 1 else ''}{machine.cpu_model}, {Count(machine.cores):core}: "
        "a verdict holds for such a machine"
        for machine in machines
    ]
    if timed:
        lines.append(
            "Where nothing changed, and launches deviate by no more than a margin, launches in turn end in a "
            f"REGRESSION in at most {FALSE_ALARMS:.0%} of runs: "
            f"of {timed} runs expect at most {FALSE_ALARMS * timed:.2g} by chance. Changes of level are less certain: "
            f"{SPURIOUS_LEVELS:.0%} of series of ten releases show one where there is none"
        )
    lines += unlike_packages(pairs)
    return [*lines, "The numbers (numerics, lockstep) have no noise"] if found.survey.numerics else lines


def unlike_packages(pairs: Sequence[Against]) -> list[str]:
    """Returns a line on each release whose comparisons had unlike packages, and on each that had unlike builds."""
    found: dict[str, list[Side]] = {}
    for pair in pairs:
        for side in (pair.run.reference, pair.run.candidate):
            found.setdefault(side.requested, []).append(side)
    lines = []
    for release, sides in found.items():
        measured = f"{called(release)} was measured with different"
        if len({side.identity for side in sides}) > 1:
            lines.append(f"{measured} packages in different comparisons: fix them by --as-of")
        builds = {f"{one.name} {one.version}": None for side in sides for one in other_builds(sides[0], side)}
        if builds:
            lines.append(f"{measured} builds of {', '.join(builds)} in different comparisons: measure all with one")
    return lines


def outcome(found: Surveyed) -> Outcome:
    """Returns the worst outcome of all comparisons: PASS only of a survey that is complete."""
    verdicts = [pair.verdict for pair in found.compared]
    whole = worst(verdicts).outcome if verdicts else Outcome.INCONCLUSIVE
    return Outcome.INCONCLUSIVE if found.exit_code and whole is Outcome.PASS else whole


def findings(found: Surveyed) -> list[tuple[str, str, str]]:
    """Returns each release that doesn't run, and each metric that got worse, from a release to the next or by smaller
    steps: (release, metric of a chapter, why).
    """
    lines: list[tuple[str, str, str]] = []
    for chapter in found.chapters:
        fail = [(row.release, chapter.name, why_missing(row)) for row in chapter.rows if row.failure]
        of_chapter = (*fail, *_worse(chapter, found.survey.reference))
        lines += sorted(of_chapter, key=lambda line: found.survey.releases.index(line[0]))
    return lines


def _worse(chapter: Chapter, fixed: str) -> Iterator[tuple[str, str, str]]:
    """Yields every REGRESSION from a release to the next. Of the drifts from the fixed reference, yields those that
    exceed by more than the margin what such a step, or one yielded before, explains since the metric last passed.
    """
    explained: dict[str, float] = {}  # by metric: at most so far from the fixed reference
    for last, row in zip((None, *(row.release for row in chapter.rows)), chapter.rows, strict=False):
        if row.failure:
            continue
        steps = _regressions(row.before)
        skipped = row.before is not None and row.before.reference != last
        since = f", against {called(row.before.reference)}" if row.before and skipped else ""
        explained |= {one.metric.name: math.inf for one in steps}
        drifts = [one for one in _regressions(row.fixed) if _exceeds(one, explained.get(one.metric.name))]
        told = {one.metric.name for one in (*steps, *drifts)}
        for one in row.fixed.verdict.comparisons if row.fixed else ():
            if one.outcome is Outcome.PASS:
                explained.pop(one.metric.name, None)
            elif one.metric.name in told:
                explained[one.metric.name] = one.interval.high if one.interval else math.inf
        for found, against in ((steps, since), (drifts, f", against {called(fixed)}")):
            for one in found:
                yield row.release, f"{one.metric.name} of {chapter.name}{against}", why(one)


def _exceeds(drift: Comparison, explained: float | None) -> bool:
    """Tells whether a drift exceeds what is explained, if anything is, by more than its margin."""
    found, margin = drift.interval, drift.metric.margin or 0.0
    return explained is None or (found is not None and found.low > explained + margin)


def _regressions(pair: Against | None) -> list[Comparison]:
    """Returns the metrics that got worse, the furthest beyond its margin first."""
    if not pair or pair.verdict.outcome is not Outcome.REGRESSION:
        return []
    return pair.verdict.decisive


def sections(found: Surveyed) -> list[Section]:
    """Returns the chapters with their tables and plots."""
    fixed = found.survey.reference
    return [
        Section(
            chapter.name,
            tuple(grids(chapter, fixed)),
            tuple(drift_charts(chapter, fixed)),
            tuple(change_lines(chapter, fixed)),
        )
        for chapter in found.chapters
    ]


def paragraphs(found: Surveyed) -> list[Paragraph]:
    """Returns a paragraph for each release."""
    return [
        Paragraph(
            release,
            _packages(release, found.compared),
            tuple((chapter.name, tuple(_said(chapter.rows[place], found))) for chapter in found.chapters),
        )
        for place, release in enumerate(found.survey.releases)
    ]


def survey_text(found: Surveyed) -> str:
    """Returns the survey for a terminal: a table of each chapter, metrics by releases, what got worse, and notes."""
    blocks = [wrapped(line, WIDTH) for line in (f"{title(found)}: {summary(found)}", f"{LEGEND}. {BRACKETS}")]
    for chapter in found.chapters:
        fixed = found.survey.reference
        blocks += [f"{one_line(grid.title)}\n{grid_text(grid)}" for grid in grids(chapter, fixed, gating=True)]
        problems = ((row.release, why_missing(row) or why_partly(row)) for row in chapter.rows)
        lines = [f"{release} {problem}" for release, problem in problems if problem]
        lines += [f"{release}: {what}: {reason}" for release, what, reason in _worse(chapter, fixed)]
        lines += [f"{row.release}: {line}" for row in chapter.rows if row.before for line in _warnings(row.before)]
        lines += [f"change of level: {line}" for line in change_lines(chapter, fixed)]
        blocks += ["\n".join(wrapped(line, WIDTH) for line in lines)] if lines else []
    return "\n\n".join([*blocks, "\n".join(wrapped(note, WIDTH) for note in notes(found))])


def survey_command(survey: Survey) -> str:
    """Returns the command that measures alike, with the index as the survey read it."""
    words = words_without(survey.command, (), ("--resume",))
    return shlex.join((*words, *as_of_moment(survey.as_of, words)))


def called(release: str) -> str:
    """Returns a release as sentences call it."""
    return f"TensorFlow {release}" if release[:1].isdigit() else release


def _said(row: Row, found: Surveyed) -> Iterator[str]:
    """Yields what a chapter says of a release."""
    fixed = found.survey.reference
    if problem := why_missing(row):
        yield f"It {problem}."
        return
    if problem := why_partly(row):
        yield f"It {problem}."
    if row.before:
        yield _whole(row.before)
    if row.fixed and row.fixed is not row.before:
        yield _short(row.fixed)
    if not row.pairs:
        yield "It is the fixed reference." if row.release == fixed else "It was not measured."
    if len(_machines(found.compared)) > 1:
        hosts = _machines(row.pairs)
        yield from (f"Measured on {_host(machine)}{machine.cpu_model}." for machine in hosts)


def _whole(pair: Against) -> str:
    """Returns what a comparison came to, why, its warnings, what got better, and what changed within its margin."""
    verdict = pair.verdict
    names = Names(called(pair.candidate), called(pair.reference))
    said = [f"{verdict.outcome.value}: {headline(verdict, names)}"]
    told = [*verdict.decisive, *(one for one in verdict.comparisons if one.accepted)]
    said += [f"{one.metric.name}: {why(one)}" for one in told]
    said += [f"failed: {sentence(failure)}" for failure in verdict.failures]
    said += _warnings(pair)
    better = [f"{one.metric.name} {_sized(one)}" for one in pair.verdict.comparisons if one.improved]
    said += [f"Better: {', '.join(better)}"] if better else []
    moved = ", ".join(_moved(pair))
    said += [f"Changed within the margin (95% CI excludes 0): {moved}"] if moved else []
    return ". ".join(said) + "."


def _warnings(pair: Against) -> list[str]:
    """Returns the warnings of what was judged, as of files that are refused; not those that a run told of itself."""
    return [f"warning: {sentence(one)}" for one in pair.verdict.warnings if not isinstance(one, Told)]


def _moved(pair: Against) -> Iterator[str]:
    """Yields what changed by its 95% CI, and by less than its margin."""
    for one in pair.verdict.comparisons:
        found = one.interval
        decided = one.outcome is Outcome.PASS and isinstance(one.reason, Decided) and not one.improved
        if decided and found and (found.low > 0 or found.high < 0):
            better = one.metric.direction is Direction.LOWER and found.high < 0
            yield f"{one.metric.name} {_sized(one)}{' (better)' if better else ''}"


def _short(pair: Against) -> str:
    """Returns what a comparison with the fixed reference came to, without the reasons."""
    verdict = pair.verdict
    metrics = ", ".join(f"{one.metric.name} {_sized(one)}".strip() for one in verdict.decisive)
    better = ", ".join(f"{one.metric.name} {_sized(one)}" for one in pair.verdict.comparisons if one.improved)
    told = "; ".join(filter(None, [metrics, f"better: {better}" if better else ""]))
    return f"Against {called(pair.reference)}: {verdict.outcome.value}{f' ({told})' if told else ''}."


def _sized(comparison: Comparison) -> str:
    return values.difference(comparison.interval.estimate, comparison.metric) if comparison.interval else ""


def _packages(release: str, pairs: Sequence[Against]) -> str:
    """Returns what a release ran with."""
    sides = ((pair, CANDIDATE if pair.candidate == release else REFERENCE) for pair in pairs)
    told = (environment(pair.run, side) for pair, side in sides if release in (pair.candidate, pair.reference))
    found = next(filter(None, told), None)
    if found is None:
        return ""
    return f"TensorFlow {found.tensorflow}, Keras {found.keras}, NumPy {found.numpy}, Python {found.python}"


def _machines(pairs: Sequence[Against]) -> list[Machine]:
    return list(dict.fromkeys(record.machine for pair in pairs for record in records(pair.run)))


def _host(machine: Machine) -> str:
    """Returns what tells a machine from those of another kind, before its processor."""
    return f"host {machine.fingerprint()}, "
