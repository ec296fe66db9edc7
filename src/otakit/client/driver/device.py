"""The client as people call it: run it to its end, or step by step.

Puts `core`, `loop` and the disk together. When stepping, the loop runs in a background thread: between two
steps the update's clock stands still while PINGREQ and PINGRESP go on.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from otakit.captured import Watcher
from otakit.client.core import Core
from otakit.client.credentials import Credentials
from otakit.client.disk import DiskCarrier, Installer, TwoSlotDevice
from otakit.client.driver.loop import Loop
from otakit.client.driver.wire import Server
from otakit.client.settings import Settings
from otakit.client.vocabulary import Outcome, Progress
from otakit.errors import TransportError
from otakit.protocol.messages import Kind

PROGRESS_NS = 100_000_000
"""Between two words on progress of one kind, unless its state changed."""


class Client:
    """A device that brings itself to what is assigned.

    Args:
        host: the server.
        port: its MQTT port.
        token: the device's access token; never shown anywhere.
        credentials: in place of a token, of any type; a certificate's files belong to `tls`.
        settings: how it behaves.
        folder: its download folder; nothing is written outside of it and of the hardware's own.
        installer: what installs: a simulated device, or three steps of your own beside that of `folder`; the
            simulated device of `folder` alone without.
        hardware: the simulated device beside three steps of your own, in place of that of `folder`.
        watcher: hears every packet and note.
        tls: context for TLS; plain TCP without.
        on_progress: called from the client's thread, at most ten times a second for each kind.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        token: str | None = None,
        credentials: Credentials | None = None,
        folder: Path | str,
        settings: Settings | None = None,
        installer: Installer | None = None,
        hardware: TwoSlotDevice | None = None,
        watcher: Watcher | None = None,
        tls: ssl.SSLContext | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self._server = Server(host, port, credentials or Credentials.token(token or ""), tls)
        self._folder = Path(folder)
        simulated = isinstance(installer, TwoSlotDevice)
        self._device = installer if isinstance(installer, TwoSlotDevice) else hardware or TwoSlotDevice(self._folder)
        self._installer = None if simulated else installer
        self._watcher, self._on_progress = watcher, on_progress
        self._told: dict[Kind, tuple[str, int, int]] = {}
        self._loop: Loop | None = None
        self._stepper: _Stepper | None = None
        self._stopped = False

    def __repr__(self) -> str:
        """Where to; no credentials."""
        return f"Client({self._server.host!r}, {self._server.port})"

    def run(self) -> dict[Kind, Outcome]:
        """Connects, brings the device to what is assigned, and ends.

        Returns:
            How the last update of each kind ended.

        Raises:
            TransportError: no connection could be made at all; the text says why.
        """
        loop = self._begin(stepping=False)
        try:
            loop.start()
            while not loop.core.finished:
                loop.turn()
                self._tell_progress(loop)
        finally:
            loop.close()
        return self._outcomes(loop.core)

    def stop(self) -> None:
        """From any thread: reports FAILED for what is under way and ends."""
        self._stopped = True
        if self._loop is not None:
            self._loop.stop()

    def advance(self) -> bool:
        """Lets exactly one question go out and returns when its exchange is over.

        Returns:
            False when nothing is left to ask.

        Raises:
            TransportError: no connection could be made at all.
        """
        if self._stepper is None:
            self._stepper = _Stepper(self._begin(stepping=True), self._tell_progress)
        went = self._stepper.advance()
        if not went:
            self._outcomes(self._stepper.loop.core)
        return went

    def outcomes(self) -> dict[Kind, Outcome]:
        """How updates ended so far."""
        return self._loop.core.outcomes() if self._loop is not None else {}

    def close(self) -> None:
        """Ends a client that was stepped, wherever it stands; safe to call twice."""
        if self._stepper is not None:
            self._stepper.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def _begin(self, *, stepping: bool) -> Loop:
        running = {kind: pair for kind in self.settings.kinds if (pair := self._device.running(kind)) is not None}
        core = Core(self.settings, running, stepping=stepping)
        disk = DiskCarrier(self._folder, self._device, self._installer)
        self._loop = Loop(core, disk, self._server, self._watcher)
        if self._stopped:
            self._loop.stop()
        return self._loop

    def _outcomes(self, core: Core) -> dict[Kind, Outcome]:
        if core.connection.fault and not core.connection.opened:
            raise TransportError(core.connection.fault)
        return core.outcomes()

    def _tell_progress(self, loop: Loop) -> None:
        if self._on_progress is None:
            return
        now = loop.clock.now()
        for kind, job in loop.core.jobs.items():
            state, done, at = self._told.get(kind, ("", 0, 0))
            if job.state.value == state and now - at < PROGRESS_NS:
                continue
            progress = loop.core.progress(kind, now)
            if (progress.state, progress.bytes_done) != (state, done):
                self._told[kind] = (progress.state, progress.bytes_done, now)
                self._on_progress(progress)


class _Stepper:
    """The loop in a background thread, one question at a time.

    `_turn` guards what both threads see: the caller sets `_go` and waits, the loop clears it when the
    exchange is over.
    """

    def __init__(self, loop: Loop, after_turn: Callable[[Loop], None]) -> None:
        self.loop = loop
        self._after_turn = after_turn
        self._turn = threading.Condition()
        self._go = self._going = self._closing = self._ended = False
        self._went = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="otakit-steps", daemon=True)
        loop.core.stand_still(loop.clock.now())
        self._thread.start()

    def advance(self) -> bool:
        with self._turn:
            if not self._ended:
                self._go = True
                self.loop.wake()
                self._turn.wait_for(lambda: not self._go or self._ended)
            self._go = False
            if self._error is not None:
                raise self._error
            went, self._went = self._went, False
            return went

    def close(self) -> None:
        with self._turn:
            self._closing = True
        self.loop.wake()
        self._thread.join()

    def _work(self) -> None:
        try:
            self.loop.start()
            while not self._closing and not (self.loop.core.finished and not self._going):
                self._step()
        except BaseException as error:  # noqa: BLE001 - carried to the thread that steps, and raised there
            self._error = error
        finally:
            with contextlib.suppress(Exception):
                self.loop.close()
            with self._turn:
                self._ended = True
                self._turn.notify_all()

    def _step(self) -> None:
        core = self.loop.core
        if self._go and not self._going:
            self._going = True
            self.loop.carry_out(core.let_one_go(self.loop.clock.now()))
        elif not core.finished:
            self.loop.turn()
        self._after_turn(self.loop)
        if self._going and (core.gate.is_over or core.finished):
            with self._turn:
                self._went = core.gate.went
                core.stand_still(self.loop.clock.now())
                self._go = self._going = False
                self._turn.notify_all()
