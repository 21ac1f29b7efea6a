"""The page in headless Chromium: it opens from disk without a complaint, sorts tables, fits a phone, follows the theme.

Screenshots go to the folder that TFGATE_SCREENSHOTS names, if it names one.
"""

import dataclasses
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.judge.history import histories, report_points
from bench.judge.margins import read_margins
from bench.judge.paired import judge_paired
from bench.record.files import read_record
from bench.record.paired import PairedRun
from bench.report.formats.html import render, render_survey
from bench.report.history import history_page
from bench.report.judged import Judged
from bench.report.pages import template_environment
from bench.report.tables import Cell, Table
from bench.stats.outcome import Outcome
from tests.builders.reports import paired_report, pairs
from tests.builders.surveys import RELEASES, survey, surveyed
from tests.builders.verdicts import HOSTILE_REPORTS, paired_run, upgrade

if TYPE_CHECKING:
    from typing import Literal

    from playwright.sync_api import Browser, ViewportSize

    Scheme = Literal["light", "dark"]

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = sorted((ROOT / "reports" / "published").glob("*/paired.json"))[-1]
sync_api = pytest.importorskip(
    "playwright.sync_api", reason="playwright isn't installed; the dependency group `browser` has it"
)

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
PHONE: "ViewportSize" = {"width": 360, "height": 740}
SMALL_PHONE: "ViewportSize" = {"width": 320, "height": 740}
DESK: "ViewportSize" = {"width": 1280, "height": 800}
SCHEMES: tuple["Scheme", ...] = ("light", "dark")


@pytest.fixture(scope="module")
def chromium() -> Iterator["Browser"]:
    """The system's Chromium; skips where there is none."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not path:
        pytest.skip("no Chromium on this machine (Debian's package is `chromium`)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Opened:
    """A page in the browser, and the browser's complaints."""

    def __init__(self, browser: "Browser", path: Path, size: "ViewportSize", scheme: "Scheme" = "light") -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_context(viewport=size, color_scheme=scheme, offline=True).new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        folder = os.environ.get("TFGATE_SCREENSHOTS")
        if folder:
            self.page.screenshot(path=Path(folder) / f"{path.stem}-{size['width']}-{scheme}.png", full_page=True)

    @property
    def width(self) -> int:
        """As wide as the whole page is."""
        found: int = self.page.evaluate("document.documentElement.scrollWidth")
        return found

    def bottom(self, text: str) -> float:
        """Where the text ends that stands at the page's head."""
        box = self.page.locator(".hero").get_by_text(text).first.bounding_box()
        assert box, text
        return box["y"] + box["height"]

    def column(self, header: str) -> list[str]:
        """A column of the first table that has it, as it stands."""
        script = """header => {
            for (const table of document.querySelectorAll("table.sortable")) {
                const at = [...table.tHead.rows[0].cells].findIndex(cell => cell.textContent.trim() === header);
                if (at >= 0) return [...table.tBodies[0].rows].map(row => row.cells[at].textContent);
            }
        }"""
        found: list[str] = self.page.evaluate(script, header)
        return found


Shown = Callable[..., Opened]  # opens the page of a REGRESSION


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "regression.html"
    path.write_text(render([upgrade(1.2)]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shown(chromium: "Browser", regression: Path) -> Shown:
    """Opens the page for tests that leave it as it is, once a size and a theme."""
    found: dict[tuple[int, str], Opened] = {}

    def opened(size: "ViewportSize", scheme: "Scheme" = "light") -> Opened:
        key = size["width"], scheme
        return found.get(key) or found.setdefault(key, Opened(chromium, regression, size, scheme))

    return opened


def test_a_column_sorts_both_ways(chromium: "Browser", regression: Path) -> None:
    opened = Opened(chromium, regression, DESK)
    before = opened.column("median ms")
    button = opened.page.get_by_role("button", name="median ms")
    button.click()
    rising = opened.column("median ms")
    assert rising == sorted(before, key=float) != before
    button.click()
    assert opened.column("median ms") == rising[::-1]
    assert opened.page.locator("th[aria-sort=descending]").inner_text().startswith("median ms")
    assert opened.complaints == []


def test_what_has_no_number_comes_last_whichever_way(chromium: "Browser", regression: Path, tmp_path: Path) -> None:
    path = tmp_path / "wild.html"
    numbers = {"2": 2.0, "inf": math.inf, "nan": math.nan, "10": 10.0, "-inf": -math.inf}
    cells = [Cell("–"), *(Cell(text, number) for text, number in numbers.items())]
    template = template_environment().from_string('{% from "macros.html" import sortable %}{{ sortable(table) }}')
    made = template.render(table=Table("Wild", ("what",), tuple((cell,) for cell in cells)))
    path.write_text(regression.read_text(encoding="utf-8").replace("</main>", f"{made}</main>"), encoding="utf-8")
    opened = Opened(chromium, path, DESK)
    button = opened.page.get_by_role("button", name="what")
    button.click()
    assert opened.column("what") == ["-inf", "2", "10", "inf", "–", "nan"]
    button.click()
    assert opened.column("what") == ["inf", "10", "2", "-inf", "nan", "–"]


def test_on_paper_everything_is_open_and_dark_on_white(chromium: "Browser", regression: Path) -> None:
    opened = Opened(chromium, regression, DESK, "dark")
    assert opened.page.locator("details:not([open])").count() > 0
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator("details:not([open])").count() == 0
    assert opened.page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert opened.page.evaluate("getComputedStyle(document.body).getPropertyValue('--s3')").strip() == "#b59f00"
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("details:not([open])").count() > 0


def test_a_published_upgrade_opens_without_a_complaint_and_fetches_nothing(chromium: "Browser", tmp_path: Path) -> None:
    """A real run of two TensorFlows, in thousands of steps, with names and numbers that nobody made up."""
    path = tmp_path / "published.html"
    found = read_record(PairedRun, PUBLISHED)
    judged = Judged(found, judge_paired(found, read_margins(ROOT / "baselines" / "margins.toml")))
    path.write_text(render([judged]), encoding="utf-8")
    opened = Opened(chromium, path, PHONE)
    assert opened.complaints == []
    assert opened.requests == [path.as_uri()]
    assert opened.bottom(judged.verdict.outcome.value) <= PHONE["height"]
    opened.page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    assert opened.width <= PHONE["width"]  # its long commands scroll by themselves


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_it_fits_the_screen_with_the_culprit_in_sight(shown: Shown, size: "ViewportSize") -> None:
    opened = shown(size)
    assert opened.width <= size["width"]
    for text in (Outcome.REGRESSION.value, "step time", "+20.0%", "+18.1% to +21.9%"):
        assert opened.bottom(text) <= size["height"], text  # without scrolling


def test_a_value_and_its_unit_stay_on_one_line(shown: Shown) -> None:
    values = "[...document.querySelectorAll('.forest-row .value')]"
    lines = shown(SMALL_PHONE).page.evaluate(f"{values}.map(value => value.getClientRects().length)")
    assert set(lines) == {1}


def test_the_theme_is_the_reader_s(shown: Shown) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    papers = [shown(DESK, scheme).page.evaluate(background) for scheme in SCHEMES]
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


def test_a_plot_s_text_can_be_read_at_any_width(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "lone.html"
    lone = dataclasses.replace(upgrade(), run=dataclasses.replace(paired_run(), pairs=()))  # a single, wide plot
    path.write_text(render([lone]), encoding="utf-8")
    opened = Opened(chromium, path, PHONE)
    text = "[...document.querySelectorAll('.chart text')].map(text => text.getBoundingClientRect().height)"
    for width in (360, 720, 1280):
        opened.page.set_viewport_size({"width": width, "height": 800})
        heights = opened.page.evaluate(text)
        assert heights
        assert all(10 <= height <= 21 for height in heights), width


def test_a_history_opens_without_a_complaint(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "history.html"
    steps = [0.001 * (day % 2) + 0.08 * (day > 5) for day in range(11)]
    reports = [paired_report(pairs(1, step=step), f"2026-01-{day + 1:02}") for day, step in enumerate(steps)]
    series = histories([report_points(report.created, report) for report in reports])
    path.write_text(history_page(series, len(reports), ["left out: one"]), encoding="utf-8")
    opened = Opened(chromium, path, PHONE)
    assert opened.page.title().startswith(Outcome.REGRESSION.value)
    assert opened.complaints == []
    assert opened.width <= PHONE["width"]


def test_a_survey_fits_any_screen_and_its_tables_scroll_by_themselves(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "survey.html"
    levels = {release: math.log(1.2) if release > "2.17" else 0.0 for release in RELEASES}
    asked = survey(left_out={"2.14.1": "there is no wheel that this machine could install"})
    path.write_text(render_survey(surveyed(levels, asked, ["2.15.1"])), encoding="utf-8")
    opened = Opened(chromium, path, {"width": 360, "height": 800})
    assert opened.complaints == []
    assert opened.requests == [path.as_uri()]
    for width in (360, 720, 1280):
        opened.page.set_viewport_size({"width": width, "height": 800})
        assert opened.width <= width
        sizes = opened.page.evaluate(
            "[...document.querySelectorAll('.grid td, .grid th')]"
            ".map(each => parseFloat(getComputedStyle(each).fontSize))"
        )
        assert min(sizes) >= 12
        release = opened.page.locator(".grid tbody th").nth(3)
        opened.page.locator(".scroll").first.evaluate("table => { table.scrollLeft = 10000 }")
        box = release.bounding_box()
        assert box
        assert box["x"] >= 0  # its name stays in sight


@pytest.mark.usefixtures("undrawn")
def test_a_release_s_name_is_not_broken(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "survey.html"
    path.write_text(render_survey(surveyed({"tensorflow==2.21.0": 0.0, "tf-nightly": 0.0})), encoding="utf-8")
    name = Opened(chromium, path, PHONE).page.locator(".grid tbody th").first
    lines = "cell => { const all = new Range(); all.selectNodeContents(cell); return all.getClientRects().length }"
    assert name.evaluate(lines) == 1


def test_hostile_names_run_nothing(chromium: "Browser", tmp_path: Path) -> None:
    """In a run, an upgrade and a gate, on one page."""
    path = tmp_path / "hostile.html"
    path.write_text(render([of() for of in HOSTILE_REPORTS]), encoding="utf-8")
    opened = Opened(chromium, path, PHONE)
    assert opened.page.evaluate("typeof window.owned") == "undefined"
    assert opened.complaints == []
    assert opened.requests == [path.as_uri()]
    assert opened.width <= PHONE["width"]


def test_a_script_that_is_not_the_page_s_own_would_not_run(
    chromium: "Browser", regression: Path, tmp_path: Path
) -> None:
    path = tmp_path / "spoilt.html"
    spoilt = regression.read_text(encoding="utf-8").replace("</main>", "<script>window.owned = 1</script></main>")
    path.write_text(spoilt, encoding="utf-8")
    opened = Opened(chromium, path, DESK)
    assert opened.page.evaluate("typeof window.owned") == "undefined"
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)
