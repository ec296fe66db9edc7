"""One SQLite file, owned by one process: opened, checked, locked, written in whole transactions.

Knows the errors of a folder that cannot be used and says each in one sentence; refuses to know what the
rows mean (`tables`).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from otakit.errors import SettingsError

NAME = "twin.sqlite"
APPLICATION, VERSION = 0x6F746B74, 1
"""SQLite's own marks of whose file it is, and which schema it has; a newer schema is refused."""
SCHEMA = """
CREATE TABLE fact (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE entity (place INTEGER PRIMARY KEY, kind TEXT, id TEXT, body TEXT, UNIQUE (kind, id));
CREATE TABLE attribute (
    place INTEGER PRIMARY KEY, device TEXT, scope TEXT, key TEXT, ts INTEGER, value TEXT, UNIQUE (device, scope, key)
);
CREATE TABLE series (place INTEGER PRIMARY KEY, device TEXT, key TEXT, ts INTEGER, value TEXT, UNIQUE (device, key));
CREATE TABLE history (series INTEGER, ts INTEGER, value TEXT, PRIMARY KEY (series, ts)) WITHOUT ROWID;
"""
"""Keys and values are JSON, since a key may hold what is no Unicode text. A series' own columns are its latest."""


class Database:
    """The file of one folder.

    Args:
        folder: is there already.

    Raises:
        SettingsError: damaged, written by something else or something newer, or another process has it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self.path = folder, folder / NAME
        try:
            _make_private(self.path)
            self._sql = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._sql.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise SettingsError(self._reason(error)) from error

    def _prepare(self) -> None:
        # one process owns the file from here to its end; the system lifts the lock also behind a killed one
        self._sql.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._sql.execute("PRAGMA journal_mode = WAL")
        self.wait_for_disk(always=True)
        self._sql.execute("PRAGMA fullfsync = ON")  # macOS: plain fsync leaves it in the drive's own memory
        self._sql.execute("PRAGMA foreign_keys = OFF")
        with self.transaction():
            self._check()

    def _check(self) -> None:
        owner, version = self._one("PRAGMA application_id"), self._one("PRAGMA user_version")
        if not self._one("SELECT count(*) FROM sqlite_master"):
            for statement in SCHEMA.strip().split(";\n"):
                self._sql.execute(statement)
            self._sql.execute(f"PRAGMA application_id = {APPLICATION}")
            self._sql.execute(f"PRAGMA user_version = {VERSION}")
        elif owner != APPLICATION:
            raise SettingsError(f"{self.path} is no twin's: something else wrote it; give another folder")
        elif version > VERSION:
            raise SettingsError(
                f"{self.path} was written by a newer otakit (schema {version}, this one knows {VERSION}); "
                "bring otakit up to date, or give another folder"
            )
        elif (found := self._one("PRAGMA quick_check(1)")) != "ok":
            raise sqlite3.DatabaseError(str(found).splitlines()[-1])

    def _one(self, statement: str) -> Any:
        (value,) = self._sql.execute(statement).fetchone()
        return value

    def _reason(self, error: sqlite3.Error | OSError) -> str:
        words = str(error)
        if "locked" in words:
            return f"{self._folder} is in use by another twin; end that one first, or give another folder"
        if isinstance(error, OSError) or "unable to open" in words or "readonly" in words:
            return f"{self.path} cannot be written ({words}); give a folder that you may write to"
        if "full" in words:
            return f"{self.path}: {words}; make room and start again"
        return (
            f"{self.path} is damaged ({words}); put back a copy of the whole folder, or move it away to start with an "
            "empty one"
        )

    @property
    def sql(self) -> sqlite3.Connection:
        """The connection, for reading and within `transaction`."""
        return self._sql

    def wait_for_disk(self, *, always: bool) -> None:
        """Whether each commit is on the disk when it returns, so that a power cut takes nothing back.

        One costs about 7 ms on the disk where it was measured, and 0.1 ms without; group commit pays it once for
        all that came in one turn of the event loop. Without, a power cut takes back the last commits, whole
        ones and in their order; the system's own memory has them when only the process is killed.
        """
        self._sql.execute(f"PRAGMA synchronous = {'FULL' if always else 'NORMAL'}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of what is written within, or nothing; on the disk when it ends.

        Raises:
            sqlite3.Error: nothing was written.
        """
        self._sql.execute("BEGIN IMMEDIATE")
        try:
            yield self._sql
            self._sql.execute("COMMIT")
        except BaseException:
            if self._sql.in_transaction:  # a full disk may have rolled it back already
                self._sql.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Brings the file into its plain form and lets go of it."""
        self._sql.close()


def _make_private(path: Path) -> None:
    """The file holds tokens and passwords: nobody else may read it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
