"""A device as the page shows it: who it is, its connection, what it runs and what it should run.

Reads the model and what the ear heard; changes nothing. Texts that a device sent are cut, never judged:
the page shows them as the device's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from otakit.captured import Address
from otakit.protocol.messages import Kind
from otakit.protocol.packets import Version
from otakit.twin.page.ear import Heard
from otakit.twin.page.sentences import Json, clipped
from otakit.twin.rules.entities import Device, OtaPackage, package_id
from otakit.twin.rules.store import Store
from otakit.twin.rules.telemetry import MILLISECOND, Telemetry
from otakit.twin.rules.values import as_text

SHOWN = 200
"""Characters shown of a device's own text."""


class Connected(Protocol):
    """One open connection of a device."""

    peer: Address
    opened_ns: int

    @property
    def version(self) -> Version:
        """Of MQTT."""


def device_row(store: Store, device: Device, connections: Sequence[Connected], heard: Heard | None) -> Json:
    """Everything the page shows of a device but its exchanges."""
    profile = store.profiles[device.profile_id or store.default_profile_id]
    row: Json = {
        "id": device.id,
        "name": device.name,
        "label": device.label,
        "profile": {"id": profile.id, "name": profile.name},
        "connection": _connection(connections[-1]) if connections else None,
        "refused": None,
    }
    if heard is not None and heard.refused is not None:
        row["refused"] = {"word": heard.refused[0], "at": heard.refused[1] // MILLISECOND}
    for kind in Kind:
        row[kind.word] = _track(store, device, kind, heard)
    return row


def _connection(newest: Connected) -> Json:
    host, port = newest.peer
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return {"mqtt": newest.version.label, "address": address, "since": newest.opened_ns // MILLISECOND}


def _track(store: Store, device: Device, kind: Kind, heard: Heard | None) -> Json:
    telemetry, prefix, own = store.memories[device.id].telemetry, kind.value, package_id(device, kind)
    package = store.packages.get(store.effective(device, kind) or "")
    state = telemetry.latest(f"{prefix}_state")
    return {
        "own": own,
        "target": None if package is None else _target(package, is_own=own is not None),
        "current": _text(telemetry, f"current_{prefix}_title"),
        "version": _text(telemetry, f"current_{prefix}_version"),
        "state": _text(telemetry, f"{prefix}_state"),
        "since": state[0] if state else None,
        "error": _error(telemetry, prefix),
        "progress": None if package is None else _progress(package, kind, heard),
    }


def _target(package: OtaPackage, *, is_own: bool) -> Json:
    return {
        "id": package.id,
        "title": package.title,
        "version": package.version,
        "from": "device" if is_own else "profile",
        "url": package.url,
    }


def _progress(package: OtaPackage, kind: Kind, heard: Heard | None) -> Json | None:
    """Bytes delivered of this package; None while nothing of it was seen, or while nobody knows its size."""
    delivery = heard.deliveries.get(kind) if heard is not None else None
    if delivery is None or delivery.package_id != package.id or not package.size:
        return None
    seen = min(delivery.seen, package.size)
    return {"seen": seen, "before": min(delivery.before, package.size - seen), "size": package.size}


def _error(telemetry: Telemetry, prefix: str) -> str | None:
    """The device's own words for a failure, while they are not older than its last status."""
    state, error = telemetry.latest(f"{prefix}_state"), telemetry.latest(f"{prefix}_error")
    if error is None or (state is not None and state[0] > error[0]) or not as_text(error[1]):
        return None
    return clipped(as_text(error[1]), SHOWN)


def _text(telemetry: Telemetry, key: str) -> str | None:
    found = telemetry.latest(key)
    return None if found is None else clipped(as_text(found[1]), SHOWN)
