"""The state of one kind's updates, and the questions that the machine's guards ask about it.

A `Job` lives as long as the client and sees one update after the other. Holds and answers; refuses to
decide: that is the table's business in `machine`. `step` changes a job in place, since a download turns
it ten thousand times a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from otakit.client.settings import Settings
from otakit.client.vocabulary import Outcome, Progress
from otakit.client.window import Window
from otakit.protocol.checksums import ALGORITHMS
from otakit.protocol.messages import ChunkRequest, Kind
from otakit.protocol.package import Package


class State(Enum):
    """Where an update stands; unlike a `Status` it is the device's own."""

    IDLE = "IDLE"
    PREPARING = "PREPARING"
    DOWNLOADING = "DOWNLOADING"
    PAUSED = "PAUSED"
    DOUBTING = "DOUBTING"
    DOWNLOADED = "DOWNLOADED"
    VERIFIED = "VERIFIED"
    UPDATING = "UPDATING"
    INSTALLING = "INSTALLING"
    RESTARTING = "RESTARTING"
    CONFIRMING = "CONFIRMING"
    ROLLING_BACK = "ROLLING_BACK"
    RETURNING = "RETURNING"
    ENDED = "ENDED"


@dataclass(slots=True)
class Job:
    """One kind's updates.

    Attributes:
        running: title and version that run now; two empty texts when nothing does.
        chunk_limit: largest chunk that the server serves, as far as it said so.
        request_id: of the chunk requests now; None when the next one needs a new id.
        request_ids: all ids of this update on this connection: their answers bring its bytes.
        must_end_at: when the present phase is over, whatever happens.
        ask_at: when the attributes are asked for again.
        recovered: stronger means taken since the last new chunk.
        reasked: repeated attribute requests in this update.
        outcome: how the last update ended; None while one runs or none began.
        history: all outcomes so far.
        begun: packages of all updates that began.
        retries: chunk requests that were repetitions, in this update.
        bytes_wasted: chunk bytes that came for nothing, in this update.
    """

    kind: Kind
    settings: Settings
    running: tuple[str, str] = ("", "")
    state: State = State.IDLE
    package: Package | None = None
    window: Window | None = None
    chunk_limit: int | None = None
    request_id: int | None = None
    request_ids: list[int] = field(default_factory=list)
    must_end_at: int | None = None
    ask_at: int | None = None
    recovered: int = 0
    reasked: int = 0
    shrunk: bool = False
    from_: tuple[str, str] = ("", "")
    reason: str = ""
    outcome: Outcome | None = None
    history: list[Outcome] = field(default_factory=list)
    begun: list[Package] = field(default_factory=list)
    retries: int = 0
    bytes_wasted: int = 0
    ignored: int = 0
    first_at: int | None = None

    @property
    def wake_at(self) -> int | None:
        """When this job next needs `DeadlinePassed`."""
        chunk = self.window.wake_at if self.window is not None and self.state is State.DOWNLOADING else None
        times = [time for time in (self.must_end_at, self.ask_at, chunk) if time is not None]
        return min(times) if times else None

    @property
    def at_work(self) -> bool:
        """Whether an update is under way."""
        return self.state not in (State.IDLE, State.ENDED)

    def chunks(self) -> Window:
        """The window of the update under way."""
        if self.window is None:
            raise AssertionError("no download has begun")
        return self.window

    def offered(self) -> Package:
        """The package of the update under way."""
        if self.package is None:
            raise AssertionError("no package was offered")
        return self.package

    def end(self, outcome: str, reason: str = "", package: Package | None = None) -> None:
        """Writes the outcome down; nothing is waited for any more."""
        self.outcome = Outcome(self.kind, outcome, reason, package, self.from_)
        self.history.append(self.outcome)
        self.must_end_at = self.ask_at = None

    def next_size(self) -> int:
        """The chunk size to begin with."""
        return min(self.settings.chunk_bytes, self.chunk_limit or self.settings.chunk_bytes)

    def question(self, now: int, new_id: int) -> ChunkRequest | None:
        """The chunk request to send now, if there is one; it takes `new_id` if it needs a new request id."""
        if self.state is not State.DOWNLOADING or self.window is None:
            return None
        index = self.window.ask(now)
        if index is None:
            return None
        if self.request_id is None:
            self.request_id = new_id
            self.request_ids.append(new_id)
        return ChunkRequest(self.kind, self.request_id, index, self.window.chunk_bytes)

    def progress(self, now: int) -> Progress:
        """Where the update stands."""
        package, window = self.package, self.window
        done = window.bytes_done if window is not None else 0
        total = package.size or 0 if package is not None else 0
        seconds = (now - self.first_at) / 1e9 if self.first_at is not None else 0.0
        rate = done / seconds if seconds > 0 else 0.0
        return Progress(
            kind=self.kind,
            state=self.state.value,
            title=package.title if package is not None else "",
            version=package.version if package is not None else "",
            bytes_done=done,
            bytes_total=total,
            chunks_done=window.done if window is not None else 0,
            chunks_total=window.count if window is not None else 0,
            retries=self.retries,
            rate_bytes_s=rate,
            left_s=(total - done) / rate if rate > 0 else None,
        )


def obstacle(package: Package) -> str:
    """Why this package can never be had, in one sentence; empty when it can."""
    name = f"{package.kind.word} {package.title} {package.version}"
    if package.url is not None:
        return (
            f"{name} lies behind a URL ({_short(package.url)}); this client fetches images that ThingsBoard stores: "
            "upload the image to ThingsBoard and assign that package"
        )
    if (package.algorithm or "").upper() not in ALGORITHMS:
        return (
            f"{name} has the checksum algorithm {_short(package.algorithm or '')}, which is unknown; "
            f"ThingsBoard has {', '.join(ALGORITHMS)}: upload the package again with one of them"
        )
    return ""


def _short(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
