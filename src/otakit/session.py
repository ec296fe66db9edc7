"""Session: the story of a recording, as frames, plots, a diagram and a report.

Reads a recording file as far as it is written, and on from there each time it is asked, so a session of
a running update grows. Methods are one-line calls of free functions; those are what is tested. Whoever
recorded it, our client, a proxy or another tool, does not matter. `update`, `load`, `example` give one.
"""

from __future__ import annotations

import html
import importlib
import threading
from collections.abc import Mapping
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from otakit.analyse import frames as framing
from otakit.analyse.words import counted, duration, volume
from otakit.errors import RecordingError, SettingsError
from otakit.record.pcapng import Reader

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from otakit.diagrams import Diagram
    from otakit.diagrams.held import HeldVerdict

SAMPLE = "two-updates"
PICTURES = ("chunk_latency", "status_timeline", "packets")


class Session:
    """What a recording tells; it grows while the file does.

    Args:
        path: of a recording, whole, cut or still being written.

    Attributes:
        path: the file.

    Raises:
        RecordingError: on first use: no such file, nothing readable in it.

    Example:
        >>> session = otakit.example()
        >>> session.outcome
        {'firmware': 'UPDATED', 'software': 'UPDATED'}
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._frames = framing.Frames()
        self._reader: Reader | None = None
        self._lock = threading.RLock()  # a live display and the reader of a notebook may both ask

    def _read(self) -> tuple[framing.Frames, Reader]:
        with self._lock:
            if self._reader is None:
                self._reader = Reader(self.path)
            self._frames.feed(self._reader.stream())
            return self._frames, self._reader

    def _frame(self, name: str) -> pd.DataFrame:
        with self._lock:
            return self._read()[0].frame(name)

    @property
    def packets(self) -> pd.DataFrame:
        """One row a packet (`docs/frames.md` describes the columns)."""
        return self._frame("packets")

    @property
    def exchanges(self) -> pd.DataFrame:
        """One row a question, with its answer or the absence of one."""
        return self._frame("exchanges")

    @property
    def chunks(self) -> pd.DataFrame:
        """One row a chunk request."""
        return self._frame("chunks")

    @property
    def statuses(self) -> pd.DataFrame:
        """One row a status, the server's and the device's."""
        return self._frame("statuses")

    @property
    def updates(self) -> pd.DataFrame:
        """One row an update."""
        return self._frame("updates")

    @property
    def outcome(self) -> Mapping[str, Any] | None:
        """How it ended, by kind; from the recording's end, else from what passed; None where no update began."""
        _, reader = self._read()
        if reader.outcome:
            return dict(reader.outcome)
        return outcomes(self.updates) or None

    @property
    def cut(self) -> str | None:
        """What the recording lacks, in one sentence; None when it is complete."""
        return self._read()[1].cut

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the recording says of itself, the user's notes included."""
        return self._read()[1].metadata

    def plot_chunk_latency(self) -> Axes:
        """Latency of the chunks by index, over time and as a distribution."""
        return _picture("chunk_latency", self.chunks)

    def plot_status_timeline(self) -> Axes:
        """What server and device wrote, and the bytes that came meanwhile."""
        return _picture("status_timeline", self.statuses, self.chunks)

    def plot_packets(self) -> Axes:
        """Packets over time by type."""
        return _picture("packets_over_time", self.packets)

    def diagram(self) -> Diagram:
        """The sequence diagram of what happened."""
        with self._lock:
            return drawn(self._read()[0])

    def follows(self, diagram: str | Path | Diagram) -> HeldVerdict:
        """Whether what happened follows a diagram: true, or the first difference.

        Args:
            diagram: name of a diagram of the article, a ``.puml`` file, PlantUML text, or a drawn diagram.

        Raises:
            SettingsError: no diagram has this name, or the file cannot be read.
            DiagramError: it is no sequence diagram that can be followed; names the line.
        """
        with self._lock:
            frames, reader = self._read()
            held: HeldVerdict = _held().held_against(frames.read, diagram, cut=reader.cut)
            return held

    def report(self, path: str | Path) -> Path:
        """Writes one self-contained HTML page; returns its path."""
        written: Path = importlib.import_module("otakit.report").write_report([self], path)
        return written

    def export(self, folder: str | Path, format: Literal["parquet", "csv"] = "parquet") -> list[Path]:  # noqa: A002 - the word a reader looks for
        """Writes the frames, one file each; returns their paths.

        Raises:
            SettingsError: another format, or a folder that cannot be written.
        """
        if format not in ("parquet", "csv"):
            raise SettingsError(f"format: expected 'parquet' or 'csv', got {format!r}")
        write = framing.write_parquet if format == "parquet" else framing.write_csv
        with self._lock:
            return write(self._read()[0].all(), folder)

    def save_plots(self, folder: str | Path) -> list[Path]:
        """Writes the pictures as PNG; returns their paths.

        Raises:
            SettingsError: the folder cannot be written.
        """
        place, written = Path(folder), []
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name in PICTURES:
                path = place / f"{name.replace('_', '-')}.png"
                path.write_bytes(_plots().png(getattr(self, f"plot_{name}")().figure))
                written.append(path)
        except OSError as error:
            raise SettingsError(f"the pictures cannot be written into {place}: {error.strerror or error}") from error
        return written

    def __repr__(self) -> str:
        """File, size and outcome, without a traceback whatever the file holds."""
        try:
            return f"<Session {self.path.name}: {summary(self)}>"
        except RecordingError as error:
            return f"<Session {self.path.name}: {error}>"

    def _repr_html_(self) -> str:
        try:
            return page_of(self)
        except RecordingError as error:
            return f"<p><b>Session</b> {html.escape(str(error))}</p>"


def load(path: str | Path) -> Session:
    """A session from a recording.

    Args:
        path: of a file that otakit recorded, whole or cut.

    Raises:
        RecordingError: no such file, a folder, an empty file, nothing whole in it.
        UnknownFormat: it is something else; the text says what, where that can be told.
    """
    session = Session(path)
    session.cut  # noqa: B018 - reads it, so that a file that is none is refused here
    return session


def example(name: str = SAMPLE) -> Session:
    """The recording that comes with the package: one device, its firmware and its software.

    Raises:
        SettingsError: there is no sample of that name.
    """
    folder = package_files("otakit").joinpath("samples")
    there = sorted(entry.name.removesuffix(".pcapng") for entry in folder.iterdir() if entry.name.endswith(".pcapng"))
    if name not in there:
        raise SettingsError(f"there is no sample {name!r}; there are: {', '.join(there) or 'none'}")
    return load(Path(str(folder.joinpath(f"{name}.pcapng"))))


def outcomes(updates: pd.DataFrame) -> dict[str, str]:
    """Kind to the outcome of its last update."""
    return dict(zip(updates["kind"].astype(str), updates["outcome"].astype(str), strict=True))


def drawn(frames: framing.Frames) -> Diagram:
    """The sequence diagram of what the frames were read from."""
    sequence = importlib.import_module("otakit.diagrams.sequence").sequence_of(frames.read)
    diagram: Diagram = importlib.import_module("otakit.diagrams").render(sequence.source)
    return diagram


def summary(session: Session) -> str:
    """One line: packets, bytes, how long, outcome, what is missing."""
    packets = session.packets
    parts = [counted(len(packets), "packet")]
    if len(packets):
        parts += [volume(int(packets["length"].sum())), duration(float(packets["at_s"].max()))]
    parts += [f"{kind} {word}" for kind, word in (session.outcome or {}).items()]
    return ", ".join(parts) + (f"; {session.cut}" if session.cut else "")


def page_of(session: Session) -> str:
    """The summary as HTML, with a row for each update."""
    rows = [
        (
            row["kind"],
            f"{_shown(row['from_title'])} {_shown(row['from_version'])}",
            f"{_shown(row['to_title'])} {_shown(row['to_version'])}",
            row["outcome"],
            "" if pd.isna(row["package_bytes"]) else volume(int(row["package_bytes"])),
            "" if pd.isna(row["duration_s"]) else duration(float(row["duration_s"])),
            str(row["retries"]),
            _shown(row["reason"]),
        )
        for row in session.updates.to_dict("records")
    ]
    head = ("kind", "from", "to", "outcome", "size", "duration", "retries", "reason")
    lines = [f"<p><b>Session</b> {html.escape(str(session.path.name))}: {html.escape(summary(session))}</p>"]
    if rows:
        lines += ["<table><thead><tr>", *(f"<th>{name}</th>" for name in head), "</tr></thead><tbody>"]
        lines += ["<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows]
        lines += ["</tbody></table>"]
    return "\n".join(lines)


def _shown(value: object) -> str:
    return "" if value is None or value is pd.NA else str(value)


def _held() -> Any:
    """Loaded when the first session is held against a diagram."""
    return importlib.import_module("otakit.diagrams.held")


def _plots() -> Any:
    """The plots, loaded when the first one is wanted: matplotlib takes half a second."""
    return importlib.import_module("otakit.analyse.plots")


def _picture(name: str, *frames: pd.DataFrame) -> Axes:
    axes: Axes = getattr(_plots(), name)(*frames)
    return axes
