"""A stage on the twin's own sockets: a `TwinServer` in a thread, peers over loopback TCP.

Between two packets real time goes on; when a scenario lets time pass, the server's clock leaps instead of
waiting, and everything that falls due on the way is done at its time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from otakit.conformance.channel import Channel
from otakit.conformance.connection import SECOND
from otakit.conformance.own import OwnStage
from otakit.conformance.tcp import TcpChannel
from otakit.protocol.packets import Version
from otakit.thingsboard.calls import Calls
from otakit.twin.rest.login import PASSWORD, USER
from otakit.twin.server import TwinServer
from otakit.twin.settings import TwinSettings

LOOK_EVERY_S = 0.02
Result = TypeVar("Result")


class SocketStage(OwnStage):
    """The twin on loopback ports.

    Args:
        version: of MQTT.
        seed: decides every order that ThingsBoard leaves open.
    """

    def __init__(self, version: Version = Version.MQTT_3_1_1, seed: int = 0) -> None:
        super().__init__(version, seed)
        self.label = f"the twin on sockets, seed {seed}"
        self._thread: _Thread | None = None
        self._session: Calls | None = None
        self._channels: list[TcpChannel] = []

    def now(self) -> int:
        """Nanoseconds since the epoch, as the server counts them."""
        return self._running.server.now()

    def passes(self, seconds: float) -> None:
        """The server's clock leaps."""
        self._running.carry(lambda: self._running.server.leap(seconds))

    def can_pass(self, seconds: float) -> bool:
        """A leap costs nothing."""
        del seconds
        return True

    def close(self) -> None:
        """Breaks all connections and ends the server."""
        for channel in self._channels:
            channel.drop()
        if self._session is not None:
            self._session.close()
        if self._thread is not None:
            faults, self._thread = self._thread.stop(), None
            assert faults == [], f"the twin stumbled: {faults}"

    def _is_started(self) -> bool:
        return self._thread is not None

    @property
    def _running(self) -> _Thread:
        if self._thread is None:
            self._thread = _Thread(self.settings, self.seed)
        return self._thread

    @property
    def _calls(self) -> Calls:
        if self._session is None:
            self._session = Calls("http://{}:{}".format(*self._running.server.http), USER, PASSWORD)
        return self._session

    def _channel(self) -> Channel:
        self._channels.append(TcpChannel(self._running.server.mqtt, needs_barrier=True))
        return self._channels[-1]

    def _idle(self) -> None:
        self.passes(LOOK_EVERY_S)


class LeapingServer(TwinServer):
    """A twin whose clock can be moved forward."""

    _leapt_ns = 0

    def now(self) -> int:
        """Nanoseconds since the epoch, leaps included."""
        return super().now() + self._leapt_ns

    def leap(self, seconds: float) -> None:
        """Moves the clock; what falls due on the way is done when it is due."""
        end = self.now() + round(seconds * SECOND)
        while (due := self.model.wake_at) is not None and due <= end:
            self._leapt_ns += max(0, due - self.now())
            self.model.advance(self.now())
            self.settle()
        self._leapt_ns += max(0, end - self.now())
        self.settle()


class _Thread:
    """The thread in which the server lives; it listens when this is made."""

    def __init__(self, settings: TwinSettings, seed: int) -> None:
        self.server = LeapingServer(settings, seed=seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="otakit-stage", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result()

    def carry(self, action: Callable[[], Result]) -> Result:
        """Does something in the server's thread, and lets it be carried out."""

        async def done() -> Result:
            result = action()
            await asyncio.sleep(0)  # what was closed is gone in the next round
            return result

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    def stop(self) -> list[BaseException]:
        """Ends server and thread; what went wrong in it."""
        asyncio.run_coroutine_threadsafe(self.server.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        return self.server.faults
