"""The engine's life: threads, limits, poisoning, forks, the end of the process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from otakit.diagrams import engine

pytestmark = pytest.mark.needs("engine")
LINES = ["@startuml", "A -> B : x", "@enduml"]
DOUBLING = ["@startuml", '!$x = "ab"', *["!$x = $x + $x"] * 26, "A -> B : $x", "@enduml"]
ENDLESS = ["@startuml", "!function $f($n)", "!if ($n == 0)", "!return 1", "!endif",
           "!return $f($n - 1) + $f($n - 1)", "!endfunction", "A -> B : $f(25)", "@enduml"]  # fmt: skip


def test_many_threads_draw_at_once() -> None:
    """One engine serves them all, one after the other."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: engine.answer(LINES, "").svg, range(40)))
    assert len(set(answers)) == 1


def test_it_draws_inside_a_running_event_loop_as_in_a_notebook() -> None:
    """Built in a plain thread, it does not tie itself to the loop of the thread that asks."""
    engine.close()

    async def cell() -> str:
        return engine.answer(LINES, "").svg

    assert asyncio.run(cell()).startswith("<svg")


def test_after_the_time_limit_a_new_engine_draws() -> None:
    """An interrupted engine never answers again; it is replaced."""
    engine.answer(LINES, "")
    with pytest.raises(engine.EngineGaveUp, match=r"not drawn after 0.3 s"):
        engine.answer(ENDLESS, "", time_limit_s=0.3)
    assert engine.answer(LINES, "").svg.startswith("<svg")


def test_deep_nesting_is_a_sentence_and_the_next_one_draws() -> None:
    """The stack of the engine ends before that of the process."""
    deep = ["@startuml", *["group x"] * 5000, "A -> B", *["end"] * 5000, "@enduml"]
    assert "call stack" in (engine.answer(deep, "").failure or "")
    assert engine.answer(LINES, "").svg.startswith("<svg")


def test_without_its_files_the_engine_says_how_to_bring_them(tmp_path: Path) -> None:
    """One line, with the command."""
    with pytest.raises(engine.EngineUnavailable, match=r"python kit\.py diagrams"):
        engine._built(tmp_path)


def test_another_form_of_the_engine_is_refused(tmp_path: Path) -> None:
    """A file that does not end as expected is not run."""
    (tmp_path / "plantuml.js").write_text("export {a as b};")
    with pytest.raises(engine.EngineUnavailable, match="another form"):
        engine._built(tmp_path)


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)


def test_a_process_ends_while_a_render_is_running() -> None:
    """The exit closes the engine; the process would hang otherwise."""
    script = (
        "import threading, time\nfrom otakit.diagrams import engine\n"
        f"engine.answer({LINES!r}, '')\n"
        f"def draw(): engine.answer({ENDLESS!r}, '', time_limit_s=2)\n"
        "threading.Thread(target=draw, daemon=True).start()\ntime.sleep(0.3)\nprint('done')\n"
    )
    done = run(script)
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_forked_child_builds_its_own_engine_and_ends() -> None:
    """The inherited one has no thread any more: it is left alone, also when the child ends in order."""
    script = (
        "import os, sys, warnings\nwarnings.simplefilter('ignore')\nfrom otakit.diagrams import engine\n"
        f"svg = engine.answer({LINES!r}, '').svg\n"
        "pid = os.fork()\n"
        f"if not pid: sys.exit(0 if engine.answer({LINES!r}, '').svg == svg else 3)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = run(script)
    assert (done.returncode, done.stdout.strip()) == (0, "0"), done.stderr


def test_memory_without_end_is_stopped() -> None:
    """A text that doubles itself ends at the limit of time or memory, not with the process."""
    with pytest.raises(engine.EngineGaveUp):
        engine.answer(DOUBLING, "", time_limit_s=2.0)
    assert engine.answer(LINES, "").svg.startswith("<svg")
