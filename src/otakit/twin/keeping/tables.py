"""What of a store goes where in the database, and back: entities whole as JSON, attributes and telemetry by row.

Knows every table; refuses to know when it is written (`keeper`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from otakit.protocol.messages import Kind
from otakit.twin.rules.changes import Row
from otakit.twin.rules.entities import Credentials, Device, OtaPackage, Profile
from otakit.twin.rules.store import Contents, Store
from otakit.twin.rules.telemetry import Attribute, Memory

Entity = TypeVar("Entity", Profile, Device, OtaPackage, Credentials)
Rows = Mapping[Row, bool]
ENTITIES = ("profile", "device", "package", "credentials")
SCOPES = ("shared", "client", "server")


def body_of(entity: Profile | Device | OtaPackage | Credentials) -> str:
    """An entity as JSON; of an image only that there is one."""
    values = {field.name: getattr(entity, field.name) for field in fields(entity)}
    if isinstance(entity, OtaPackage):
        values |= {"kind": entity.kind.name, "image": entity.image is not None}
    return json.dumps(values, default=dict)


def entity_of(kind: type[Entity], body: str) -> Entity:
    """An entity from its JSON; of a package without its image."""
    values = json.loads(body)
    if kind is OtaPackage:
        values |= {"kind": Kind[values["kind"]], "image": None}
    known = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in values.items() if name in known})


class Tables:
    """The rows of one database; knows the numbers that stand for series."""

    def __init__(self, sql: sqlite3.Connection) -> None:
        self._sql = sql
        self._series: dict[tuple[str, str], int] = {}
        self._last_series = 0

    # reading

    def fact(self, name: str) -> Any:
        """One fact by name, None while it is unknown."""
        found = self._sql.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def put_fact(self, name: str, value: str | int | bytes) -> None:
        """Writes one fact."""
        self._sql.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (name, value))

    def contents(self) -> tuple[Contents, set[str]]:
        """Everything, images aside; and the packages that have one."""
        packages = self._entities("package", OtaPackage)
        with_image = {
            identifier for identifier, body in self._bodies("package") if json.loads(body).get("image") is True
        }
        devices, profiles = self._entities("device", Device), self._entities("profile", Profile)
        found = Contents(
            tenant_id=self.fact("tenant_id"),
            user_id=self.fact("user_id"),
            default_profile_id=next(each.id for each in profiles.values() if each.is_default),
            profiles=profiles,
            devices=devices,
            packages=packages,
            credentials=self._entities("credentials", Credentials),
            memories={device_id: Memory() for device_id in devices},
        )
        self._read_attributes(found.memories)
        self._read_series(found.memories)
        return found, with_image

    def _bodies(self, table: str) -> list[tuple[str, str]]:
        return self._sql.execute("SELECT id, body FROM entity WHERE kind = ? ORDER BY place", (table,)).fetchall()

    def _entities(self, table: str, kind: type[Entity]) -> dict[str, Entity]:
        return {identifier: entity_of(kind, body) for identifier, body in self._bodies(table)}

    def _read_attributes(self, memories: dict[str, Memory]) -> None:
        every = "SELECT device, scope, key, ts, value FROM attribute ORDER BY place"
        for device, scope, key, ts_ms, value in self._sql.execute(every):
            getattr(memories[device], scope)[json.loads(key)] = Attribute(json.loads(value), ts_ms)

    def _read_series(self, memories: dict[str, Memory]) -> None:
        self._series.clear()
        history: dict[int, dict[int, Any]] = {}
        for series, ts_ms, value in self._sql.execute("SELECT series, ts, value FROM history"):
            history.setdefault(series, {})[ts_ms] = json.loads(value)
        every = "SELECT place, device, key, ts, value FROM series ORDER BY place"
        for place, device, text, ts_ms, value in self._sql.execute(every):
            key = json.loads(text)
            self._series[device, key] = self._last_series = place
            memories[device].telemetry.restore(key, (ts_ms, json.loads(value)), history.get(place, {}))

    # writing

    def write(self, rows: Rows, store: Store) -> None:
        """Writes what the named rows hold now; what is not in the store any more is deleted."""
        self._write_entities(rows, store)
        self._forget(row[1] for row in rows if row[0] == "memory" and row[1] not in store.memories)
        self._write_attributes(rows, store)
        self._write_series(rows, store)
        self._write_history(rows, store)

    def _write_entities(self, rows: Rows, store: Store) -> None:
        there: dict[str, Mapping[str, Any]] = {
            "profile": store.profiles,
            "device": store.devices,
            "package": store.packages,
            "credentials": store.credentials,
        }
        for (table, *key), moved in rows.items():
            if table not in ENTITIES:
                continue
            name = (table, key[0])
            if moved:
                self._sql.execute("DELETE FROM entity WHERE kind = ? AND id = ?", name)
            entity = there[str(table)].get(str(key[0]))
            if entity is not None:
                self._sql.execute(
                    "INSERT INTO entity (kind, id, body) VALUES (?, ?, ?) "
                    "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
                    (*name, body_of(entity)),
                )

    def _forget(self, device_ids: Any) -> None:
        """Deletes all that was remembered of devices."""
        for device_id in device_ids:
            self._sql.execute("DELETE FROM attribute WHERE device = ?", (device_id,))
            for name in [name for name in self._series if name[0] == device_id]:
                self._delete_series(name)

    def _delete_series(self, name: tuple[str, str]) -> None:
        place = self._series.pop(name, None)
        if place is not None:
            self._sql.execute("DELETE FROM series WHERE place = ?", (place,))
            self._sql.execute("DELETE FROM history WHERE series = ?", (place,))

    def _write_attributes(self, rows: Rows, store: Store) -> None:
        for row, moved in rows.items():
            if row[0] != "attribute":
                continue
            _, device, scope, key = row
            name = (device, scope, json.dumps(key))
            if moved:
                self._sql.execute("DELETE FROM attribute WHERE device = ? AND scope = ? AND key = ?", name)
            memory = store.memories.get(str(device))
            attribute = getattr(memory, str(scope)).get(key) if memory else None
            if attribute is not None:
                self._sql.execute(
                    "INSERT INTO attribute (device, scope, key, ts, value) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT (device, scope, key) DO UPDATE SET ts = excluded.ts, value = excluded.value",
                    (*name, attribute.ts_ms, json.dumps(attribute.value)),
                )

    def _write_series(self, rows: Rows, store: Store) -> None:
        new = []
        for row, moved in rows.items():
            if row[0] != "series":
                continue
            name = device, key = str(row[1]), str(row[2])
            if moved:
                self._delete_series(name)
            memory = store.memories.get(device)
            latest = memory.telemetry.latest(key) if memory else None
            if latest is not None:
                if name not in self._series:
                    self._last_series += 1
                    self._series[name] = self._last_series
                new.append((self._series[name], device, json.dumps(key), latest[0], json.dumps(latest[1])))
        self._sql.executemany(
            "INSERT INTO series VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (place) DO UPDATE SET ts = excluded.ts, value = excluded.value",
            new,
        )

    def _write_history(self, rows: Rows, store: Store) -> None:
        new, gone = [], []
        for row in rows:
            if row[0] != "history":
                continue
            _, device, key, ts_ms = row
            memory, series = store.memories.get(str(device)), self._series.get((str(device), str(key)))
            value = memory.telemetry.at(str(key), int(ts_ms)) if memory else None
            if value is not None:
                new.append((series, ts_ms, json.dumps(value)))
            elif series is not None:
                gone.append((series, ts_ms))
        self._sql.executemany("DELETE FROM history WHERE series = ? AND ts = ?", gone)
        self._sql.executemany("INSERT OR REPLACE INTO history VALUES (?, ?, ?)", new)
