"""PlantUML's JavaScript engine inside this process: lines of text in, an answer out.

Knows how to build, use, limit and give up a V8 engine; refuses to know what a diagram says. One engine
serves all threads, one at a time; it is built at the first render, closed at exit, dropped in a forked
child, and replaced after anything went wrong, since an interrupted one never answers again. There is no
file, network or clock inside it: `shim.js` is all it sees. `plantuml.py` calls `answer`.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from otakit.diagrams.fetch_engine import FOLDER, VERSION

TIME_LIMIT_S = 20.0
MEMORY_LIMIT_BYTES = 512 * 2**20  # without a limit, V8 out of memory ends the whole process
PARTS = ("openiconic.js", "themes.js")  # handed over when a diagram asks for them
_EXPORT = re.compile(r"export\s*\{\s*(\w+) as render\s*,\s*(\w+) as renderToString\s*\};?\s*$")


class EngineUnavailable(Exception):
    """There is no engine on this machine; the text says why and what to do. Never leaves the package."""


class EngineGaveUp(Exception):
    """The engine ran into a limit or failed inside; the text says which. Never leaves the package."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the engine made of one picture.

    Attributes:
        svg: the picture; empty when there is only a failure.
        texts: every text in it in drawing order, as (colour, text).
        asked: files and addresses it wanted and did not get.
        failure: what it said through its error callback, or None.
        banners: advice that it would have drawn into the picture.
    """

    svg: str
    texts: tuple[tuple[str, str], ...]
    asked: tuple[str, ...]
    failure: str | None
    banners: tuple[str, ...]


_lock = threading.Lock()  # held while an engine is built, used or closed
_racer: Any = None


def version() -> str:
    """Version of the engine."""
    return VERSION


def answer(lines: list[str], prefix: str, time_limit_s: float = TIME_LIMIT_S) -> Answer:
    """Have the engine draw one picture.

    Args:
        lines: the diagram, from ``@start…`` to ``@end…``.
        prefix: put before every id in the picture, so that two fit into one page.
        time_limit_s: seconds after which the engine is given up.

    Raises:
        EngineUnavailable: not installed here.
        EngineGaveUp: a limit of time, memory or depth.
    """
    global _racer  # noqa: PLW0603 - one engine for the process, guarded by the lock
    with _lock:
        if _racer is None:
            _racer = _in_a_thread(_built)
        try:
            found = _racer.call("otakitRender", lines, prefix, timeout_sec=time_limit_s)
        except BaseException as error:  # Ctrl-C too: whatever it was, this engine is not used again
            broken, _racer = _racer, None
            _end(broken)
            if not isinstance(error, Exception):
                raise
            raise EngineGaveUp(_reason(error, time_limit_s)) from error
    return Answer(
        found["svg"],
        tuple((colour, text) for colour, text in found["texts"]),
        tuple(found["asked"]),
        found["failure"],
        tuple(found["banners"]),
    )


def _reason(error: Exception, time_limit_s: float) -> str:
    kind = type(error).__name__
    if kind == "JSTimeoutException":
        return f"not drawn after {time_limit_s:g} s; make it smaller, or look for a loop that does not end"
    if kind == "JSOOMException":
        return f"it needs more than {MEMORY_LIMIT_BYTES // 2**20} MB; make it smaller"
    if "call stack" in str(error):
        return "it is nested too deeply; make it flatter, or look for a macro that calls itself"
    return f"the engine failed inside ({kind}); make the diagram smaller until it draws"


def _in_a_thread(build: Any) -> Any:
    """The engine, built in a plain thread that ends.

    Built in a thread with a running event loop, as a notebook's main thread is, it would tie itself to
    that loop, and every call with a time limit would fail.
    """
    result: list[Any] = []

    def work() -> None:
        try:
            result.append(build())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that asked
            result.append(error)

    thread = threading.Thread(target=work, name="otakit-diagram-engine")
    thread.start()
    thread.join()
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def _built(folder: Path = FOLDER) -> Any:
    if not (folder / "plantuml.js").is_file():
        raise EngineUnavailable("the diagram engine is not here; bring it with: python kit.py diagrams")
    try:
        from py_mini_racer import MiniRacer  # noqa: PLC0415 - 80 ms and a large library, only for who draws

        racer = MiniRacer()
    except Exception as error:  # its library may miss a platform in more ways than one
        raise EngineUnavailable(f"mini-racer does not work on this machine ({error})") from error
    racer.set_hard_memory_limit(MEMORY_LIMIT_BYTES)
    shim = (Path(__file__).parent / "shim.js").read_text(encoding="utf-8")
    script, found = _EXPORT.subn(r"globalThis.otakitEngine = \2;", (folder / "plantuml.js").read_text(encoding="utf-8"))
    if found != 1:
        raise EngineUnavailable("the diagram engine has another form than expected; delete it and bring it again")
    racer.eval(shim)
    racer.eval(f"(function () {{ {script}\n}})()")
    for name in PARTS:
        body = (folder / name).read_text(encoding="utf-8")
        racer.eval(f"otakitPart('{name}', function () {{ {body}\n}})")
    return racer


def close() -> None:
    """Give the engine up; the next render builds a new one."""
    global _racer
    with _lock:
        racer, _racer = _racer, None
        _end(racer)


def _end(racer: Any) -> None:
    """Close an engine, also one that is in the middle of something.

    What it was doing still reports its end to an event loop that is closed by then; mini-racer lets that
    appear as an ignored exception on the error stream. This one is expected, any other is passed on.
    """
    if racer is None:
        return
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if "Event loop is closed" not in str(unraisable.exc_value):
            before(unraisable)

    sys.unraisablehook = hook
    try:
        with contextlib.suppress(Exception):
            racer.close()
    finally:
        sys.unraisablehook = before


def _at_exit() -> None:
    """Without the lock: only a daemon's render can be running now, and the process would wait for it for ever."""
    _end(_racer)


def _forget_after_fork() -> None:
    """In a forked child the engine's thread does not exist: leave the object alone, for good."""
    global _racer, _lock
    if _racer is not None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(_racer))  # its destructor would wait for that thread
    _racer, _lock = None, threading.Lock()


atexit.register(_at_exit)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
