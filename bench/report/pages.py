"""Pages that open from disk: no network, no library in the browser, every value escaped."""

import base64
import hashlib
import logging
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from bench.report.headlines import GLYPHS
from bench.report.lines import printable
from bench.report.terms import PAGES, TERMS
from bench.stats.outcome import Outcome

TEMPLATES = Path(__file__).parent / "templates"
SLUGS = {outcome: outcome.name.lower().replace("_", "-") for outcome in Outcome}


def rendered(template: str, **values: Any) -> str:
    """Returns a template of this package with its values."""
    style, script = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("style.css", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = template_environment().get_template(template)
    return page.render(style=Markup(style), script=Markup(script), script_hash=digest, **values)


def template_environment() -> jinja2.Environment:
    """Returns an environment that escapes every value and shows it without control characters."""
    # matplotlib logs remarks on its font and cache folders, which no reader of a page can act on.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    from bench.report.plots import svg  # not before a page is drawn: matplotlib takes half a second

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(glyphs=GLYPHS, slugs=SLUGS, svg=svg, terms=TERMS, pages=PAGES)
    return environment


def _shown(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
