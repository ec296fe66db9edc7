"""A headless browser, and pages that tell at their end what went wrong in them.

Playwright drives Debian's Chromium (nothing is downloaded). A page fails its test where its console shows
an error or a violation of the content security policy that the test did not announce.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it ships no types
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DEADLINE_MS = 20_000
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
GRAVE = {"serious", "critical"}

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a module."""
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens a page in a context of its own; `forgiven` are pieces of console errors that the test means to cause."""
    errors: list[str] = []
    contexts = []

    def opened(
        url: str, *, forgiven: tuple[str, ...] = (), width: int = 1280, height: int = 900, **context: Any
    ) -> Page:
        made = browser.new_context(viewport={"width": width, "height": height}, **context)
        contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(DEADLINE_MS)

        def heard(message: ConsoleMessage) -> None:
            if message.type == "error" and not any(piece in message.text for piece in forgiven):
                errors.append(message.text)

        page.on("console", heard)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        return page

    yield opened
    for made in contexts:
        made.close()
    assert errors == []


@pytest.fixture(scope="session")
def accessible() -> Callable[..., None]:
    """Asserts that axe-core finds nothing serious in a page, or within a part of it, as it stands now."""
    axe = Axe()

    def checked(page: Page, state: str, within: str | None = None) -> None:
        part = {"include": [[within]]} if within else None
        options = {"runOnly": RULES, "resultTypes": ["violations"]}
        found = axe.run(page, context=part, options=options).response["violations"]
        grave = [
            (each["id"], each["help"], [node["html"][:160] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in GRAVE
        ]
        assert grave == [], f"{state}: {grave}"

    return checked
