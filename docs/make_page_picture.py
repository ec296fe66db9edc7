# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""Draws docs/pictures/twin-page.png: the twin's page while four devices are updated, in the middle of it.

    python docs/make_page_picture.py

Needs Chromium (`sudo apt-get install chromium`) and the locked environment. Addresses and times differ from
run to run, so the picture is made by hand and looked at; nothing compares it.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

import otakit
from otakit.servers import Device, Twin

PICTURE = Path(__file__).parent / "pictures" / "twin-page.png"
IMAGE = bytes(i % 251 for i in range(200_000))
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def main() -> int:
    """Makes the picture; returns the exit status."""
    browser = shutil.which("chromium")
    if browser is None:
        sys.stderr.write("make_page_picture: chromium is missing; install it with: sudo apt-get install chromium\n")
        return 2
    with tempfile.TemporaryDirectory() as folder, Twin() as twin, sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=SWITCHES)
        page = started.new_context(viewport={"width": 1280, "height": 980}, device_scale_factor=1.5).new_page()
        page.goto(twin.url)
        _play(twin, page, Path(folder))
        started.close()
    sys.stdout.write(f"{PICTURE}\n")
    return 0


def _play(twin: Twin, page: Page, folder: Path) -> None:
    """One device is done, one is in the middle when the picture is taken, one waits, one has nothing."""
    done, busy, waiting, _ = [twin.add_device(f"pump-{number}") for number in range(1, 5)]
    first, second = (twin.upload("firmware", "pump", version, IMAGE) for version in ("v1.9", "v1.10"))
    twin.upload("software", "valve-app", "v2.0.1", IMAGE[:9_000], tag="blue")
    _assign(page, twin, done, first)
    otakit.update(done, record=folder / "done.pcapng", show_progress=False)
    for device in (busy, waiting):
        _assign(page, twin, device, second)
    page.get_by_role("button", name=f"Exchanges {busy.name}").click()
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    running = otakit.start_update(busy, record=folder / "busy.pcapng", link="40 ms", chunk_bytes=2048, window=1)
    half = re.compile(r"[2-9]\d % ·")
    expect(page.get_by_role("row").filter(has_text=busy.name).first).to_contain_text(half, timeout=30_000)
    page.screenshot(path=PICTURE)
    running.stop()


def _assign(page: Page, twin: Twin, device: Device, package: otakit.servers.StoredPackage) -> None:
    """Assigns, and waits until the page says so."""
    twin.assign(package, to=device)
    expect(page.get_by_role("row").filter(has_text=device.name).first).to_contain_text("INITIATED", timeout=30_000)


if __name__ == "__main__":
    sys.exit(main())
