"""Updates, their chunks and their statuses, as values.

Knows what one of each consists of and what follows from it alone (a chunk's outcome, its waste);
refuses to know when an update begins and ends, which is `story`'s business. Frames read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from otakit.exchange.offers import Offer
from otakit.exchange.question import Exchange

ABANDONED = frozenset({"SUPERSEDED", "UNASSIGNED"})


@dataclass(slots=True, eq=False)
class Chunk:
    """One request for one chunk; the rest of its row stands in its exchange.

    Attributes:
        asked_bytes: as asked for, or as remembered under the request id; None where nothing tells.
        expected_bytes: what the whole chunk has; None where nothing tells.
    """

    exchange: Exchange
    update: Update
    offset: int
    asked_bytes: int | None
    attempt: int
    in_flight: int
    expected_bytes: int | None

    @property
    def received_bytes(self) -> int | None:
        """Bytes of the first answer."""
        contents = self.exchange.contents
        return contents[0].payload_bytes if contents else None

    @property
    def wasted_bytes(self) -> int:
        """Bytes that came for nothing."""
        wasted = self.update.wasted
        every = self.update.outcome in ABANDONED
        return sum(answer.payload_bytes for answer in self.exchange.contents if every or answer.number in wasted)

    @property
    def outcome(self) -> str:
        """ANSWERED, SHORT, EMPTY, UNANSWERED or OPEN."""
        received = self.received_bytes
        if received is None:
            return "OPEN" if self.exchange.outcome == "OPEN" else "UNANSWERED"
        if self.expected_bytes is not None and received < self.expected_bytes:
            return "SHORT" if received else "EMPTY"
        return "ANSWERED" if received or self.expected_bytes == 0 else "EMPTY"


@dataclass(slots=True)
class Status:
    """One status as somebody wrote it into the device's telemetry."""

    kind: str
    device: str | None
    writer: str
    status: str
    at_ns: int
    update: Update | None = None
    stamped_ns: int | None = None
    error: str | None = None
    title: str | None = None
    version: str | None = None
    packet: int | None = None


@dataclass(slots=True, eq=False)
class Update:
    """One attempt to bring one device to one package.

    Attributes:
        noted: the client said itself that it began; then only the client's word supersedes it.
        arrived: offset to length of the chunks received, each counted once.
        wasted: numbers of the packets whose bytes came for nothing.
        asked: offset to how often it was asked for.
        sizes: chunk size to how often it was asked for; 0 times for one only announced.
        waiting: offset to the connection on which it is waited for.
    """

    number: int
    who: str
    connection: int | None
    kind: str
    from_title: str | None
    from_version: str | None
    to_title: str | None = None
    to_version: str | None = None
    package_bytes: int | None = None
    offered_ns: int | None = None
    first_request_ns: int | None = None
    last_chunk_ns: int | None = None
    ended_ns: int | None = None
    outcome: str = "STILL_RUNNING"
    reason: str | None = None
    attempt: int = 1
    noted: bool = False
    connections: set[int] = field(default_factory=set)
    most_in_flight: int | None = None
    retries: int = 0
    bytes_received: int = 0
    wasted_bytes: int = 0
    arrived: dict[int, int] = field(default_factory=dict)
    wasted: set[int] = field(default_factory=set)
    asked: dict[int, int] = field(default_factory=dict)
    sizes: dict[int, int] = field(default_factory=dict)
    waiting: dict[int, int] = field(default_factory=dict)

    @property
    def bytes_wasted(self) -> int:
        """Bytes that came for nothing: all of them when the update was abandoned."""
        return self.bytes_received if self.outcome in ABANDONED else self.wasted_bytes

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.outcome == "STILL_RUNNING"

    @property
    def chunk_bytes(self) -> int | None:
        """The chunk size asked for most often."""
        return max(self.sizes, key=lambda size: self.sizes[size]) if self.sizes else None

    def describe(self, offer: Offer, at_ns: int | None) -> None:
        """Takes over what an offer tells of the package."""
        self.to_title, self.to_version = offer.target
        self.package_bytes = offer.size if offer.size is not None else self.package_bytes
        self.offered_ns = at_ns if self.offered_ns is None else self.offered_ns

    def expected(self, size: int | None, offset: int) -> int | None:
        """Bytes of a whole chunk at `offset`: 0 past the end of the image, None where nothing tells."""
        if not size:
            return self.package_bytes
        return None if self.package_bytes is None else max(0, min(size, self.package_bytes - offset))

    @property
    def target(self) -> tuple[str | None, str | None]:
        """Title and version of the package."""
        return self.to_title, self.to_version
