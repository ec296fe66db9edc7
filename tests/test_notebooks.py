"""Every lesson is executed as readers do: each cell twice, twice in one kernel, answered wrong and answered right.

Each lesson is gone through in two places, several at a time, since most of their time is waiting for a link.
*At home* the twin is in the kernel's own process: the lesson as it is shipped, each cell twice; what the second
execution showed is kept in ``build/executed/`` for the book. *Abroad* a twin in another process is named by
``OTAKIT_SERVER``: the lesson without its last cell, as if it had been interrupted; then its solution in the
same kernel, on the server that remembers, where each exercise is asked empty, answered wrong, answered right.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

nbclient = pytest.importorskip("nbclient")

ROOT = Path(__file__).resolve().parent.parent
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXECUTED = ROOT / "build" / "executed"
LONGEST_S = 60
LONG = ("11", "00", "05", "08")
"""They go first, so that no kernel is left with one of them at the end."""
KERNELS = {"home": 2, "abroad": 1}
EACH = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem[:2])

# the kernel's own start, not ours
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]

AFRESH = """
get_ipython().run_line_magic("reset", "-f")
import os; os.makedirs({folder!r}); os.chdir({folder!r})
import otakit.lesson.marks; otakit.lesson.marks._done.clear()
import builtins; builtins.drawing.update(turn=0)
"""
"""Between two lessons: as a new kernel, but for what is loaded, and for the server."""

DRAW_SELDOM = """
def draw_seldom(every):
    import otakit.analyse.plots_style as style, otakit.diagrams.picture as picture, otakit.diagrams.plantuml as plantuml
    import builtins, otakit.errors
    drawing = builtins.drawing = {"turn": 0}
    def next_turn(_cell):
        drawing["turn"] += 1
        plantuml._render_cached.cache_clear()
    get_ipython().events.register("pre_run_cell", next_turn)
    def seldom(draw, instead):
        return lambda *what, **how: draw(*what, **how) if every and drawing["turn"] % every == 0 else instead
    def no_png(_svg):
        raise otakit.errors.DiagramError("the SVG is enough for the book")
    style.png, picture.png_of = seldom(style.png, b"drawn elsewhere"), no_png
    plantuml._draw = seldom(plantuml._draw, ("<svg viewBox='0 0 1 1' width='1' height='1'/>", "engine"))
"""
"""Pictures take most of the time, so each is drawn at one execution of its cell, and made at the others."""


def opened(path: Path) -> Any:
    """The notebook, as its file says."""
    return nbformat.reads(path.read_text(encoding="utf-8"), nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]  # nbformat's own


def code_cell(source: str) -> Any:
    return nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]  # nbformat's own


def text_of(cell: Any) -> str:
    """All that a cell shows, as plain text."""
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs)


class Kernel:
    """One kernel, in which notebooks are gone through one after the other."""

    def __init__(self, env: dict[str, str]) -> None:
        self._env = env
        self._client = nbclient.NotebookClient(nbformat.v4.new_notebook(), timeout=LONGEST_S, kernel_name="python3")  # type: ignore[no-untyped-call]  # nbformat's own

    async def start(self) -> None:
        self._client.create_kernel_manager()
        await self._client.async_start_new_kernel(env=self._env)
        await self._client.async_start_new_kernel_client()

    async def stop(self) -> None:
        await self._client._async_cleanup_kernel()

    async def execute(self, *cells: Any) -> list[str]:
        """Executes code cells; what each of them said."""
        for cell in cells:
            self._client.nb.cells = [cell]
            self._client.reset_execution_trackers()
            await self._client.async_execute_cell(cell, 0, store_history=False)
        return [text_of(cell) for cell in cells]

    async def execute_source(self, source: str) -> str:
        (said,) = await self.execute(code_cell(source))
        return said


def keep(notebook: Any, path: Path) -> None:
    """In one piece: the book may be built meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.write_text(nbformat.writes(notebook), encoding="utf-8")  # type: ignore[no-untyped-call]  # nbformat's own
    fresh.replace(path)


async def go_home(kernel: Kernel, path: Path, folder: Path) -> dict[str, str]:
    """The lesson, each cell twice."""
    await kernel.execute_source(AFRESH.format(folder=str(folder)))
    notebook, first = opened(path), list[str]()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            first += await kernel.execute(code_cell(cell.source))
            await kernel.execute(cell)
            cell.execution_count = len(first)
            for output in cell.outputs:
                output.update({"execution_count": len(first)} if output.output_type == "execute_result" else {})
    keep(notebook, EXECUTED / path.name)
    again = "\n".join(text_of(cell) for cell in notebook.cells if cell.cell_type == "code")
    return {"first": "\n".join(first), "again": again, "marks": marks_in(folder)}


async def go_abroad(kernel: Kernel, path: Path, folder: Path) -> dict[str, str]:
    """The lesson without its end, then its solution."""
    await kernel.execute_source(AFRESH.format(folder=str(folder)))
    code = [cell for cell in opened(path).cells if cell.cell_type == "code"]
    said = {"interrupted": "\n".join(await kernel.execute(*code[:-1])), "empty": "", "wrong": "", "right": ""}
    for cell in opened(path.parent / "solutions" / path.name).cells:
        if "solution" in cell.metadata.get("tags", []):
            told = cell.metadata["otakit"]
            said["empty"] += await kernel.execute_source(told["empty"]) + "\n"
            said["wrong"] += await kernel.execute_source(told["wrong"]) + "\n"
            said["right"] += await kernel.execute_source(cell.source) + "\n"
        elif cell.cell_type == "code":
            await kernel.execute_source(cell.source)
    return said | {"left": await kernel.execute_source(WHAT_IS_THERE), "marks": marks_in(folder)}


def marks_in(folder: Path) -> str:
    """What the lesson left in the reader's folder."""
    found = folder / ".lessons-done.json"
    return found.read_text(encoding="utf-8") if found.is_file() else ""


WHAT_IS_THERE = """
import otakit
operator = otakit.server().operator
print(*(each["name"] for each in operator.devices()), *(each["title"] for each in operator.pages("/api/otaPackages")))
"""


class House:
    """All lessons that are wanted, on several kernels; a lesson's result is waited for by whoever asks first."""

    def __init__(self, wanted: dict[str, list[Path]], folder: Path) -> None:
        self._wanted, self._folder = wanted, folder
        self._found = {
            (place, path.stem): concurrent.futures.Future[dict[str, str]]()
            for place in wanted
            for path in wanted[place]
        }
        self._thread = threading.Thread(target=lambda: asyncio.run(self._go()), daemon=True)
        self._thread.start()

    def __getitem__(self, key: tuple[str, str]) -> dict[str, str]:
        """What was said in that place by that lesson.

        Raises:
            CellExecutionError: the cell that failed, and how.
        """
        return self._found[key].result(timeout=600)

    def close(self) -> None:
        self._thread.join()

    async def _go(self) -> None:
        workers = [
            self._worker(place, queue)
            for place, paths in self._wanted.items()
            for queue in [sorted(paths, key=lambda path: path.stem[:2] not in LONG)]
            for _ in range(min(KERNELS[place], len(paths)))
        ]
        await asyncio.gather(*workers)

    async def _worker(self, place: str, queue: list[Path]) -> None:
        """Takes one lesson after the other, all in one kernel; after a failure in a new one."""
        while queue:
            async with _kernel(place) as kernel:
                while queue:
                    path = queue.pop(0)
                    result = self._found[place, path.stem]
                    try:
                        result.set_result(await PLACES[place](kernel, path, self._folder / place / path.stem))
                    except Exception as error:  # noqa: BLE001 - raised in the test that asks for it
                        result.set_exception(error)
                        break


PLACES = {"home": go_home, "abroad": go_abroad}


@contextlib.asynccontextmanager
async def _kernel(place: str) -> AsyncIterator[Kernel]:
    """A kernel; abroad with a twin in another process that it talks to."""
    env, twin = dict(os.environ), None
    if place == "abroad":
        command = ("-m", "otakit.cli", "twin", "--json", "--mqtt-port", "0", "--http-port", "0")
        twin = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=subprocess.PIPE)
        assert twin.stdout is not None
        told = json.loads(await twin.stdout.readline())
        env |= {"OTAKIT_SERVER": told["url"], "OTAKIT_MQTT": "{}:{}".format(*told["mqtt"])}
        env |= {"OTAKIT_USER": told["user"], "OTAKIT_PASSWORD": told["password"]}
    kernel = Kernel(env)
    try:
        await kernel.start()
        await kernel.execute_source(f"{DRAW_SELDOM}\ndraw_seldom({2 if place == 'home' else 0})")
        yield kernel
    finally:
        await kernel.stop()
        if twin is not None:
            twin.terminate()
            await twin.wait()


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Begins at once with all lessons that the chosen tests ask for."""
    wanted: dict[str, list[Path]] = {}
    for item in request.session.items:
        for place in set(PLACES) & set(getattr(item, "fixturenames", ())):
            path = item.callspec.params["path"]  # type: ignore[attr-defined]  # each test here is one of `EACH`
            if path not in wanted.setdefault(place, []):
                wanted[place].append(path)
    made = House(wanted, tmp_path_factory.mktemp("readers"))
    yield made
    made.close()


@pytest.fixture
def home(house: House, path: Path) -> dict[str, str]:
    """What the lesson said at home."""
    return house["home", path.stem]


@pytest.fixture
def abroad(house: House, path: Path) -> dict[str, str]:
    """What it said abroad."""
    return house["abroad", path.stem]


def exercises_of(path: Path) -> int:
    return sum('answer("' in cell.source for cell in opened(path).cells if cell.cell_type == "code")


@EACH
def test_lesson_runs_with_each_cell_twice(home: dict[str, str], path: Path) -> None:
    """No error and the same claims, nobody answered: as a reader who presses the key twice."""
    for turn in ("first", "again"):
        assert home[turn].count(": not answered yet.") == exercises_of(path)
        assert ": right, because" not in home[turn]


@EACH
def test_lesson_says_where_it_runs(home: dict[str, str], path: Path) -> None:
    """Which server, which link, which kernel, in one line."""
    line = next(line for line in home["first"].splitlines() if "; kernel: Python" in line)
    assert line.startswith(("twin of ThingsBoard", "no server is needed here"))


@EACH
def test_lesson_is_done_when_its_last_cell_ran(home: dict[str, str], path: Path) -> None:
    """In the reader's folder."""
    assert f"Lesson {path.stem[:2]} is done" in home["first"]
    assert json.loads(home["marks"])["done"] == [path.stem[:2]]


@EACH
def test_lesson_runs_again_where_it_was_interrupted(abroad: dict[str, str], path: Path) -> None:
    """Twice in one kernel, on another process's server that remembers; then nothing is left there."""
    assert abroad["interrupted"].count(": not answered yet.") == exercises_of(path)
    assert abroad["left"].split() == []


@EACH
def test_right_answers_are_accepted_and_wrong_ones_are_not(abroad: dict[str, str], path: Path) -> None:
    """The solution's answer, and the one that a hurried reader gives."""
    count = exercises_of(path)
    assert abroad["empty"].count(": not answered yet.") == count
    assert abroad["wrong"].count(": not yet. ") == count
    assert abroad["right"].count(": right, because ") == count


@EACH
def test_the_book_gets_what_the_lesson_showed(home: dict[str, str], path: Path) -> None:
    """Every cell that shows something, and its pictures."""
    shown = opened(EXECUTED / path.name)
    assert [cell["id"] for cell in shown.cells] == [cell["id"] for cell in opened(path).cells]
    data = [
        output["data"]
        for cell in shown.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]
    assert any("image/png" in each or "<img" in each.get("text/html", "") for each in data)
