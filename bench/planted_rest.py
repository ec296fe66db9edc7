"""Deliberate defects of the rules and of the REST door, named and numbered as in `planted_mqtt`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from unittest import mock

from planting import Plant, defect

from otakit.protocol.messages import Kind
from otakit.twin.model import Model
from otakit.twin.rules import assignment, values
from otakit.twin.rules.assignment import Assignment
from otakit.twin.rules.cache import ImageCache
from otakit.twin.rules.entities import Device, package_id
from otakit.twin.rules.store import Store
from otakit.twin.rules.telemetry import Telemetry
from otakit.twin.sessions import Sessions
from otakit.twin.settings import TwinSettings

FIRMWARE = re.compile(r"/api/v1/[^/]+/firmware")


def body_of(text: bytes) -> Any:
    """JSON, None for what is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


# ----------------------------------------------------------------------------------- the rules


@defect("QUEUED is not written", 1)
def _(plant: Plant) -> None:
    original = Telemetry.write

    def write(telemetry: Telemetry, ts_ms: int, rows: Any) -> None:
        original(telemetry, ts_ms, {key: value for key, value in rows.items() if value != "QUEUED"})

    plant.replace(Telemetry, "write", write)


@defect("a saved package keeps its cached bytes", 19)
def _(plant: Plant) -> None:
    plant.replace(ImageCache, "drop", lambda _cache, _package_id: None)


@defect("a fresh request id does not load the bytes again", 19)
def _(plant: Plant) -> None:
    original, loaded = ImageCache.load, set[str]()

    def load(cache: ImageCache, package: Any, now: int) -> None:
        if package.id not in loaded:
            loaded.add(package.id)
            original(cache, package, now)

    plant.replace(ImageCache, "load", load)


@defect("strict types lost", 28)
def _(plant: Plant) -> None:
    plant.replace(values, "_PARSABLE", re.compile("(?!)"))


@defect("what the server writes is converted too", 28)
def _(plant: Plant) -> None:
    original = Telemetry.write

    def write(telemetry: Telemetry, ts_ms: int, rows: Any) -> None:
        original(telemetry, ts_ms, {key: 1.1 if value == "1.10" else value for key, value in rows.items()})

    plant.replace(Telemetry, "write", write)


@defect("the profile's package goes before the device's", 29)
def _(plant: Plant) -> None:
    def effective(store: Store, device: Device, kind: Kind) -> str | None:
        profile = store.profiles[device.profile_id or store.default_profile_id]
        return package_id(profile, kind) or package_id(device, kind)

    plant.replace(Store, "effective", effective)


@defect("the same package is told again", 30)
def _(plant: Plant) -> None:
    original = Assignment.device_saved
    plant.replace(Assignment, "device_saved", lambda there, device, _before, now: original(there, device, {}, now))


@defect("all devices are told at once", 31)
def _(plant: Plant) -> None:
    plant.replace(assignment, "nanoseconds", lambda _seconds: 0)


@defect("bytes wait for the dispatch", 31)
def _(plant: Plant) -> None:
    original = Model.package_now

    def package_now(model: Model, device_id: str, kind: Kind, now: int) -> Any:
        memory = model.memory(device_id)
        told = memory is not None and f"{kind.value}_title" in memory.shared
        return original(model, device_id, kind, now) if told else "NOT_FOUND"

    plant.replace(Model, "package_now", package_now)


@defect("a superseded package is told too", 32)
def _(plant: Plant) -> None:
    original = Assignment._dispatch  # noqa: SLF001

    def dispatch(there: Assignment, notice: Any, now: int) -> bool:
        with mock.patch.object(Store, "effective", return_value=notice.package_id):
            return original(there, notice, now)

    plant.replace(Assignment, "_dispatch", dispatch)


@defect("the URL bug of 4.2.1", 33)
def _(plant: Plant) -> None:
    plant.replace(TwinSettings, "is_before", lambda _settings, *version: version == (4, 2, 1, 1))


@defect("what is left out stays", 35)
def _(plant: Plant) -> None:
    original = Model.save_device

    def save_device(model: Model, draft: Device, *arguments: Any, **options: Any) -> Device:
        old = model.store.devices.get(draft.id)
        kept = replace(draft, firmware_id=draft.firmware_id or (old.firmware_id if old else None))
        return original(model, kept, *arguments, **options)

    plant.replace(Model, "save_device", save_device)


@defect("an assigned package can be deleted", 36)
def _(plant: Plant) -> None:
    import otakit.twin.model as module  # noqa: PLC0415

    plant.replace(module, "check_unused", lambda _store, _package: None)


@defect("endTs inclusive", 38)
def _(plant: Plant) -> None:
    original = Telemetry.between
    plant.replace(
        Telemetry,
        "between",
        lambda there, key, start, end, **options: original(there, key, start, end + 1, **options),
    )


@defect("new credentials close nobody", 41)
def _(plant: Plant) -> None:
    plant.replace(Sessions, "end_all", lambda _sessions, _device_id, _reason=0: None)


# ---------------------------------------------------------------------------------- the REST door


@defect("nothing behind the end is 404 over HTTP", 34)
def _(plant: Plant) -> None:
    def answer(_method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return (404, b"") if FIRMWARE.fullmatch(path) and status == 200 and not body else (status, body)

    plant.door(answer=answer)


@defect("another version is 404 over HTTP", 34)
def _(plant: Plant) -> None:
    def answer(_method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return (404 if FIRMWARE.fullmatch(path) and status == 400 else status, body)

    plant.door(answer=answer)


@defect("a wrong token is 403 over HTTP", 34)
def _(plant: Plant) -> None:
    def answer(_method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return (403 if FIRMWARE.fullmatch(path) and status == 401 else status, body)

    plant.door(answer=answer)


@defect("409 missing", 35)
def _(plant: Plant) -> None:
    def call(method: str, path: str, body: bytes) -> bytes:
        found = body_of(body)
        if method == "POST" and path == "/api/device" and isinstance(found, dict):
            found.pop("version", None)
            return json.dumps(found).encode()
        return body

    plant.door(call=call)


@defect("409 with another errorCode", 35)
def _(plant: Plant) -> None:
    plant.door(answer=lambda _method, _path, status, body: (status, body.replace(b'"errorCode":35', b'"errorCode":31')))


@defect("413 as JSON error object", 36)
def _(plant: Plant) -> None:
    def answer(_method: str, _path: str, status: int, body: bytes) -> tuple[int, bytes]:
        return status, json.dumps({"status": 413, "message": body_of(body)}).encode() if status == 413 else body

    plant.door(answer=answer)


@defect("upper-case checksums fit", 36)
def _(plant: Plant) -> None:
    original = Model.fill_package

    def fill_package(model: Model, package_id: str, image: Any, **options: Any) -> Any:
        expected = options.pop("expected", None)
        return original(model, package_id, image, **options, expected=expected and expected.lower())

    plant.replace(Model, "fill_package", fill_package)


@defect("refusals in other words", 36)
def _(plant: Plant) -> None:
    plant.door(
        answer=lambda _method, _path, status, body: (
            status,
            body.replace(b"different deviceProfile", b"another profile"),
        )
    )


def reversed_checksum(plant: Plant, algorithm: str) -> None:
    """Prints one algorithm's checksum in the other byte order."""

    def answer(_method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        found = body_of(body) if "/otaPackage/" in path else None
        if isinstance(found, dict) and found.get("checksumAlgorithm") == algorithm:
            found["checksum"] = bytes.fromhex(found["checksum"])[::-1].hex()
            return status, json.dumps(found).encode()
        return status, body

    plant.door(answer=answer)


@defect("MURMUR big-endian", 37)
def _(plant: Plant) -> None:
    reversed_checksum(plant, "MURMUR3_32")


@defect("CRC32 big-endian", 37)
def _(plant: Plant) -> None:
    reversed_checksum(plant, "CRC32")


@defect("what never was is left out", 38)
def _(plant: Plant) -> None:
    def answer(_method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        found = body_of(body) if path.endswith("/values/timeseries") else None
        if isinstance(found, dict):
            kept = {key: rows for key, rows in found.items() if rows[0].get("value") is not None}
            return status, json.dumps(kept).encode()
        return status, body

    plant.door(answer=answer)
