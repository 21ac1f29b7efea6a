"""Pages that open from disk: no network, no library in the browser, every value escaped."""

import base64
import hashlib
import logging
from typing import Any

import jinja2
from markupsafe import Markup

from bench.report.headlines import GLYPHS, SCOPES
from bench.report.lines import one_line
from bench.report.terms import PAGES, TERMS
from bench.stats.outcome import Outcome

SLUGS = {outcome: outcome.name.lower().replace("_", "-") for outcome in Outcome}


def rendered(template: str, **values: Any) -> str:
    """Returns a template of this package with its values."""
    environment = template_environment()
    script = _source(environment, "page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = Markup(_source(environment, "style.css"))
    return environment.get_template(template).render(style=style, script=Markup(script), script_hash=digest, **values)


def template_environment() -> jinja2.Environment:
    """Returns an environment that escapes every value and shows it as one line without control characters."""
    # matplotlib logs remarks on its font and cache folders, which no reader of a page can act on.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from bench.report.plots import svg  # not before a page is drawn: matplotlib takes half a second

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(glyphs=GLYPHS, scopes=SCOPES, slugs=SLUGS, svg=svg, terms=TERMS, pages=PAGES)
    return environment


def _shown(value: object) -> object:
    return one_line(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _source(environment: jinja2.Environment, name: str) -> str:
    assert environment.loader
    return environment.loader.get_source(environment, name)[0]
