"""Progress of a running update, shown where the reader is: a terminal, a notebook, a log file, nowhere.

Knows how numbers become words and bars; refuses to know where they come from: `run` hands over the
client's `Progress` values again and again from the thread that waits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, TextIO

from otakit.client.vocabulary import Progress
from otakit.protocol.messages import Kind

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

LOG_EVERY_S = 2.0  # a line in a log file, unless the state changes
WIDE = 100  # columns of a terminal that has room for every word
NOTHING_YET = ("IDLE", "NO_PACKAGE")


class Quiet:
    """Shows nothing; the others say the same in their place."""

    def show(self, progress: Mapping[Kind, Progress]) -> None:
        """Where the updates stand now."""

    def say(self, text: str) -> None:
        """One line for the reader."""

    def end(self) -> None:
        """The run is over."""


class Terminal(Quiet):
    """A bar for each kind, redrawn in place."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, TextColumn  # noqa: PLC0415 - half of the import time, for people only
        from rich.progress import Progress as Bars  # noqa: PLC0415 - as above
        from rich.table import Column  # noqa: PLC0415 - as above

        texts = ("{task.fields[numbers]}", "[bold]{task.fields[state]}", "{task.fields[pace]}")
        self._bars: Bars = Bars(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None, table_column=Column(ratio=1)),
            *(TextColumn(text, table_column=Column(no_wrap=True)) for text in texts),
            expand=True,
        )
        self._tasks: dict[Kind, TaskID] = {}
        self._bars.start()

    def show(self, progress: Mapping[Kind, Progress]) -> None:
        """Moves the bars."""
        for kind, now in progress.items():
            if kind not in self._tasks and not is_worth_a_line(now):
                continue
            if kind not in self._tasks:
                self._tasks[kind] = self._bars.add_task(kind.word, total=None, numbers="", state="", pace="")
            self._bars.update(
                self._tasks[kind],
                completed=now.bytes_done,
                total=now.bytes_total or None,
                numbers=numbers_of(now, "chunk " if self._bars.console.width >= WIDE else ""),
                state=now.state,
                pace=pace_of(now),
            )

    def say(self, text: str) -> None:
        """Prints above the bars."""
        self._bars.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def end(self) -> None:
        """Leaves the last bars standing."""
        self._bars.stop()


class Log(Quiet):
    """A line now and then, for files and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._said: dict[Kind, tuple[str, int, float]] = {}

    def show(self, progress: Mapping[Kind, Progress]) -> None:
        """Writes a line when the state changed, and every two seconds."""
        now_s = time.monotonic()
        for kind, now in progress.items():
            state, done, last_s = self._said.get(kind, ("", 0, 0.0))
            if not is_worth_a_line(now):
                continue
            if state != now.state or (now.bytes_done != done and now_s - last_s >= LOG_EVERY_S):
                self._said[kind] = (now.state, now.bytes_done, now_s)
                self.say(line_of(now))

    def say(self, text: str) -> None:
        """Writes it."""
        self._stream.write(text + "\n")
        self._stream.flush()


class Notebook(Quiet):
    """A small table under the cell, redrawn in place."""

    def __init__(self) -> None:
        self._place = Place()

    def show(self, progress: Mapping[Kind, Progress]) -> None:
        """Redraws the table when it changed."""
        lines = [now for now in progress.values() if is_worth_a_line(now)]
        if lines:
            page = f"<table style='text-align:left'>{''.join(_row(now) for now in lines)}</table>"
            self._place.show({"text/html": page, "text/plain": "\n".join(line_of(now) for now in lines)})

    def say(self, text: str) -> None:
        """Prints it under the cell."""
        sys.stdout.write(text + "\n")


class Place:
    """A place under a cell whose content can be replaced."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._last: dict[str, Any] = {}

    def show(self, bundle: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Puts a mime bundle there, when it is another one."""
        if bundle == self._last:
            return
        self._last = bundle
        if self._handle is None:
            from IPython.display import DisplayHandle  # noqa: PLC0415 - only a kernel has it

            self._handle = DisplayHandle()  # type: ignore[no-untyped-call]  # IPython's own
            self._handle.display(bundle, raw=True, metadata=metadata)
        else:
            self._handle.update(bundle, raw=True, metadata=metadata)


def _row(now: Progress) -> str:
    cells = (now.kind.word, numbers_of(now), now.state, pace_of(now))
    share = f"value='{now.bytes_done}' max='{max(1, now.bytes_total)}'"
    bar = f"<progress {share} aria-label='{now.kind.word}: share of its bytes'></progress>"
    return (
        "<tr>"
        f"<td>{escape(cells[0])}</td><td>{bar}</td>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells[1:])
        + "</tr>"
    )


def is_worth_a_line(now: Progress) -> bool:
    """Whether there is anything to tell of this kind."""
    return bool(now.bytes_total) or now.state not in NOTHING_YET


def numbers_of(now: Progress, chunk: str = "chunk ") -> str:
    """Bytes and chunks."""
    if not now.bytes_total:
        return ""
    unit, factor = unit_of(now.bytes_total)
    done, total = (
        f"{count / factor:.3g}" if count < 1000 * factor else f"{count / factor:.0f}"
        for count in (now.bytes_done, now.bytes_total)
    )
    return f"{done}/{total} {unit}, {chunk}{now.chunks_done}/{now.chunks_total}"


def pace_of(now: Progress) -> str:
    """Rate, time left and retries."""
    parts = [f"{size(now.rate_bytes_s)}/s"] if now.rate_bytes_s else []
    if now.left_s is not None and now.bytes_done < now.bytes_total:
        parts.append(f"{now.left_s:.0f} s left")
    if now.retries:
        parts.append(f"{now.retries} {'retry' if now.retries == 1 else 'retries'}")
    return ", ".join(parts)


def line_of(now: Progress) -> str:
    """All of it in one line."""
    parts = (f"{now.kind.word}: {now.state}", numbers_of(now), pace_of(now))
    return ", ".join(part for part in parts if part)


def size(count: float) -> str:
    """Bytes as people read them."""
    unit, factor = unit_of(count)
    return f"{count / factor:.3g} {unit}" if count < 1000 * factor else f"{count / factor:.0f} {unit}"


def unit_of(count: float) -> tuple[str, int]:
    """The unit in which so many bytes are said, and its bytes."""
    return next(((unit, factor) for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)) if count >= factor), ("B", 1))


def in_notebook() -> bool:
    """Whether this code runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return type(shell).__name__ == "ZMQInteractiveShell"


def display_for(wanted: bool) -> Quiet:
    """The display that fits where this process runs; a quiet one when none is wanted."""
    if not wanted:
        return Quiet()
    if in_notebook():
        return Notebook()
    return Terminal() if sys.stdout.isatty() else Log()
