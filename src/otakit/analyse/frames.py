"""Entries → tidy pandas frames, exactly as `columns.COLUMNS` declares them.

Knows dtypes and Parquet; what stands in each column comes from `rows`. `Frames` is incremental: it
takes entries as they come and never reads one twice, so live frames grow. Frames are plain DataFrames
without meaning in their index. Called by `session`, reports, the demo and the command line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from otakit.analyse import rows
from otakit.captured import Entry
from otakit.columns import COLUMNS, WALL, Column, column_names
from otakit.errors import SettingsError
from otakit.exchange import Exchanges

_INT64 = np.iinfo(np.int64)
_NEVER = _INT64.min  # how numpy stores "not a time"
_REBUILT: dict[str, Callable[[Exchanges, rows.Clock], rows.Columns]] = {
    "exchanges": rows.exchange_columns,
    "chunks": rows.chunk_columns,
    "statuses": rows.status_columns,
    "updates": rows.update_columns,
}


class Frames:
    """The five frames of a recording, growing with it.

    Attributes:
        read: the exchanges behind them.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.read = Exchanges()
        self._built: dict[str, tuple[int, pd.DataFrame]] = {}
        self._packets: rows.Columns = {name: [] for name in column_names("packets")}
        self.feed(entries)

    def feed(self, entries: Iterable[Entry]) -> None:
        """Take more entries, in order."""
        for entry in entries:
            self.read.feed(entry)

    def frame(self, name: str) -> pd.DataFrame:
        """One frame by its name, a new object whenever something came.

        Raises:
            SettingsError: no frame has this name.
        """
        if name not in COLUMNS:
            raise SettingsError(f"there is no frame {name!r}; there are {', '.join(COLUMNS)}")
        revision, built = self._built.get(name, (-1, pd.DataFrame()))
        if revision != self.read.revision:
            built = frame_of(name, self._columns(name))
            self._built[name] = (self.read.revision, built)
        return built

    @property
    def packets(self) -> pd.DataFrame:
        """One row a packet."""
        return self.frame("packets")

    @property
    def exchanges(self) -> pd.DataFrame:
        """One row a question."""
        return self.frame("exchanges")

    @property
    def chunks(self) -> pd.DataFrame:
        """One row a chunk request."""
        return self.frame("chunks")

    @property
    def statuses(self) -> pd.DataFrame:
        """One row a status, the server's and the device's."""
        return self.frame("statuses")

    @property
    def updates(self) -> pd.DataFrame:
        """One row an update."""
        return self.frame("updates")

    def all(self) -> dict[str, pd.DataFrame]:
        """Every frame by its name."""
        return {name: self.frame(name) for name in COLUMNS}

    def _columns(self, name: str) -> rows.Columns:
        clock = rows.Clock(self.read.start_ns)
        if name != "packets":
            return _REBUILT[name](self.read, clock)
        for column, values in rows.packet_columns(self.read, clock, len(self._packets["number"])).items():
            self._packets[column] += values
        # a connection's key may be known later than its first packets
        self._packets["device"] = [self.read.device_of(number) for number in self._packets["connection"]]
        return self._packets


def packets(entries: Iterable[Entry]) -> pd.DataFrame:
    """The frame ``packets`` of some entries."""
    return Frames(entries).packets


def exchanges(entries: Iterable[Entry]) -> pd.DataFrame:
    """The frame ``exchanges`` of some entries."""
    return Frames(entries).exchanges


def chunks(entries: Iterable[Entry]) -> pd.DataFrame:
    """The frame ``chunks`` of some entries."""
    return Frames(entries).chunks


def statuses(entries: Iterable[Entry]) -> pd.DataFrame:
    """The frame ``statuses`` of some entries."""
    return Frames(entries).statuses


def updates(entries: Iterable[Entry]) -> pd.DataFrame:
    """The frame ``updates`` of some entries."""
    return Frames(entries).updates


def empty(name: str) -> pd.DataFrame:
    """A frame without rows, with its columns and dtypes."""
    return frame_of(name, {column: [] for column in column_names(name)})


def frame_of(name: str, columns: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """A frame from one list for each of its columns; None stands for what is missing."""
    return pd.DataFrame({column.name: _array(column.dtype, columns[column.name]) for column in COLUMNS[name]})


def _array(dtype: str, values: Sequence[Any]) -> Any:
    if dtype in ("int64", "Int64"):
        return _whole_numbers(dtype, values)
    if dtype == WALL:
        stamps = [_NEVER if value is None or not _INT64.min < value <= _INT64.max else value for value in values]
        return pd.DatetimeIndex(np.array(stamps, dtype="datetime64[ns]")).tz_localize("UTC").array
    if dtype == "float64":
        return np.array([math.nan if value is None else value for value in values], dtype="float64")
    if dtype == "category":
        return pd.Categorical(values, categories=pd.Index(sorted({v for v in values if v is not None}), dtype="object"))
    if dtype == "bytes":
        return pd.Series(list(values), dtype="object")
    return _extension_array(dtype, values)


def _extension_array(dtype: Any, values: Sequence[Any]) -> Any:
    return pd.array(list(values), dtype=dtype)


def _whole_numbers(dtype: str, values: Sequence[int | None]) -> Any:
    """Numbers of the wire may be larger than a column holds (an index times a size): the largest stands for them."""
    try:
        return _extension_array(dtype, values) if dtype == "Int64" else np.array(values, dtype=dtype)
    except OverflowError:
        held = [None if value is None else max(_INT64.min, min(_INT64.max, value)) for value in values]
        return _whole_numbers(dtype, held)


def check(frame: pd.DataFrame, name: str) -> None:
    """Holds a frame against its declaration.

    Raises:
        SettingsError: a column is missing, too many, out of place or of another dtype; the text names it.
    """
    wanted, found = column_names(name), tuple(frame.columns)
    for column in wanted:
        if column not in found:
            raise SettingsError(f"{name}: the column {column!r} is missing")
    for column in found:
        if column not in wanted:
            raise SettingsError(f"{name}: the column {column!r} is not declared in otakit.columns")
    for position, (column, other) in enumerate(zip(wanted, found, strict=True)):
        if column != other:
            raise SettingsError(f"{name}: column {position} should be {column!r}, it is {other!r}")
    for declared in COLUMNS[name]:
        dtype = str(frame[declared.name].dtype)
        expected = "object" if declared.dtype == "bytes" else declared.dtype
        if dtype != expected:
            raise SettingsError(f"{name}: the column {declared.name!r} should be {expected}, it is {dtype}")


_ARROW = {
    "int64": pa.int64(),
    "Int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "bytes": pa.binary(),
    WALL: pa.timestamp("ns", tz="UTC"),
}


def schema(name: str) -> pa.Schema:
    """The Parquet schema of a frame; each field's metadata holds its unit and its sentence."""
    return pa.schema([_field(column) for column in COLUMNS[name]], metadata={"otakit.frame": name})


def _field(column: Column) -> pa.Field:
    nullable = column.dtype not in ("int64", "bytes")
    metadata = {"unit": column.unit, "sentence": column.sentence}
    return pa.field(column.name, _ARROW[column.dtype], nullable=nullable, metadata=metadata)


def write_parquet(frames: Mapping[str, pd.DataFrame], folder: str | Path) -> list[Path]:
    """Each frame as ``<name>.parquet`` in `folder`, which is made when it is not there.

    Raises:
        SettingsError: a frame is not as declared, or the folder cannot be written.
    """
    return _write(frames, folder, "parquet", _parquet)


def _parquet(name: str, frame: pd.DataFrame, path: Path) -> None:
    pq.write_table(pa.Table.from_pandas(frame, schema=schema(name), preserve_index=False), path)


def write_csv(frames: Mapping[str, pd.DataFrame], folder: str | Path) -> list[Path]:
    """Each frame as ``<name>.csv`` (UTF-8, bytes in hexadecimal) in `folder`.

    Raises:
        SettingsError: a frame is not as declared, or the folder cannot be written.
    """
    return _write(frames, folder, "csv", _csv)


def _csv(name: str, frame: pd.DataFrame, path: Path) -> None:
    shown = frame.copy()
    for column in COLUMNS[name]:
        if column.dtype == "bytes":
            shown[column.name] = [value.hex() for value in frame[column.name]]
    shown.to_csv(path, index=False, encoding="utf-8", lineterminator="\n")


def _write(
    frames: Mapping[str, pd.DataFrame],
    folder: str | Path,
    ending: str,
    write: Callable[[str, pd.DataFrame, Path], None],
) -> list[Path]:
    for name, frame in frames.items():
        check(frame, name)
    place, written = Path(folder), []
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, frame in frames.items():
            path = place / f"{name}.{ending}"
            write(name, frame, path)
            written.append(path)
    except OSError as error:
        raise SettingsError(f"the frames cannot be written into {place}: {error.strerror or error}") from error
    return written
