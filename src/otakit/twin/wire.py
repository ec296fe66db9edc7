"""One TCP connection of a device, carried between its socket and its conversation."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from otakit.captured import Address, Watcher
from otakit.protocol.messages import Direction
from otakit.twin.conversation import Conversation
from otakit.twin.faulty import FaultNote, Faulty

if TYPE_CHECKING:
    from otakit.twin.server import TwinServer

MOST_UNSENT = 8 * 1024 * 1024
"""Bytes that may wait for one slow device before its requests are left in the kernel: the twin shares its
memory with the lesson, so it stops reading where ThingsBoard would go on."""
READ_BYTES = 4096
"""Taken from one device at a time: a hundred chunk requests at most are answered before others have their turn,
and no more than their answers come on top of what is unsent."""
NOBODY: Address = ("", 0)
_INBOUND = bytearray(READ_BYTES)  # one for all: what is in it is used up before the loop goes on


class Wire(asyncio.BufferedProtocol):
    """One TCP connection of a device.

    Args:
        server: the twin that it belongs to.
        certificates: what its TLS client showed, DER, leaf first.

    Attributes:
        conversation: what ThingsBoard makes of it.
        talk: what the bytes go through: the conversation, or faults around it.
        opened_ns: when it came, nanoseconds since the epoch.
    """

    def __init__(self, server: TwinServer, certificates: tuple[bytes, ...] = ()) -> None:
        self._server = server
        self.conversation = Conversation(server.model, server.now(), certificates)
        self.conversation.on_packet = self._heard
        self.talk = server.around(self.conversation)
        self.peer = self.here = NOBODY
        self.opened_ns = server.now()
        self._numbers: dict[Watcher, int] = {}
        self._connect: bytes | None = None
        self._parting = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection is there."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=MOST_UNSENT)
        self.peer, self.here = (_address(transport, name) for name in ("peername", "sockname"))
        self._server.opened(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        """asyncio: where to put the bytes that came."""
        del sizehint
        return _INBOUND

    def buffer_updated(self, nbytes: int) -> None:
        """asyncio: so many bytes came."""
        self.data_received(bytes(_INBOUND[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Bytes came, these or what was inside TLS."""
        if self._parting:
            return
        try:
            self.talk.receive(data, self._server.now())
        except Exception as error:  # noqa: BLE001 - the last guard: no bytes of a device may end the loop's work
            self._server.faults.append(error)
            self.abort()
            return
        self._server.heard(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone."""
        del exc
        self._server.lost(self)

    def pause_writing(self) -> None:
        """asyncio: too much is unsent."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """asyncio: enough of it is sent."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def flush(self) -> None:
        """Sends what the conversation has to say; closes behind its last word.

        The server calls it when what these packets acknowledge is safe.
        """
        if self._parting:
            return
        packets = self.talk.take()
        for raw in packets if self._server.watchers else ():
            self._passes(Direction.TO_DEVICE, raw)
        if isinstance(self.talk, Faulty):
            self._note(self.talk.take_notes())
        if len(packets) == 1:
            self._transport.write(packets[0])
        elif packets:
            self._transport.writelines(packets)
        if self.talk.closing:
            self._transport.close()

    def part(self) -> None:
        """Ends our direction with all that was sent (FIN), and hears no more; the device closes the other.

        Closing at once would reset a connection on which bytes of the device are unread, and it would lose ours.
        """
        self._parting = True
        if not self._transport.is_closing():
            try:
                self._transport.write_eof()
                self._transport.resume_reading()
            except OSError:  # the device was faster, and broke it
                self.abort()

    def abort(self) -> None:
        """Breaks the connection at once."""
        self._transport.abort()

    @property
    def unsent(self) -> int:
        """Bytes that wait for the device to read."""
        return self._transport.get_write_buffer_size()

    def number(self, watcher: Watcher) -> int | None:
        """What a watcher calls this connection; None while it saw nothing of it."""
        return self._numbers.get(watcher)

    def _heard(self, raw: bytes) -> dict[Watcher, int]:
        if self._connect is None:
            self._connect = raw
        return self._passes(Direction.TO_SERVER, raw) if self._server.watchers else {}

    def _passes(self, direction: Direction, raw: bytes) -> dict[Watcher, int]:
        """Gives what each watcher calls this packet."""
        called = {}
        for watcher in self._server.watchers:
            if watcher not in self._numbers:
                self._numbers[watcher] = watcher.connection(self.peer, self.here)
                if (
                    self._connect is not None and self._connect is not raw
                ):  # it came late: nothing reads without CONNECT
                    watcher.packet(self._numbers[watcher], Direction.TO_SERVER, self._connect)
            called[watcher] = watcher.packet(self._numbers[watcher], direction, raw, self._server.now())
        return called

    def _note(self, notes: list[FaultNote]) -> None:
        for note in notes:
            for watcher, number in self._numbers.items():
                about = note.about.get(watcher) if isinstance(note.about, dict) else None
                watcher.note("fault", note.fields, connection=number, about=about, at_ns=note.at_ns)


def _address(transport: asyncio.BaseTransport, name: str) -> Address:
    found = transport.get_extra_info(name)
    return (str(found[0]), int(found[1])) if found else NOBODY
