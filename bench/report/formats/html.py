"""Judged runs as one HTML page that opens from disk: no network, no library in the browser, every name escaped."""

import base64
import dataclasses
import hashlib
import logging
from collections.abc import Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from bench.judge.reports import paired_runs
from bench.profile.compare import compare
from bench.record.profile import Profile
from bench.report import compared, story
from bench.report.again import again
from bench.report.charts import Chart
from bench.report.figures import lockstep_figure, subject_figures
from bench.report.forest import Forest, forest
from bench.report.judged import Judged, by_subject
from bench.report.lines import one_line
from bench.report.profile import CAVEAT, comparison_heading
from bench.report.tables import Table, differences, tables
from bench.stats.outcome import Outcome

HEADLINES = (Outcome.REGRESSION.value, story.FAILED, Outcome.CANNOT_JUDGE.value, Outcome.PASS.value)  # the worst first
SLUGS = {outcome.value: outcome.name.lower().replace("_", "-") for outcome in Outcome} | {story.FAILED: "failed"}


@dataclasses.dataclass(frozen=True)
class ProfileSection:
    """Where the time of a step went, on one side and on the other."""

    heading: str
    caveat: str
    tables: list[Table]


@dataclasses.dataclass(frozen=True)
class Section:
    """One run of the page, ready to be drawn."""

    judged: Judged
    word: str  # the outcome
    sentence: str
    findings: list[story.Finding]
    forest: Forest
    figures: dict[str, list[Chart]]  # by subject
    tables: list[Table]
    profile: ProfileSection | None
    names: tuple[str, str]  # candidate, reference


def page(judged: Sequence[Judged]) -> str:
    """The page; the runs in their order, after a headline for the worst of them."""
    sections = [_section(each) for each in judged]
    words = {section.word for section in sections}
    worst = next(word for word in HEADLINES if word in words)
    return rendered("page.html", sections=sections, worst=worst)


def rendered(template: str, **values: Any) -> str:
    """A template of this package with its values: for pages of other reports."""
    environment = _environment()
    script = _source(environment, "page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = Markup(_source(environment, "style.css"))
    return environment.get_template(template).render(style=style, script=Markup(script), script_hash=digest, **values)


def _section(judged: Judged) -> Section:
    groups = by_subject(judged.run)
    figures = {name: found for name, launches in groups.items() if (found := subject_figures(judged, launches))}
    for lockstep in (run.lockstep for run in paired_runs(judged.run) if run.lockstep):
        if drawn := lockstep_figure(lockstep):
            figures.setdefault(lockstep.subject.name, []).append(drawn)
    return Section(
        judged,
        story.outcome_word(judged.verdict),
        story.sentence(judged),
        story.findings(judged.verdict),
        forest(judged.verdict.comparisons),
        figures,
        tables(judged),
        _profile(*judged.profiles) if judged.profiles else None,
        story.names(judged),
    )


def _profile(reference: Profile, candidate: Profile) -> ProfileSection:
    found = compare(reference, candidate)
    return ProfileSection(comparison_heading(reference, candidate, found), CAVEAT, differences(found))


def _environment() -> jinja2.Environment:
    """Escapes every value, and shows it as one line without control characters and bidirectional overrides."""
    logging.getLogger("matplotlib").setLevel(
        logging.ERROR
    )  # what it says of folders and fonts when it is imported mends no page
    from bench.report.plots import svg  # not before a page is drawn: matplotlib takes half a second

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(again=again, compared=compared, slugs=SLUGS, story=story, svg=svg)
    return environment


def _shown(value: object) -> object:
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _source(environment: jinja2.Environment, name: str) -> str:
    assert environment.loader
    return environment.loader.get_source(environment, name)[0]
