"""What becomes of a packet that a fault befalls: other bytes, none, twice, later.

Pure: bytes in, pieces out. The link's sieve and the twin's faults carry the pieces; this file knows MQTT's
packets and refuses to know connections.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import asdict, dataclass, replace

from otakit.faults import values as v
from otakit.faults.counter import luck, shared_of, stated_keys
from otakit.faults.values import UNSET, Fault
from otakit.protocol.messages import AttributesResponse, Direction, Kind, Message, compact, message_of
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Packet, Publish, Version


@dataclass(slots=True, eq=False)
class Piece:
    """Bytes that pass on.

    Attributes:
        raw: None breaks the connection there.
        late_s: seconds by which they are late.
        gone: they have passed already, with what overtook them: nothing is left to do when their time comes.
    """

    raw: bytes | None
    late_s: float = 0.0
    gone: bool = False


class Held:
    """What waits on one connection until the next packet of its row has overtaken it."""

    def __init__(self) -> None:
        self._pieces: dict[Hashable, list[Piece]] = {}

    def hold(self, place: Hashable, pieces: list[Piece]) -> list[Piece]:
        """Keeps pieces for later; they go when their own time comes, should nothing follow."""
        self._pieces.setdefault(place, []).extend(pieces)
        return pieces

    def waits(self, place: Hashable) -> bool:
        """Whether something waits there to be overtaken."""
        return any(not piece.gone for piece in self._pieces.get(place, ()))

    def release(self, place: Hashable) -> list[Piece]:
        """What has just been overtaken, to pass now."""
        waiting = [piece for piece in self._pieces.pop(place, ()) if not piece.gone]
        for piece in waiting:
            piece.gone = True
        return [Piece(piece.raw) for piece in waiting]


def meaning_of(packet: Packet, direction: Direction) -> Message | None:
    """What a PUBLISH means; None for any other packet."""
    return message_of(packet.topic, packet.payload, direction) if isinstance(packet, Publish) else None


def kind_of(message: Message | None) -> Kind | None:
    """The kind that a message's topic names; an error word's topic does not tell it."""
    kind = getattr(message, "kind", None)
    return kind if isinstance(kind, Kind) else None


def meddled(fault: Fault, raw: bytes, packet: Packet, version: Version, *chance: object) -> list[Piece]:
    """The pieces that pass in place of one packet.

    Args:
        fault: what befalls it; one that does not touch the packet itself leaves it alone.
        raw: its bytes.
        packet: what they say.
        version: of its connection.
        chance: the plan's seed and what tells this packet from others.
    """
    match fault:
        case v.Withhold() | v.Silence():
            return []
        case v.Cut():
            return [Piece(None)]
        case v.Delay(late_s=late_s) | v.Reorder(late_s=late_s):
            return [Piece(raw, late_s)]
        case v.Duplicate():
            return [Piece(raw), Piece(raw)]
        case v.Corrupt() | v.Truncate() | v.Misstate() if isinstance(packet, Publish):
            return [Piece(encode(_changed(fault, packet, chance), version))]
        case _:
            return [Piece(raw)]


def _changed(fault: Fault, packet: Publish, chance: tuple[object, ...]) -> Publish:
    match fault:
        case v.Corrupt():
            return replace(packet, payload=_flipped(packet.payload, luck(0, "bit", *chance)))
        case v.Truncate(to_bytes=to_bytes):
            return replace(packet, payload=packet.payload[:to_bytes])
        case v.Misstate():
            return replace(packet, payload=_misstated(fault, packet))
    return packet


def _flipped(payload: bytes, where: float) -> bytes:
    """One bit of it is another; an empty payload has none."""
    if not payload:
        return payload
    bit = int(where * len(payload) * 8)
    changed = bytearray(payload)
    changed[bit >> 3] ^= 1 << (bit & 7)
    return bytes(changed)


def _misstated(fault: v.Misstate, packet: Publish) -> bytes:
    says = message_of(packet.topic, packet.payload, Direction.TO_DEVICE)
    shared = dict(shared_of(says))
    for key in stated_keys(fault):
        if key in shared:
            shared[key] = _unlike(shared[key]) if fault.value is None else fault.value
    if isinstance(says, AttributesResponse) and isinstance(says.body, dict):
        return compact({**says.body, "shared": shared})
    return compact(shared)


def _unlike(value: object) -> object:
    """Much like the right one, and not it."""
    if isinstance(value, int | float):
        return value + 1
    text = str(value)
    return text[:-1] + ("0" if text[-1:] != "0" else "1")


def fields_of(fault: Fault, packet: Packet, direction: Direction) -> dict[str, object]:
    """The fields of the note ``fault``: the plan's words, and which packet it was."""
    message = meaning_of(packet, direction)
    about = {key: getattr(message, key) for key in ("request_id", "index", "kind") if hasattr(message, key)}
    fields = {"name": type(fault).__name__, **_said(asdict(fault)), **about, "direction": direction.value}
    if isinstance(kind := fields.get("kind"), Kind):
        fields["kind"] = kind.word
    return {key: value for key, value in fields.items() if value is not None}


def _said(fields: Mapping[str, object]) -> dict[str, object]:
    """Without what says nothing beyond the usual."""
    usual = {"times": (1, UNSET), "probability": (1.0,), "title": ("",), "version": ("",)}
    return {key: value for key, value in fields.items() if value not in usual.get(key, ())}
