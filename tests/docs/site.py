"""Lets mkdocs build a site of docs/ and README.md as they are, by its hooks. Links that leave docs/ work there, too."""

import re
from pathlib import Path
from posixpath import dirname, normpath, relpath
from posixpath import join as joined
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)[^)#\s]+")  # up to its anchor
REPORT = re.compile(r"reports/(?P<home>published/[^/]+)/report\.(md|html)")
CELL_CODE = re.compile(r"(?m)(?<=^\| ).*")


def on_files(files: Any, config: Any) -> Any:
    """Adds the first page and the published reports' pages to what mkdocs has found in docs/."""
    from mkdocs.structure.files import File  # there in tox's environment `docs` alone

    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text(encoding="utf-8")))
    for path in sorted((ROOT / "reports" / "published").glob("*/report.html")):
        place = site_path(path.relative_to(ROOT).as_posix())
        files.append(File.generated(config, place, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Returns a page's text with links and tables as mkdocs understands them."""
    place = page.file.src_uri
    if place == "index.md":
        page.meta["hide"] = ["navigation"]  # a terminal's lines take the room
    source = "README.md" if place == "index.md" else f"docs/{place}"
    return tables(linked(markdown, source, config["repo_url"]))


def site_path(source: str) -> str:
    """Returns where a file of the repository lies on the site, from its root; "" if it isn't there."""
    if source == "README.md":
        return "index.md"
    if report := REPORT.fullmatch(source):
        return f"{report['home']}/report.html"
    return source.removeprefix("docs/") if source.startswith("docs/") and (ROOT / source).is_file() else ""


def linked(text: str, source: str, url: str) -> str:
    """Returns a file's text with its links made for the site: within it, or to the repository at a URL."""

    def _target(found: re.Match[str]) -> str:
        target = normpath(joined(dirname(source), found[0]))
        if place := site_path(target):
            return relpath(place, dirname(site_path(source)) or ".")
        return f"{url}/{'tree' if (ROOT / target).is_dir() else 'blob'}/HEAD/{target}"

    return LINK.sub(_target, text)


def tables(text: str) -> str:
    r"""Returns text whose code in tables holds plain bars: GitHub wants `a\|b`, Python-Markdown would show the \."""

    def _plain(found: re.Match[str]) -> str:
        return re.sub(r"`[^`]+`", lambda code: code[0].replace("\\|", "|"), found[0])

    return CELL_CODE.sub(_plain, text)
