"""One MQTT connection that is driven by hand: what is asked goes out, what comes is kept and acknowledged.

Touches socket, thread and clock; decides nothing but the two duties that MQTT puts on a client: a PUBLISH at
QoS 1 is acknowledged, and PINGREQ goes out while nothing else does. Knows no question and no answer
(`lesson.heard`). Made by `lesson.talk`.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence

from otakit.captured import Watcher
from otakit.client.driver.tap import connected
from otakit.client.driver.trouble import cannot_connect
from otakit.client.settings import Settings
from otakit.errors import RemoteProtocolError, TransportError
from otakit.lesson.heard import Heard
from otakit.lesson.step import is_sign_of_life, shown
from otakit.protocol import mqtt
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction
from otakit.protocol.packets import PacketType, Version
from otakit.run import Peer

READ_BYTES = 1 << 16
SIGN_OF_LIFE_S = 20.0  # ThingsBoard closes after 600 s without activity, other servers after 1.5 × keep alive


class Line:
    """A connection.

    Args:
        peer: whose server it leads to.
        version: in which MQTT is spoken.
        watcher: hears every packet.
        connect_s: the longest for TCP and TLS together.
        sign_of_life_s: after so much silence PINGREQ goes out.

    Attributes:
        heard: packets of both sides in order that nobody has taken yet, signs of life aside; under `changed`.
        ended: who ended it, ``server`` or ``device``; None while it is open.

    Raises:
        TransportError: nobody answers there.
    """

    def __init__(
        self,
        peer: Peer,
        version: Version,
        watcher: Watcher,
        connect_s: float = 10.0,
        sign_of_life_s: float = SIGN_OF_LIFE_S,
    ) -> None:
        try:
            self._socket = connected(*peer.address, peer.tls, connect_s)
        except OSError as error:
            text = cannot_connect(*peer.address, error, Settings(connect_deadline_s=connect_s))
            raise TransportError(text) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._version, self._watcher, self._sign_of_life_s = version, watcher, sign_of_life_s
        self._number = watcher.connection(self._socket.getsockname()[:2], peer.address)
        self._using = threading.Lock()  # TLS lets nobody read while another writes
        self.changed = threading.Condition()
        self.heard: list[Heard] = []
        self.ended: str | None = None
        self._signs = 0
        self._thread = threading.Thread(target=self._listen, name="otakit-by-hand", daemon=True)
        self._thread.start()

    def send(self, packet: p.Packet) -> None:
        """Sends one packet; on a connection that is over nothing happens."""
        raw = mqtt.encode(packet, self._version)
        with self._using:
            if self.ended is not None:
                return
            self._note(packet, Direction.TO_SERVER, raw)
            with contextlib.suppress(OSError):  # the listener hears of it too, and says who ended it
                self._put(raw)

    def wait(self, is_so: Callable[[], bool], within_s: float) -> None:
        """Returns when `is_so`, asked after each change, or when the connection is over, or so late."""
        with self.changed:
            self.changed.wait_for(lambda: self.ended is not None or is_so(), within_s)

    def take(self, chosen: Callable[[Sequence[Heard]], Sequence[Heard]]) -> tuple[Heard, ...]:
        """Takes packets out of `heard`, those that are chosen of it."""
        with self.changed:
            taken = tuple(chosen(self.heard))
            self.heard = [one for one in self.heard if not any(one is other for other in taken)]
        return taken

    def fence(self, within_s: float) -> None:
        """Returns when the server has read all that was sent: it has answered a sign of life."""
        before = self._signs
        self.send(p.PingReq())
        self.wait(lambda: self._signs > before, within_s)

    def close(self, who: str = "device") -> None:
        """Ends it; a second call does nothing."""
        with self.changed:
            if self.ended is None:
                self.ended = who
            self.changed.notify_all()
        with self._using, contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the listener, which closes the socket
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _put(self, raw: bytes) -> None:
        view, ends = memoryview(raw), time.monotonic() + self._sign_of_life_s
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_WRITE)
            while view and time.monotonic() < ends:
                with contextlib.suppress(BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    view = view[self._socket.send(view) :]
                    continue
                ready.select(0.05)

    def _listen(self) -> None:
        """The connection's own thread."""
        framer = mqtt.Framer()
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            while self.ended is None:
                if not ready.select(self._sign_of_life_s):
                    self.send(p.PingReq())
                    continue
                try:
                    for piece in self._pieces():
                        for raw in framer.feed(piece):
                            self._hear(raw)
                except (OSError, RemoteProtocolError):  # the end of the stream, or what is no MQTT
                    self.close("server")
        self._socket.close()

    def _pieces(self) -> list[bytes]:
        """What has come, in pieces; TLS may hold more than the selector can see.

        Raises:
            OSError: the connection is over, and nothing is left to read.
        """
        pieces: list[bytes] = []
        with self._using, contextlib.suppress(BlockingIOError, ssl.SSLWantReadError):
            while piece := self._received(bool(pieces)):
                pieces.append(piece)
        return pieces

    def _received(self, has_some: bool) -> bytes:
        try:
            piece = self._socket.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise
        except OSError:
            if has_some:  # what came before the end is heard first
                return b""
            raise
        if not piece and not has_some:
            raise ConnectionResetError
        return piece

    def _hear(self, raw: bytes) -> None:
        if is_sign_of_life(raw):
            self._watcher.packet(self._number, Direction.TO_DEVICE, raw)
            with self.changed:
                self._signs += 1
                self.changed.notify_all()
            return
        packet = mqtt.decode(raw, self._version)
        self._note(packet, Direction.TO_DEVICE, raw)
        if isinstance(packet, p.Publish) and packet.qos and packet.packet_id is not None:
            self.send(p.PubAck(packet.packet_id))
        with self.changed:  # not before the acknowledgement is out: it belongs to the same exchange
            self.changed.notify_all()

    def _note(self, packet: p.Packet, direction: Direction, raw: bytes) -> None:
        number = self._watcher.packet(self._number, direction, raw)
        if packet.type is not PacketType.PINGREQ:
            with self.changed:
                self.heard.append(Heard(direction, packet, shown(number, direction, raw, self._version)))
