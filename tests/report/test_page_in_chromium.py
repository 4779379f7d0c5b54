"""The report in a real browser, from a file and without a network. Skipped without Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from backfill.logbook import History
from backfill.reporting.facts import facts
from backfill.reporting.page import page as rendered
from tests.sandbox.test_page_in_chromium import FLAGS

from .runs import HOSTILE, history, identity, job, log, saved

CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")

CHARTS = (
    "operations",
    "requests",
    "megabytes",
    "latency",
    "in_flight",
    "bytes",
    "batch_operations",
)

#: How many different colours a chart's canvas has: 1 of one that nothing was drawn on.
SHADES = """name => {
  const canvas = document.querySelector(`[data-chart="${name}"] canvas`);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size;
}"""

#: The colour of the line of the chart of operations.
STROKE = "getComputedStyle(document.documentElement).getPropertyValue('--one').trim()"


class Visit(NamedTuple):
    """A page, and what it did that it should not."""

    page: Page
    trouble: list[str]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report of two sittings, with names that try to be something else."""
    return written(tmp_path, log(60, remarks=(HOSTILE,)), HOSTILE)


def written(folder: Path, told: History, label: str = "people.csv") -> Path:
    html = rendered(job(folder), identity(label), facts(saved(label=label), told))
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    return path


def visiting(browser: Browser, path: Path, **options: Any) -> Iterator[Visit]:
    trouble: list[str] = []
    with browser.new_context(offline=True, **options) as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda sent: sent.url == path.as_uri() or trouble.append(sent.url))
        page.goto(path.as_uri())
        yield Visit(page, trouble)


def overflow(page: Page) -> int:
    """How many pixels the document is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_chart_is_drawn_without_a_network_and_without_a_complaint(browser, report, scheme):
    for visit in visiting(browser, report, color_scheme=scheme):
        drawn = {name: visit.page.evaluate(SHADES, name) for name in CHARTS}
        title = visit.page.title()

    assert min(drawn.values()) > 10, drawn
    assert title == "Run 20261128T114901Z-abc123 of crm.yaml"
    assert visit.trouble == []


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_requests_are_drawn_too(browser, tmp_path, count):
    for visit in visiting(browser, written(tmp_path, log(count))):
        drawn = [visit.page.evaluate(SHADES, name) for name in CHARTS]

    assert (min(drawn) > 5, visit.trouble) == (True, [])


def test_a_run_without_requests_has_a_page_without_charts(browser, tmp_path):
    for visit in visiting(browser, written(tmp_path, history())):
        assert visit.page.get_by_text("No request was made.").is_visible()
        assert visit.page.locator("canvas").count() == 0

    assert visit.trouble == []


def test_charts_follow_the_scheme_when_it_changes(browser, report):
    image = "document.querySelector('[data-chart=operations] canvas').toDataURL()"
    for visit in visiting(browser, report, color_scheme="light"):
        light = visit.page.evaluate(STROKE), visit.page.evaluate(image)
        visit.page.emulate_media(color_scheme="dark")
        visit.page.wait_for_timeout(100)
        dark = visit.page.evaluate(STROKE), visit.page.evaluate(image)

    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_paper_is_light_and_no_chart_is_wider_than_it(browser, report):
    wide = "[...document.querySelectorAll('figure')].map(f => f.scrollWidth - f.clientWidth)"
    for visit in visiting(
        browser, report, color_scheme="dark", viewport={"width": 703, "height": 900}
    ):
        visit.page.emulate_media(media="print")
        visit.page.wait_for_timeout(100)
        shade = visit.page.evaluate(STROKE)
        over = visit.page.evaluate(wide)
        pdf = visit.page.pdf(prefer_css_page_size=True)

    assert shade == "#0b57a4"
    assert max(over) <= 0
    assert pdf.count(b"/Type /Page\n") <= 3
    assert visit.trouble == []


def test_after_printing_the_charts_are_as_wide_as_the_window_again(browser, report):
    width = "document.querySelector('[data-chart=operations] canvas').clientWidth"
    for visit in visiting(browser, report):
        before = visit.page.evaluate(width)
        visit.page.pdf()
        after = visit.page.evaluate(width)

    assert before == after


def test_the_page_is_no_wider_than_a_narrow_screen(browser, report):
    for visit in visiting(browser, report, viewport={"width": 320, "height": 700}):
        over = overflow(visit.page)

    assert (over, visit.trouble) == (0, [])


def test_names_that_try_to_be_markup_run_nothing(browser, report):
    for visit in visiting(browser, report):
        text = visit.page.get_by_role("main").inner_text()
        title = visit.page.title()

    assert HOSTILE in text
    assert title.startswith("Run ")
    assert visit.trouble == []


def test_a_script_that_got_into_the_page_would_not_run(browser, report):
    report.write_text(
        report.read_text().replace("</main>", "<script>window.ran = 1</script></main>")
    )
    for visit in visiting(browser, report):
        ran = visit.page.evaluate("window.ran")

    assert ran is None
    assert any("Content Security Policy" in word for word in visit.trouble)


def test_without_a_script_every_number_is_there(browser, report):
    for visit in visiting(browser, report, java_script_enabled=False):
        visit.page.get_by_text("The numbers of these charts: ").click()
        rows = visit.page.locator("#course tbody tr")
        assert rows.count() > 20
        assert rows.first.is_visible()
        assert visit.page.get_by_text("The charts need JavaScript.").is_visible()


def test_pointing_at_a_chart_tells_the_numbers_of_that_moment(browser, report):
    for visit in visiting(browser, report):
        visit.page.locator("[data-chart=operations] .u-over").hover()
        told = visit.page.locator("output").all_inner_texts()

    assert "operations/s" in told[0]
    assert all(told[:5])
    assert visit.trouble == []
