"""JupyterLab as `make lab` opens it: a lesson run from end to end, the button for steps, light and dark.

The lab is started by kit.py on a folder of its own, with its set-up left out: a test changes no environment.
"""

from __future__ import annotations

import os
import pty
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, expect

pytestmark = pytest.mark.needs("chromium", "engine")

ROOT = Path(__file__).resolve().parent.parent.parent
START = "import sys, kit; kit.set_up = lambda kind: None; sys.exit(kit.main(sys.argv[1:]))"
DEADLINE_S = 40
OURS = ".jp-OutputArea-output"
WRONG = "[data-mime-type='application/vnd.jupyter.error'], [data-mime-type='application/vnd.jupyter.stderr']"
STEPS = (
    """import otakit
from otakit.lesson.next_button import next_button
server = otakit.server()
device = server.add_device("pump-7")
server.assign(server.upload("firmware", "pump", "1.1.0", bytes(5_000)), to=device)
steps = otakit.steps(device)
next_button(steps)""",
    "next(steps)",
    "steps.session",
)
REMEMBER = """() => {
  window.shown = [];
  const look = () => document.querySelectorAll('.jp-OutputArea-output img').forEach(image => {
    if (image.alt.startsWith('Timeline') && !window.shown.some(([source]) => source === image.src))
      window.shown.push([image.src, image.alt]);
  });
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
}"""
"""Keeps every picture of the running update: a test that is slow to ask must not miss one."""


class Lab:
    """A lab that runs, and what it says."""

    def __init__(self, folder: Path) -> None:
        port = ("--ServerApp.port=0",)
        self.command = [sys.executable, "-c", START, "lab", "BROWSER=none", f"FOLDER={folder}", *port]
        self._keyboard, terminal = pty.openpty()  # JupyterLab hears Ctrl-C only where there is a terminal
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            stdin=terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        os.close(terminal)
        self._lines: queue.Queue[str] = queue.Queue()
        self.said: list[str] = []
        self._ear = threading.Thread(target=self._listen, daemon=True)
        self._ear.start()
        self.address = self._hear(r"(http://127\.0\.0\.1:\d+)/lab/tree/00-start-here\.ipynb\?token=(\w+)")

    def url(self, notebook: str) -> str:
        """Where a notebook is opened."""
        host, token = self.address
        return f"{host}/lab/tree/{notebook}?token={token}&reset"

    def interrupt(self) -> int:
        """Ctrl-C, which a terminal sends to all that run in it; returns the exit status."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(DEADLINE_S)

    def end(self) -> None:
        """Whatever is left of it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(DEADLINE_S)
        self._ear.join(DEADLINE_S)
        os.close(self._keyboard)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stdout:
            for line in stdout:
                self._lines.put(line)
        self._lines.put("")

    def _hear(self, pattern: str) -> tuple[str, ...]:
        ends = time.monotonic() + DEADLINE_S
        while found := self._lines.get(timeout=max(0.0, ends - time.monotonic())):
            self.said.append(found)
            if match := re.search(pattern, found):
                return match.groups()
        pytest.fail(f"the lab ended: {''.join(self.said)}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The lessons, and a notebook with the button."""
    folder = tmp_path_factory.mktemp("lab") / "my-notebooks"
    folder.mkdir()
    cells = [nbformat.v4.new_code_cell(source) for source in STEPS]  # type: ignore[no-untyped-call]  # nbformat's own
    kernel = {"kernelspec": {"name": "python3", "display_name": "otakit"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)  # type: ignore[no-untyped-call]  # nbformat's own
    (folder / "steps.ipynb").write_text(nbformat.writes(notebook), encoding="utf-8")  # type: ignore[no-untyped-call]
    opened = Lab(folder)
    yield opened
    opened.end()


class Opened:
    """A notebook in the browser, all of its cells run."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.errors: list[str] = []
        self.page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        self.page.set_default_timeout(DEADLINE_S * 1000)
        self.page.on("console", lambda said: self.errors.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(url)
        expect(self.page.locator(".jp-StatusBar-Widget").get_by_text("| Idle")).to_be_visible()
        self.page.evaluate(REMEMBER)
        self.choose("Run", "Run All Cells")
        last = self.page.locator(".jp-CodeCell").last.locator(".jp-InputPrompt")
        expect(last).to_have_text(re.compile(r"\[\d+\]"), timeout=DEADLINE_S * 1000)

    def choose(self, menu: str, *path: str) -> None:
        """Picks from the menu, as a reader does."""
        self.page.get_by_role("menuitem", name=menu, exact=True).click()
        for word in path:
            self.page.locator(".lm-Menu-itemLabel").get_by_text(word, exact=True).click()

    def wears(self, theme: str) -> None:
        """Changes the colours."""
        self.choose("Settings", "Theme", f"JupyterLab {theme}")
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", str(theme == "Light").lower())

    def output(self, text: str | re.Pattern[str]) -> Locator:
        """What a cell has shown."""
        return self.page.locator(OURS).filter(has_text=text).first


@pytest.fixture(scope="module")
def lesson(lab: Lab, browser: Browser) -> Opened:
    """The first lesson, run from its first to its last cell."""
    return Opened(browser, lab.url("00-start-here.ipynb"))


@pytest.fixture(scope="module")
def stepping(lab: Lab, browser: Browser) -> Opened:
    """The notebook with the button; the plain way has taken one step."""
    return Opened(browser, lab.url("steps.ipynb"))


def sources(images: Locator) -> list[str]:
    """The SVG texts of pictures."""
    script = "all => all.map(image => atob(image.src.split('base64,')[1]))"
    found: list[str] = images.evaluate_all(script)
    return found


def test_lesson_runs_to_its_end_without_an_error(lesson: Opened) -> None:
    """Neither a cell nor the browser's console has one, and nobody asks about news."""
    expect(lesson.page.locator(WRONG)).to_have_count(0)
    assert lesson.errors == []
    expect(lesson.page.get_by_text("official Jupyter news")).to_have_count(0)


def test_picture_of_the_update_grows_while_it_runs(lesson: Opened) -> None:
    """Pictures one after another, with more bytes; the last one says UPDATED."""
    alts = [alt for _, alt in lesson.page.evaluate("window.shown")]
    growing = [float(found[1]) for alt in alts if (found := re.search(r"over time: ([\d.]+) KiB", alt))]
    assert len(set(growing)) >= 2
    assert growing == sorted(growing)
    assert "UPDATED after" in alts[-1]


def test_diagram_and_frames_of_the_run_are_shown(lesson: Opened) -> None:
    """The diagram is a picture that loaded, as wide as its cell at most; a frame is a table."""
    diagram = lesson.page.locator(f"{OURS} img[alt^='firmware pump 1.0.0 → 1.1.0: UPDATED']")
    assert diagram.evaluate("image => image.complete && image.naturalWidth") > 500
    widths = diagram.evaluate("image => [image.width, image.closest('.jp-OutputArea-output').clientWidth]")
    assert widths[0] <= widths[1]
    expect(lesson.page.locator(f"{OURS} table.dataframe").first).to_contain_text("INITIATED")


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_outputs_are_legible_in_both_themes(lesson: Opened, accessible: Callable[..., None], theme: str) -> None:
    """Contrast and all else that axe-core finds; a picture stands on white paper in either."""
    lesson.wears(theme)
    accessible(lesson.page, theme, OURS)
    grounds = "all => all.map(image => getComputedStyle(image).backgroundColor)"
    assert set(lesson.page.locator(f"{OURS} img:not([hidden])").evaluate_all(grounds)) == {"rgb(255, 255, 255)"}


def test_next_is_pressed_to_the_end_from_the_keyboard(stepping: Opened) -> None:
    """It goes on from the plain way's step; the arrow of each step is lit; the last press says how it ended."""
    page = stepping.page
    button, line = page.get_by_role("button", name="Next", exact=True), page.get_by_role("status")
    expect(stepping.output("Step 1: Connect")).to_be_visible()
    button.focus()
    titles: list[str] = []
    while not titles or "last step" not in titles[-1]:
        before = line.text_content() or ""
        page.keyboard.press("Space" if len(titles) % 2 else "Enter")
        expect(line).not_to_have_text(before)
        titles.append(line.text_content() or "")
        if titles[-1].startswith("Step"):
            picture = page.locator(OURS).get_by_alt_text(titles[-1])
            expect(picture).to_be_visible()
            assert "#C00000" in sources(picture)[0]
    assert [title.split(":")[0] for title in titles[:-1]] == [f"Step {n}" for n in range(2, len(titles) + 1)]
    assert titles[-1] == "That was the last step: firmware UPDATED. steps.session has it all."
    expect(button).to_be_focused()
    assert stepping.errors == []


def test_session_is_shown_as_a_line_and_a_table(stepping: Opened) -> None:
    """Grown with the steps, once its cell is run again."""
    summary = stepping.output(re.compile(r"Session pump-7-\S+: \d+ packets"))
    stepping.page.locator(".jp-CodeCell").last.click()
    stepping.page.keyboard.press("Control+Enter")
    expect(summary).to_contain_text("firmware UPDATED")
    expect(summary.locator("tbody tr")).to_contain_text("pump 1.0.0")


def test_next_is_reached_with_the_tab_key(stepping: Opened) -> None:
    """From the bytes of the step, which can be scrolled by key, back to the button."""
    button = stepping.page.get_by_role("button", name="Next", exact=True)
    button.focus()
    stepping.page.keyboard.press("Tab")
    expect(stepping.page.get_by_role("group", name="byte by byte").first).to_be_focused()
    stepping.page.keyboard.press("Shift+Tab")
    expect(button).to_be_focused()


def test_each_step_is_announced_politely(stepping: Opened) -> None:
    """The line is one live region from the first step on: one that is made anew is not read out."""
    page = stepping.page
    page.locator(".jp-CodeCell").first.locator(".jp-InputPrompt").click()
    page.keyboard.press("Control+Enter")
    region = page.get_by_role("status")
    expect(region).to_contain_text("Press Next")
    first = region.element_handle()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(region).to_contain_text("Step 1: Connect")
    assert first.evaluate("region => region.textContent").startswith("Step 1: Connect")


def test_stepping_is_legible_in_both_themes(stepping: Opened, accessible: Callable[..., None]) -> None:
    """The button, the line and the bytes of a step."""
    for theme in ("Light", "Dark"):
        stepping.wears(theme)
        accessible(stepping.page, theme, OURS)


def test_second_lab_on_the_same_folder_shows_the_first(lab: Lab) -> None:
    """Two would write over each other's files; the command ends, and well."""
    done = subprocess.run(lab.command, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "is open already" in done.stdout
    assert lab.address[1] in done.stdout


def test_one_interrupt_ends_the_lab_and_its_kernels_without_a_question(lab: Lab) -> None:
    """The last test here: exit status 0, and the shell has its terminal back."""
    assert lab.interrupt() == 0
