"""What was most likely meant by an event that keeps no arrow: which one has gone wrong.

Knows one arrow and one event, as `keeping` does; refuses to know the walk. Called by `follows`.
"""

from __future__ import annotations

from otakit.diagrams.follow.happened import Happened
from otakit.diagrams.follow.keeping import content
from otakit.diagrams.follow.promise import Promise
from otakit.protocol import messages as m


def is_astray(promise: Promise, event: Happened) -> bool:
    """Whether the event, which keeps no arrow, is this one gone wrong: its topic, or a part of what it says."""
    packet = event.packet
    if packet is None or event.way is not promise.way:
        return False
    prefixes = {"firmware": "fw", "software": "sw"}
    kinds = [prefixes[promise.kind]] if promise.kind else list(prefixes.values())
    if event.row == "OtherPublish":
        return promise.row == "ChunkRequest" and not set(kinds).isdisjoint((packet.topic or "").split("/"))
    if event.row == "AttributesPublish":
        return promise.row == "Telemetry" and any(f"{kind}_state" in content(event, promise) for kind in kinds)
    if event.row == "AttributesUpdate":
        return promise.row == event.row and bool(promise.keys) and resembles(promise, event)
    if isinstance(packet.says, m.AttributesRequest):
        asked = {name.strip() for name in (*packet.says.shared, *packet.says.client)}
        return promise.row == event.row and any(key.name in asked for key in promise.keys)
    return promise.row == event.row and event.is_mistaken


def resembles(promise: Promise, event: Happened) -> bool:
    """Whether the event is of the arrow's row and shares a key with it, where it names keys."""
    if event.row != promise.row:
        return False
    return not promise.keys or event.packet is None or any(key.name in content(event, promise) for key in promise.keys)
