"""The page in a real browser, over the demo's data. Skipped where there is no Chromium."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from backfill.sandbox import embedded

from .conftest import CREDENTIALS

CHROMIUM = shutil.which("chromium")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")

CHECKOUT = Path(__file__).parents[2]

#: Nothing but the page's own server is to be reached.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

WIDE, NARROW = {"width": 1200, "height": 900}, {"width": 320, "height": 700}


class Visit(NamedTuple):
    """A page of the browser, where it is, and what it did that it should not."""

    page: Page
    address: str
    trouble: list[str]

    def open(self, path: str) -> None:
        answer = self.page.goto(self.address + path)
        assert answer is not None
        assert answer.ok

    def overflow(self) -> int:
        """How many pixels the document is wider than the window."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        return int(wide)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A sandbox that holds what the demo loads."""
    folder = tmp_path_factory.mktemp("demo")
    state = folder / "workspace.db"
    places = {"destination.sandbox": state, "checkpoint": folder / "c", "rejects": folder / "r"}
    overrides = [word for name, path in places.items() for word in ("--set", f"{name}={path}")]
    command = [sys.executable, "-m", "backfill", "run", "configs/demo.yaml", *overrides]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, timeout=100, check=False)
    assert done.returncode == 3, done.stderr
    with embedded(state) as url:
        yield url


def visiting(browser: Browser, address: str, **options: Any) -> Iterator[Visit]:
    trouble: list[str] = []
    own = (address, "data:")
    with browser.new_context(**options) as context:
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: (trouble.append("a dialog"), dialog.dismiss()))
        page.on("request", lambda sent: sent.url.startswith(own) or trouble.append(sent.url))
        yield Visit(page, address, trouble)


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    yield from visiting(browser, address, viewport=WIDE)


@pytest.fixture
def narrow(browser: Browser, address: str) -> Iterator[Visit]:
    yield from visiting(browser, address, viewport=NARROW)


@pytest.fixture(scope="module")
def hostile(address: str) -> str:
    """Where the profile stands whose every word tries to be something else."""
    attributes = {
        "name": "<script>alert(document.domain)</script>",
        '"><img src=x onerror=alert(1)>': '"><img src=x onerror=alert(1)>',
        "n" * 150: "w" * 1000,
        "link": "javascript:alert(1)",
        "turned": "abc\u202edef",
        "nested": {"<b>": ["{{7*7}}", "</td></tr></table>"]},
    }
    with httpx.Client(base_url=address, auth=CREDENTIALS) as client:
        for name in (attributes["name"], "<i>again</i>"):
            told = {"type": "person", "action": "identify", "identifiers": {"id": "<script>"}}
            told["attributes"] = {**attributes, "name": name}  # type: ignore[assignment]
            assert client.post("/api/v2/entity", json=told).status_code == 200
        found = client.get("/people", params={"q": "<script>"}).text
    return found.partition('href="/people/')[2].partition('"')[0]


def test_a_person_is_searched_and_shown_with_attributes_orders_and_company(visit: Visit) -> None:
    page = visit.page
    visit.open("/")
    page.get_by_label("Find a person").fill("contact.18@")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="000018").click()
    heading = page.get_by_role("heading", level=1).inner_text()
    attributes = page.get_by_role("region", name="Table of attributes").inner_text()
    orders = page.get_by_text("order_placed").count()
    page.get_by_role("link", name="00030", exact=True).first.click()
    company = page.get_by_role("heading", level=1).inner_text()
    page.get_by_role("link", name="000018").click()

    assert heading == page.get_by_role("heading", level=1).inner_text() == "000018"
    assert "Frida" in attributes
    assert orders == 5
    assert company == "00030"
    assert visit.trouble == []


def test_a_hostile_profile_is_shown_as_text_and_runs_nothing(visit: Visit, hostile: str) -> None:
    visit.open(f"/people/{hostile}")
    page = visit.page
    text = page.get_by_role("main").inner_text()

    assert "<script>alert(document.domain)</script>" in text
    assert "javascript:alert(1)" in text
    assert "abc[U+202E]def" in text
    assert "w" * 1000 in text
    assert page.locator("script, img, iframe, a[href^=javascript]").count() == 0
    assert (visit.trouble, visit.overflow()) == ([], 0)


def test_script_that_got_into_a_page_would_not_run(visit: Visit) -> None:
    visit.open("/")
    visit.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.ran = 1';"
        " document.body.append(s); }"
    )

    assert visit.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in word for word in visit.trouble)


def test_it_works_from_the_keyboard_alone(visit: Visit) -> None:
    visit.open("/")
    keyboard, page = visit.page.keyboard, visit.page
    keyboard.press("Tab")
    first = page.evaluate("document.activeElement.textContent")
    for _ in range(20):
        keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "q":
            break
    keyboard.type("contact.18@")
    keyboard.press("Enter")
    page.wait_for_url("**/people?q=**")
    for _ in range(20):
        keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == "000018":
            break
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    keyboard.press("Enter")
    page.wait_for_url("**/people/*")

    assert first == "Skip to the content"
    assert ring == "solid"
    assert page.get_by_role("heading", level=1).inner_text() == "000018"


@pytest.mark.parametrize(
    "path",
    ["/", "/people", "/people?q=example", "/objects", "/visitors", "/requests", "/requests/1"],
)
def test_no_page_is_wider_than_a_narrow_screen(narrow: Visit, path: str) -> None:
    narrow.open(path)

    assert (narrow.overflow(), narrow.trouble) == (0, [])


def test_a_hostile_profile_fits_a_narrow_screen(narrow: Visit, hostile: str) -> None:
    narrow.open(f"/people/{hostile}")

    assert narrow.overflow() == 0


def test_it_is_dark_for_who_likes_it_dark(browser: Browser, address: str) -> None:
    shades = []
    for scheme in ("light", "dark"):
        for visit in visiting(browser, address, color_scheme=scheme):
            visit.open("/")
            shades.append(visit.page.evaluate("getComputedStyle(document.body).backgroundColor"))

    assert shades == ["rgb(247, 247, 245)", "rgb(22, 24, 26)"]
