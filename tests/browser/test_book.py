"""The book in a browser: on a phone and a large screen, in light and dark, by keyboard, at twice the size."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "build" / "docs"
PAGES = ("index", "ota-updates", "lessons/00-start-here", "glossary")

pytestmark = pytest.mark.needs("chromium", "engine")

OpenPage = Callable[..., Page]
Accessible = Callable[..., None]


@pytest.fixture(scope="module")
def book() -> Iterator[str]:
    """Built from what was executed before, and served as a web server would; its address."""
    command = [sys.executable, str(ROOT / "docs" / "build_book.py"), "--check", "--only", "en"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(BOOK))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing of it."""

    def log_message(self, *_: object) -> None:
        pass


def address(book: str, name: str) -> str:
    return f"{book}/en/{name}.html"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(book: str, open_page: OpenPage, accessible: Accessible, name: str, scheme: str) -> None:
    """axe-core finds nothing serious: contrast, names, headings, landmarks, regions that scroll."""
    page = open_page(address(book, name), color_scheme=scheme)
    accessible(page, f"{name} in {scheme}")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "what"), [(360, "a phone"), (640, "1280 pixels at 200 %")])
def test_no_page_scrolls_sideways(book: str, open_page: OpenPage, name: str, width: int, what: str) -> None:
    """What is wider than the screen scrolls by itself, inside the page."""
    page = open_page(address(book, name), width=width)
    needs, has = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert needs <= has, f"{name} on {what}"


def test_everything_can_be_reached_by_keyboard(book: str, open_page: OpenPage) -> None:
    """Skip link first, the way to the other language, then the pages; what has the focus shows it."""
    page = open_page(address(book, "index"))
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e);"
            "return [e.innerText || e.getAttribute('aria-label') || e.name || '',"
            " s.outlineStyle !== 'none' || s.boxShadow !== 'none' || e.matches(':focus-visible')] })()"
        )
        reached.append(seen[0].strip())
        assert seen[1], f"{seen[0]!r} does not show that it has the focus"
    assert reached[0] == "Skip to content"
    assert {"中文", "OTA updates", "Glossary"} <= set(reached)


def test_the_skip_link_leads_to_the_text(book: str, open_page: OpenPage) -> None:
    """Who hears the page does not hear the list of pages each time."""
    page = open_page(address(book, "ota-updates"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#furo-main-content"


def test_a_diagram_on_a_phone_is_moved_inside_the_page(book: str, open_page: OpenPage) -> None:
    """It keeps the size in which it can be read, and it is a link to itself alone, so the keyboard reaches it."""
    page = open_page(address(book, "ota-updates"), width=360)
    frame = page.locator("a.uml").first
    inner, outer = frame.evaluate("each => [each.scrollWidth, each.clientWidth]")
    assert outer <= 360 < inner
    assert frame.get_attribute("href", timeout=1_000).endswith(".svg")  # type: ignore[union-attr]  # a link has one


def test_a_diagram_has_words_for_who_does_not_see_it(book: str, open_page: OpenPage) -> None:
    """Its title and its messages, in order."""
    page = open_page(address(book, "ota-updates"))
    told = [each.get_attribute("alt") or "" for each in page.locator("img.uml").all()]
    assert len(told) >= 7
    assert all(len(each) > 60 for each in told)
    assert "Device → ThingsBoard Server: Connect" in told[0]


def test_the_other_language_is_one_step_away(book: str, open_page: OpenPage) -> None:
    """From each page to the same page."""
    page = open_page(address(book, "lessons/00-start-here"))
    link = page.get_by_role("navigation", name="Language").get_by_role("link", name="中文")
    assert link.evaluate("each => each.href").endswith("/zh_CN/lessons/00-start-here.html")
    assert link.get_attribute("hreflang") == "zh-CN"
