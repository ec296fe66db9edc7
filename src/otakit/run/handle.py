"""A run in the background: client, link and recording, started and ended in their order.

Knows what must be ended whatever happens, and what a reader is told; decides nothing about the update
itself. Made by `run.start`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from otakit.client.job import State
from otakit.client.vocabulary import Outcome, Progress, Settings
from otakit.errors import OtakitError
from otakit.faults import LinkSettings
from otakit.link import Link
from otakit.protocol.messages import Kind
from otakit.record.pcapng import Recorder
from otakit.run.history import server_statuses
from otakit.run.live import live_display
from otakit.run.peer import Peer
from otakit.run.progress import Quiet
from otakit.servers import Server
from otakit.session import Session
from otakit.twin.faulty import Faults

if TYPE_CHECKING:
    from matplotlib.axes import Axes

REDRAW_S = 0.2
ENDED = State.ENDED.value


class Handle:
    """An update that runs in the background.

    Attributes:
        session: the story so far; its frames grow while the update runs.
        settings: how the client behaves.
        link_settings: the simulated link of this run.
    """

    def __init__(self, peer: Peer, settings: Settings, link: LinkSettings, recorder: Recorder) -> None:
        self._peer, self._recorder = peer, recorder
        self.settings, self.link_settings = settings, link
        self._progress: dict[Kind, Progress] = {}
        self._outcomes: dict[Kind, Outcome] = {}
        self._error: BaseException | None = None
        self._link = None if link.is_none else Link(link, recorder)
        self._restore = _watch_faults(peer.server, recorder, behind_link=self._link is None)
        try:
            address = self._link.start(peer.address) if self._link is not None else peer.address
            self._client = peer.client(settings, recorder, address, self._heard)
        except BaseException:
            self._end()
            raise
        self.session = Session(recorder.path)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otakit-update", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        """Who is updated and how far it is."""
        states = [f"{kind.word} {now.state}" for kind, now in self.progress.items()]
        return f"<update of {self._peer.name}: {', '.join(states) or 'starting'}>"

    @property
    def progress(self) -> dict[Kind, Progress]:
        """Where each kind stands now; the state of one that ended is how it ended."""
        ends = self._client.outcomes()
        return {
            kind: replace(now, state=ends[kind].outcome) if now.state == ENDED and kind in ends else now
            for kind, now in dict(self._progress).items()
        }

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return not self._over.is_set()

    def wait(self, timeout_s: float | None = None) -> Session:
        """Waits for the end and returns the session.

        Args:
            timeout_s: return the growing session after so many seconds, though it still runs.

        Raises:
            OtakitError: what ended the run, such as a refused connection.
        """
        if self._over.wait(timeout_s):
            self._thread.join()
            if self._error is not None:
                raise self._error
        return self.session

    def stop(self) -> Session:
        """Ends the update now; what was recorded so far is kept."""
        self._client.stop()
        with contextlib.suppress(OtakitError):  # ended by request: what else went wrong is in the recording
            self.wait()
        return self.session

    def watch(self, plot: Callable[[Session], Axes] = Session.plot_status_timeline) -> Session:
        """Draws the update while it runs, in a notebook as a picture, and returns the session when it is over.

        Args:
            plot: what is drawn of the growing session, such as ``otakit.Session.plot_chunk_latency``.

        Raises:
            OtakitError: as `wait`.
        """
        return self.watched(live_display(self.session, plot))

    def watched(self, display: Quiet) -> Session:
        """Shows the progress until the end; an interrupt stops the update and is passed on."""
        try:
            while not self._over.wait(REDRAW_S):
                display.show(self.progress)
            display.show(self.progress)
        except KeyboardInterrupt:
            self.stop()
            raise
        finally:
            display.end()
        for line in self._remarks():
            display.say(line)
        return self.wait()

    def _heard(self, progress: Progress) -> None:
        self._progress[progress.kind] = progress

    def _run(self) -> None:
        since_ms = time.time_ns() // 1_000_000
        try:
            self._outcomes = self._client.run()
            self._note_history(since_ms)
        except BaseException as error:  # noqa: BLE001 - whatever ends a background thread is raised in `wait`
            self._error = error
        finally:
            self._end()
            self._over.set()

    def _note_history(self, since_ms: int) -> None:
        """What the server wrote about this update into its telemetry stands in the recording too."""
        if self._peer.server is None or self._peer.device is None:
            return
        try:
            history = self._peer.server.telemetry(self._peer.device)
        except OtakitError as error:  # the update is done; that its server cannot be asked any more spoils nothing
            self._recorder.note("fault", {"name": "NoHistory", "reason": str(error)})
            return
        for kind, status, ts_ms in server_statuses(history, since_ms):
            fields = {"kind": kind.word, "status": status, "ts_ms": ts_ms}
            self._recorder.note("server_status", fields, at_ns=ts_ms * 1_000_000)

    def _end(self) -> None:
        outcome: dict[str, object] = {kind.word: end.outcome for kind, end in self._outcomes.items()}
        if self._error is not None:
            outcome["error"] = str(self._error) or type(self._error).__name__
        if self._link is not None:
            self._link.close()
        self._restore()
        self._recorder.close(outcome)

    def _remarks(self) -> list[str]:
        return remarks(self._peer.name, self._outcomes.values())


def remarks(name: str, ends: Collection[Outcome]) -> list[str]:
    """What a reader is told about updates that did nothing or failed."""
    told = [end for end in ends if end.outcome not in ("UPDATED", "NO_PACKAGE")]
    if ends and all(end.outcome == "NO_PACKAGE" for end in ends):
        return [f"Nothing is assigned to {name}: server.assign(package, to=device)."]
    return [_remark(name, end) for end in told]


def _remark(name: str, end: Outcome) -> str:
    if end.outcome != "ALREADY_CURRENT":
        return f"{name}: {end.kind.word} {end.outcome}: {end.reason}"
    kind = "" if end.kind is Kind.FIRMWARE else f', "{end.kind.word}"'
    what = f"{end.kind.word} {' '.join(end.from_)}".strip()
    return f'{name} already runs {what}: nothing to do. device.reset("1.0.0"{kind}) starts over.'


def _watch_faults(server: Server | None, recorder: Recorder, *, behind_link: bool) -> Callable[[], None]:
    """Lets a twin's plan, and the link it stands behind, tell this recording of their faults; returns the way back."""
    telling = [getattr(server, "faults", None), getattr(server, "link", None) if behind_link else None]
    sources = [(source, source.watcher) for source in telling if isinstance(source, Faults | Link)]
    for source, _ in sources:
        source.watcher = recorder

    def restore() -> None:
        for source, before in sources:
            source.watcher = before

    return restore
