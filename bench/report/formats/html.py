"""Judged runs as one HTML page."""

import shlex
from collections.abc import Sequence
from typing import Any

from bench.judge.reports import paired_runs
from bench.judge.survey import Surveyed
from bench.profile.compare import compare
from bench.record.profile import Profile
from bench.report import compared
from bench.report.charts import Chart
from bench.report.figures import lockstep_figure, subject_figures
from bench.report.forest import forest
from bench.report.grids import LEGEND
from bench.report.headlines import compared_with, headline, scope_text
from bench.report.judged import Judged, launches_by_subject, names, reproducing, worst
from bench.report.next_steps import next_steps
from bench.report.pages import rendered
from bench.report.precision import precision_table, trust
from bench.report.profile import CAVEAT, comparison_heading
from bench.report.sentences import sentence, why
from bench.report.survey import findings, notes, outcome, paragraphs, sections, summary, survey_command, title
from bench.report.tables import differences, tables

FILE = "report.html"


def render(judged: Sequence[Judged]) -> str:
    """Returns the page; the runs in their order, after a headline for the worst of them."""
    sections = [_section(each) for each in judged]
    return rendered("page.html", sections=sections, worst=worst(each.verdict for each in judged))


def render_survey(found: Surveyed) -> str:
    """Returns the page of a survey."""
    return rendered(
        "survey.html",
        survey=found.survey,
        title=title(found),
        summary=summary(found),
        findings=findings(found),
        outcome=outcome(found),
        legend=LEGEND,
        sections=sections(found),
        paragraphs=paragraphs(found),
        notes=notes(found),
        command=survey_command(found.survey),
    )


def _section(judged: Judged) -> dict[str, Any]:
    """Returns a run's values, by their names in the template."""
    verdict, called = judged.verdict, names(judged)
    said, precision = headline(verdict, called), precision_table(verdict.comparisons)
    standard = compared_with(verdict, called)
    return {
        "judged": judged,
        "scope": scope_text(verdict),
        "headline": f"{said[0].upper()}{said[1:]}.",
        "decisive": [(one, why(one)) for one in verdict.decisive],
        "next_steps": next_steps(judged),
        "failures": list(map(sentence, verdict.failures)),
        "warnings": list(map(sentence, verdict.warnings)),
        "sides": f"{called.candidate} compared with {standard}",
        "standard": standard,
        "trust": trust(verdict.comparisons, own=called.own),
        "forest": forest(verdict.comparisons),
        "environments": compared.environments(judged.run),
        "machines": compared.machines(judged.run),
        "replicas": compared.replicas(judged),
        "figures": _figures(judged),
        "profile": _profile(*judged.profiles) if judged.profiles else None,
        "tables": [table for table in (precision, *tables(judged)) if table.rows],
        "command": shlex.join(reproducing(judged.run)),
        "locks": compared.locks(judged.run),
    }


def _figures(judged: Judged) -> dict[str, list[Chart]]:
    groups = launches_by_subject(judged.run)
    figures = {name: found for name, launches in groups.items() if (found := subject_figures(judged, launches))}
    for lockstep in (run.lockstep for run in paired_runs(judged.run) if run.lockstep):
        if drawn := lockstep_figure(lockstep):
            figures.setdefault(lockstep.subject.name, []).append(drawn)
    return figures


def _profile(reference: Profile, candidate: Profile) -> dict[str, Any]:
    found = compare(reference, candidate)
    return {"heading": comparison_heading(reference, candidate, found), "caveat": CAVEAT, "tables": differences(found)}
