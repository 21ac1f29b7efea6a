"""The page in headless Chromium: it opens from disk without a complaint, sorts its tables, fits a phone, and follows the theme.

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

from bench.judge.margins import read_margins
from bench.judge.paired import judge_paired
from bench.record.files import read_record
from bench.record.paired import PairedRun
from bench.report.history import history_page
from bench.report.html import _environment, page
from bench.report.judged import Judged
from bench.report.tables import Cell, Table
from tests.bench.judge.test_history import releases
from tests.bench.report.samples import gate, hostile_gate, paired_run, upgrade
from tests.bench.report.test_html import hostile, hostile_upgrade

if TYPE_CHECKING:
    from typing import Literal

    from playwright.sync_api import Browser, ViewportSize

    Scheme = Literal["light", "dark"]

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = ROOT / "reports" / "published" / "upgrade-2.20.0-2.21.0" / "paired.json"
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
    """A page in the browser, and what the browser complained of."""

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


@pytest.fixture(scope="module")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "regression.html"
    path.write_text(page([upgrade(1.2)]), encoding="utf-8")
    return path


def column(opened: Opened, header: str) -> list[str]:
    """A column of the table of launches, as it stands."""
    script = """header => {
        for (const table of document.querySelectorAll("table.sortable")) {
            const at = [...table.tHead.rows[0].cells].findIndex(cell => cell.textContent.trim() === header);
            if (at >= 0) return [...table.tBodies[0].rows].map(row => row.cells[at].textContent);
        }
    }"""
    found: list[str] = opened.page.evaluate(script, header)
    return found


def test_it_opens_without_a_complaint_and_fetches_nothing(chromium: "Browser", regression: Path) -> None:
    opened = Opened(chromium, regression, DESK)
    assert opened.page.title() == "REGRESSION – tfgate"
    assert opened.complaints == []
    assert opened.requests == [regression.as_uri()]


def test_a_column_sorts_both_ways(chromium: "Browser", regression: Path) -> None:
    opened = Opened(chromium, regression, DESK)
    before = column(opened, "median ms")
    button = opened.page.get_by_role("button", name="median ms")
    button.click()
    rising = column(opened, "median ms")
    assert rising == sorted(before, key=float) != before
    button.click()
    assert column(opened, "median ms") == rising[::-1]
    assert opened.page.locator("th[aria-sort=descending]").inner_text().startswith("median ms")
    assert opened.complaints == []


def test_what_has_no_number_comes_last_whichever_way(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "wild.html"
    cells = [
        Cell("–"),
        Cell("2", 2.0),
        Cell("inf", math.inf),
        Cell("nan", math.nan),
        Cell("10", 10.0),
        Cell("-inf", -math.inf),
    ]
    template = _environment().from_string('{% from "macros.html" import sortable %}{{ sortable(table) }}')
    made = template.render(table=Table("Wild", ("what",), tuple((cell,) for cell in cells)))
    path.write_text(page([upgrade()]).replace("</main>", f"{made}</main>"), encoding="utf-8")
    opened = Opened(chromium, path, DESK)
    button = opened.page.get_by_role("button", name="what")
    button.click()
    assert column(opened, "what") == ["-inf", "2", "10", "inf", "–", "nan"]
    button.click()
    assert column(opened, "what") == ["inf", "10", "2", "-inf", "nan", "–"]


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


def test_a_published_upgrade_opens_with_its_verdict_in_sight(chromium: "Browser", tmp_path: Path) -> None:
    """A real run: of two TensorFlows, in thousands of steps, with names and numbers that nobody made up."""
    path = tmp_path / f"{PUBLISHED.parent.name}.html"
    found = read_record(PairedRun, PUBLISHED)
    judged = Judged(found, judge_paired(found, read_margins(ROOT / "baselines" / "margins.toml")))
    path.write_text(page([judged]), encoding="utf-8")
    opened = Opened(chromium, path, PHONE)
    assert opened.complaints == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    box = opened.page.locator(".hero").get_by_text("PASS").first.bounding_box()
    assert box
    assert box["y"] + box["height"] <= PHONE["height"]


@pytest.mark.parametrize(("speed", "size"), [(True, PHONE), (False, DESK)], ids=["whole-phone", "numbers-desk"])
def test_a_gate_opens_with_what_it_ruled_out_in_sight(
    chromium: "Browser", tmp_path: Path, speed: bool, size: "ViewportSize"
) -> None:
    path = tmp_path / f"gate-{'whole' if speed else 'numbers'}.html"
    path.write_text(page([gate(speed=speed)]), encoding="utf-8")
    opened = Opened(chromium, path, size)
    assert opened.complaints == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    said = "a slowdown of 5.0% or more is ruled out" if speed else "(numbers only; speed not measured)"
    box = opened.page.locator(".hero").get_by_text(said).first.bounding_box()
    assert box
    assert box["y"] + box["height"] <= size["height"]
    opened.page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true })")
    assert (
        opened.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    )  # its long commands scroll by themselves


def test_a_plot_s_text_can_be_read_and_shouts_at_nobody(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "lone.html"
    lone = dataclasses.replace(
        upgrade(), run=dataclasses.replace(paired_run(), pairs=())
    )  # a single plot, as wide as it may be
    path.write_text(page([lone]), encoding="utf-8")
    text = "[...document.querySelectorAll('.chart text')].map(text => text.getBoundingClientRect().height)"
    for width in (360, 720, 1280):
        heights = Opened(chromium, path, {"width": width, "height": 800}).page.evaluate(text)
        assert heights
        assert all(10 <= height <= 21 for height in heights), width


def test_a_history_opens_without_a_complaint(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "history.html"
    path.write_text(history_page(releases([1.0] * 6 + [1.08] * 5), 11, ["left out: one"]), encoding="utf-8")
    opened = Opened(chromium, path, PHONE)
    assert opened.page.title() == "REGRESSION – tfgate history"
    assert opened.complaints == []
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_it_fits_the_screen_with_the_culprit_in_sight(
    chromium: "Browser", regression: Path, size: "ViewportSize"
) -> None:
    opened = Opened(chromium, regression, size)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    for text in ("REGRESSION", "step time", "+20.0%", "95% certain to be between +18.1% and +21.9%"):
        box = opened.page.locator(".hero").get_by_text(text).first.bounding_box()
        assert box
        assert box["y"] + box["height"] <= size["height"], text  # without scrolling


def test_the_theme_is_the_reader_s(chromium: "Browser", regression: Path) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    papers = [Opened(chromium, regression, DESK, scheme).page.evaluate(background) for scheme in SCHEMES]
    assert papers == ["rgb(255, 255, 255)", "rgb(20, 23, 26)"]


@pytest.mark.parametrize("of", [hostile, hostile_upgrade, hostile_gate])
def test_hostile_names_run_nothing(chromium: "Browser", tmp_path: Path, of: Callable[[], Judged]) -> None:
    path = tmp_path / f"{of.__name__}.html"
    path.write_text(page([of()]), encoding="utf-8")
    opened = Opened(chromium, path, PHONE)
    assert opened.page.evaluate("typeof window.owned") == "undefined"
    assert opened.complaints == []
    assert opened.requests == [path.as_uri()]
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_script_that_is_not_the_page_s_own_would_not_run(chromium: "Browser", tmp_path: Path) -> None:
    path = tmp_path / "spoilt.html"
    path.write_text(page([upgrade()]).replace("</main>", "<script>window.owned = 1</script></main>"), encoding="utf-8")
    opened = Opened(chromium, path, DESK)
    assert opened.page.evaluate("typeof window.owned") == "undefined"
    assert any("Content Security Policy" in complaint for complaint in opened.complaints)
