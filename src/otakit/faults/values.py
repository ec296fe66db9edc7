"""Each fault as a value: what goes wrong, with which packet, how often, for which device.

Knows the rows of the message table and which fault can befall which of them; refuses to know links,
sockets and servers. The words are MQTT's and ThingsBoard's own; `texts` writes and reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from otakit.errors import SettingsError
from otakit.protocol.messages import TABLE, WAYS, Kind
from otakit.protocol.packets import PacketType

UNSET = -1
"""Not given: the fault's own usual value."""
DEFAULT_WITHHELD = 20
"""The packet that a fault is about when nobody says which: late enough that several are in flight, early
enough to watch. ``one answer withheld`` means this one."""
ATTRIBUTES = "Attributes"
"""Stands for both rows that carry shared attributes to a device."""
FAMILIES = {ATTRIBUTES: ("AttributesResponse", "AttributesUpdate")}
EACH_DEVICE = "*"
"""As a fault's device: every device is counted on its own."""
ERROR_WORDS = ("NOT_FOUND", "FAILURE", "UNKNOWN", "PAYLOAD_TOO_LARGE")
REFUSALS = {0x84: 1, 0x85: 2, 0x86: 5, 0x87: 5, 0x88: 3, 0x97: 3, 0x9F: 3}
"""CONNACK codes of MQTT 5 with what MQTT 3.1.1 says for each (ThingsBoard: `ReturnCodeResolver`)."""
GOODBYES = {0x88: 0x89, 0x9F: 0x96}
"""Where ThingsBoard's DISCONNECT behind such a CONNACK has another code."""
LATEST_S = 86_400
"""A day: longer than any device waits, and what every clock and timer can take."""
STATED = ("title", "version", "size", "checksum", "checksum_algorithm", "url", "tag")

BOUNDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "nth": (lambda nth: nth >= 1, "counted from 1"),
    "times": (lambda times: times >= 0, "a number of packets, or 0 for all of them"),
    "probability": (lambda chance: 0 < chance <= 1, "above 0 and at most 1"),
    "late_s": (lambda late_s: 0 <= late_s <= LATEST_S, "a number of seconds, from 0 to 86400, which is a day"),
    "to_bytes": (lambda size: size >= 0, "a number of bytes, 0 or more"),
    "word": (lambda word: word in ERROR_WORDS, f"one of {', '.join(ERROR_WORDS)}"),
    "code": (lambda code: code in REFUSALS, f"one of {', '.join(f'0x{code:02X}' for code in REFUSALS)}"),
    "key": (lambda key: key in STATED, f"one of {', '.join(STATED)}"),
}
"""What each field of a fault may be."""

PUBLISHED = frozenset(name for name, row in TABLE.items() if row.packet is PacketType.PUBLISH)
ON_THE_WIRE = frozenset(name for name, row in TABLE.items() if row.packet is not None)
FROM_DEVICE = frozenset(name for name, row in TABLE.items() if row.packet and row.directions == WAYS["up"])
"""Rows that only devices send."""


@dataclass(frozen=True, slots=True)
class _Aimed:
    """Which packets a fault is about.

    Attributes:
        message: row of the message table, or ``Attributes`` for both rows that carry them.
        nth: the first one, counted from 1 over all connections.
        kind: counts only this kind's packets; None counts both.
        times: how many from there on; 0 for all of them.
        probability: of each of them, above 0, at most 1.
        device: a device's name; ``*`` counts each device on its own; None counts all together.
    """

    message: str = "ChunkResponse"
    nth: int = UNSET
    kind: Kind | None = None
    times: int = UNSET
    probability: float = 1.0
    device: str | None = None

    rows: ClassVar[frozenset[str]] = ON_THE_WIRE
    usual_nth: ClassVar[int] = DEFAULT_WITHHELD
    usual_times: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Fills in the usual values, and refuses what cannot be meant.

        Raises:
            SettingsError: no such row, or one that this fault cannot befall; a number out of its range.
        """
        by_chance = self.probability < 1
        if self.nth == UNSET:
            object.__setattr__(self, "nth", 1 if by_chance else self.usual_nth)
        if self.times == UNSET:
            object.__setattr__(self, "times", 0 if by_chance else self.usual_times)
        for row in self.watched:
            if row not in ON_THE_WIRE:
                raise SettingsError(f"{row!r} is no row of the message table")
            if row not in self.rows:
                raise SettingsError(f"{type(self).__name__} cannot befall {self.message}; it can: {_some(self.rows)}")
        for name, (fits, expected) in BOUNDS.items():
            given: object = getattr(self, name, None)
            if given is not None and not fits(given):
                raise SettingsError(f"{name} is {expected}, not {given!r}")

    @property
    def watched(self) -> tuple[str, ...]:
        """The rows that are counted."""
        return FAMILIES.get(self.message, (self.message,))


def _some(rows: frozenset[str]) -> str:
    return ", ".join(sorted(rows)) if len(rows) < 8 else "a row that is a PUBLISH" if rows == PUBLISHED else "others"


@dataclass(frozen=True, slots=True)
class Withhold(_Aimed):
    """A packet never arrives; what was sent after it does."""


@dataclass(frozen=True, slots=True)
class Delay(_Aimed):
    """A packet arrives `late_s` seconds after its turn, behind what was sent meanwhile."""

    late_s: float = 3.0


@dataclass(frozen=True, slots=True)
class Duplicate(_Aimed):
    """A packet arrives twice, as QoS 1 allows."""


@dataclass(frozen=True, slots=True)
class Reorder(_Aimed):
    """A packet arrives behind the next one of its row, or after `late_s` seconds when none follows."""

    late_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Corrupt(_Aimed):
    """One bit of the payload is another; the seed says which."""

    rows: ClassVar[frozenset[str]] = PUBLISHED


@dataclass(frozen=True, slots=True)
class Truncate(_Aimed):
    """Only the first `to_bytes` of the payload arrive, 0 for an empty one."""

    to_bytes: int = 100

    rows: ClassVar[frozenset[str]] = PUBLISHED


@dataclass(frozen=True, slots=True)
class Misstate(_Aimed):
    """An attribute that announces the package is wrong: what arrives is `value`.

    Attributes:
        key: without its prefix, such as ``checksum`` or ``size``; `kind` gives the prefix, None means both.
        value: None for one that is like the right one and is not: another last digit, one byte more.
    """

    message: str = ATTRIBUTES
    key: str = "checksum"
    value: str | int | None = None

    rows: ClassVar[frozenset[str]] = frozenset(FAMILIES[ATTRIBUTES])
    usual_nth: ClassVar[int] = 1
    usual_times: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class Cut(_Aimed):
    """The connection breaks in place of a packet."""


@dataclass(frozen=True, slots=True)
class Silence(_Aimed):
    """From a packet on, which is lost too, nothing is answered and the connection stays open: half-open."""


@dataclass(frozen=True, slots=True)
class EvictCache(_Aimed):
    """The server loses the package's cached bytes just before a request: empty chunks until a new request id."""

    message: str = "ChunkRequest"

    rows: ClassVar[frozenset[str]] = frozenset({"ChunkRequest"})


@dataclass(frozen=True, slots=True)
class RefuseChunk(_Aimed):
    """A chunk request is answered with an error word on ``v2/fw/error``, and the connection closes."""

    message: str = "ChunkRequest"
    word: str = "NOT_FOUND"

    rows: ClassVar[frozenset[str]] = frozenset({"ChunkRequest"})


@dataclass(frozen=True, slots=True)
class RefuseConnect(_Aimed):
    """CONNACK refuses a device that could have been accepted; only such a CONNECT is counted.

    Attributes:
        code: MQTT 5's; MQTT 3.1.1 gets the one that ThingsBoard sends in its place.
    """

    message: str = "Connect"
    code: int = 0x88

    rows: ClassVar[frozenset[str]] = frozenset({"Connect"})
    usual_nth: ClassVar[int] = 1


@dataclass(frozen=True, slots=True)
class RateLimit(_Aimed):
    """A packet is one too many for the tenant's rate limit: the connection closes, MQTT 5 with 0x83."""

    message: str = "ChunkRequest"

    rows: ClassVar[frozenset[str]] = FROM_DEVICE - {"Connect", "PingReq"}


@dataclass(frozen=True, slots=True)
class TakeOver(_Aimed):
    """A second client connects with the device's credentials; this connection ends, MQTT 5 with 0x8E."""

    message: str = "ChunkRequest"

    rows: ClassVar[frozenset[str]] = FROM_DEVICE


@dataclass(frozen=True, slots=True)
class Reassign(_Aimed):
    """Just before a packet the operator assigns another package of the tenant to the device, or none.

    Attributes:
        title: of that package; empty takes the assignment of `kind` back (of firmware when it is None).
    """

    message: str = "ChunkRequest"
    title: str = ""
    version: str = ""

    rows: ClassVar[frozenset[str]] = FROM_DEVICE


LinkFault = Withhold | Delay | Duplicate | Reorder | Corrupt | Truncate | Misstate | Cut | Silence
"""What may happen on the way, in front of any server."""
Fault = LinkFault | EvictCache | RefuseChunk | RefuseConnect | RateLimit | TakeOver | Reassign
"""What may happen to a packet at all."""
FAULTS: dict[str, type[_Aimed]] = {
    "withhold": Withhold, "delay": Delay, "duplicate": Duplicate, "reorder": Reorder, "corrupt": Corrupt,
    "truncate": Truncate, "misstate": Misstate, "cut": Cut, "silence": Silence, "evict_cache": EvictCache,
    "refuse_chunk": RefuseChunk, "refuse_connect": RefuseConnect, "rate_limit": RateLimit, "take_over": TakeOver,
    "reassign": Reassign,
}  # fmt: skip
"""Every fault by the word that `lab.toml` has for it."""
