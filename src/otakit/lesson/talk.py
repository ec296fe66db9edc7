"""Talking to the server by hand: one question at a time, whatever the server makes of it.

Knows the questions that a device can ask and in which form; refuses to know what is right: a wrong filter, a
wrong payload, a wrong token go out as they are written, and the answer, a refusal or a close is shown and
explained, never raised. What the update does by itself is `lesson.steps`. A recording lies under it.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from otakit.captured import Address
from otakit.client.credentials import Credentials
from otakit.diagrams.value import Diagram
from otakit.errors import SettingsError
from otakit.lesson.exchange import Exchange, diagram_of
from otakit.lesson.heard import Heard, by_itself, exchange_of, is_over, messages_in, waits_for_nothing
from otakit.lesson.line import Line
from otakit.lesson.remarks import NOT_CONNECTED, remarks
from otakit.protocol import packets as p
from otakit.protocol.messages import TELEMETRY_TOPIC, Direction, compact
from otakit.protocol.package import attribute_keys
from otakit.protocol.packets import Version
from otakit.record.pcapng import Recorder
from otakit.run import Peer, own_path, peer_of, recording_path
from otakit.servers import Device, kind_of
from otakit.session import Session

PATIENCE_S = 5.0
Payload = bytes | str | int | Mapping[str, object] | None
"""As it goes out: text and digits as they are, a mapping as JSON without blanks, None as no bytes."""


def talk(
    device: Device | Peer, *, version: int = 4, record: str | Path | None = None, patience_s: float = PATIENCE_S
) -> Talk:
    """A connection of `device` that is driven by hand; an earlier one of the same device is closed.

    Args:
        device: from ``server.add_device``.
        version: 4 for MQTT 3.1.1, 5 for MQTT 5; `Talk.connect` may say otherwise.
        record: the recording's file; ``recordings/<device>-<time>.pcapng`` without.
        patience_s: how long an answer is waited for.

    Example:
        >>> line = talk(device)
        >>> line.connect()
        >>> line.subscribe("v1/devices/me/attributes/response/+")
        >>> line.request_attributes("fw_title,fw_version")
    """
    peer = peer_of(device)
    earlier = _open.get((peer.name, peer.address))
    if earlier is not None:  # two clients with one token would throw each other out
        earlier.close()
    path = recording_path(peer.name) if record is None else own_path(record)
    made = Talk(peer, _version(version), Recorder(path), patience_s)
    _open[peer.name, peer.address] = made
    return made


_open: weakref.WeakValueDictionary[tuple[str, Address], Talk] = weakref.WeakValueDictionary()


class Talk:
    """A device's side of the conversation, in the reader's hand.

    Attributes:
        exchanges: all so far, in their order.
    """

    def __init__(self, peer: Peer, version: Version, recorder: Recorder, patience_s: float) -> None:
        self._peer, self._version, self._recorder, self._patience_s = peer, version, recorder, patience_s
        self._line: Line | None = None
        self._packet_id = self._request_id = 0
        self.exchanges: list[Exchange] = []

    def __repr__(self) -> str:
        """Whether it is connected, and how much was said."""
        state = "connected" if self.is_connected else "not connected"
        return f"<{self._peer.name} by hand, {state}, {len(self.exchanges)} exchanges>"

    @property
    def is_connected(self) -> bool:
        """Whether the connection is open; the server may have closed it."""
        return self._line is not None and self._line.ended is None

    @property
    def session(self) -> Session:
        """All that was said so far, as a recording."""
        self._recorder.flush()
        return Session(self._recorder.path)

    def diagram(self, section: str) -> Diagram:
        """A diagram of the article, with every arrow lit that this conversation took."""
        return diagram_of(self.exchanges, section)

    def connect(self, credentials: Credentials | str | None = None, *, version: int | None = None) -> Exchange:
        """Opens a connection, and CONNECT with it; an open one is left first.

        Args:
            credentials: in place of the device's own: `Credentials`, or an access token, true or not.
            version: 4 for MQTT 3.1.1, 5 for MQTT 5; as before without.

        Raises:
            TransportError: nobody answers at the server's address.
            SettingsError: this talk is over, or another version.
        """
        if _open.get((self._peer.name, self._peer.address)) is not self:
            raise SettingsError("this talk is over; talk(device) begins another")
        self._hang_up()
        self._version = self._version if version is None else _version(version)
        shown = Credentials.token(credentials) if isinstance(credentials, str) else credentials
        shown = shown or self._peer.credentials
        self._line = Line(self._peer, self._version, self._recorder)
        self._packet_id = self._request_id = 0
        password = None if shown.password is None else shown.password.encode()
        return self._ask(
            p.Connect(shown.client_id, self._version, user_name=shown.user_name, password=password, keep_alive_s=60)
        )

    def subscribe(self, *filters: str, qos: int = 1) -> Exchange:
        """Asks to hear topics: all filters in one SUBSCRIBE, each at this QoS."""
        return self._ask(p.Subscribe(self._next_packet_id(), tuple((name, qos) for name in filters)))

    def unsubscribe(self, *filters: str) -> Exchange:
        """Asks to hear topics no longer."""
        return self._ask(p.Unsubscribe(self._next_packet_id(), filters))

    def request_attributes(self, keys: str | None = None, *, request_id: int | None = None, qos: int = 1) -> Exchange:
        """Asks for shared attributes.

        Args:
            keys: as they shall stand in ``sharedKeys``, blanks and all; the seven firmware keys without.
            request_id: the next number without.
            qos: of the request.
        """
        if request_id is None:
            self._request_id += 1
            request_id = self._request_id
        wanted = ",".join(attribute_keys(kind_of("firmware"))) if keys is None else keys
        return self.publish(f"v1/devices/me/attributes/request/{request_id}", {"sharedKeys": wanted}, qos=qos)

    def request_chunk(
        self, request_id: int, index: int, size: Payload = 4096, *, kind: str = "firmware", qos: int = 1
    ) -> Exchange:
        """Asks for one chunk of the image.

        Args:
            request_id: a number of the device's choice, a new one for each image.
            index: of the chunk, from 0.
            size: of a chunk in bytes; text goes out as it is written, None as no payload.
            kind: ``firmware`` or ``software``.
            qos: of the request.
        """
        return self.publish(f"v2/{kind_of(kind).value}/request/{request_id}/chunk/{index}", size, qos=qos)

    def report(self, values: Mapping[str, object], *, ts_ms: int | None = None, qos: int = 1) -> Exchange:
        """Sends telemetry, such as ``{"fw_state": "DOWNLOADING"}``, stamped with a time in milliseconds if given."""
        return self.publish(TELEMETRY_TOPIC, values if ts_ms is None else {"ts": ts_ms, "values": values}, qos=qos)

    def publish(self, topic: str, payload: Payload, *, qos: int = 1) -> Exchange:
        """Sends one PUBLISH as it is written, and waits for what it asks for."""
        return self._ask(p.Publish(topic, _bytes(payload), qos, self._next_packet_id() if qos else None))

    def listen(self, count: int = 1, *, within_s: float | None = None) -> Exchange:
        """What the server says by itself: all that came since the last exchange, at least `count` messages.

        Args:
            count: so many are waited for; with 0 only what is there already.
            within_s: and so long; as long as for an answer without.
        """
        line = self._line
        if line is None:
            return self._kept(Exchange((), (NOT_CONNECTED,), closed=True))
        line.wait(
            lambda: messages_in(by_itself(line.heard)) >= count, self._patience_s if within_s is None else within_s
        )
        return self._exchange(line, None, line.take(by_itself))

    def disconnect(self) -> Exchange:
        """Says that the device leaves, and leaves."""
        return self._ask(p.Disconnect())

    def close(self) -> None:
        """Ends the conversation and its recording; a second call does nothing."""
        self._hang_up()
        self._recorder.close()
        if _open.get((self._peer.name, self._peer.address)) is self:
            del _open[self._peer.name, self._peer.address]

    def __enter__(self) -> Self:
        """The talk itself; the block's end closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def __del__(self) -> None:
        """A cell run again makes a new one; the old one must not keep its connection."""
        if hasattr(self, "exchanges"):
            self.close()

    def _ask(self, question: p.Packet) -> Exchange:
        line = self._line
        if line is None or line.ended is not None:
            return self._kept(Exchange((), (NOT_CONNECTED,), closed=True))
        line.send(question)
        if waits_for_nothing(question):
            line.fence(self._patience_s)
        else:
            line.wait(lambda: is_over(question, line.heard), self._patience_s)
        if isinstance(question, p.Disconnect):
            line.close()
        return self._exchange(line, question, line.take(lambda heard: exchange_of(question, heard)))

    def _exchange(self, line: Line, question: p.Packet | None, heard: tuple[Heard, ...]) -> Exchange:
        came = [one.packet for one in heard if one.direction is Direction.TO_DEVICE]
        said = remarks(question, came, self._version, line.ended, self._patience_s)
        return self._kept(Exchange(heard, said, line.ended is not None, asked=question is not None))

    def _kept(self, exchange: Exchange) -> Exchange:
        self.exchanges.append(exchange)
        return exchange

    def _next_packet_id(self) -> int:
        self._packet_id += 1
        return self._packet_id

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.send(p.Disconnect())
            self._line.close()


def _version(number: int) -> Version:
    if number not in (Version.MQTT_3_1_1, Version.MQTT_5):
        raise SettingsError(f"version {number!r}: expected 4 for MQTT 3.1.1, or 5")
    return Version(number)


def _bytes(payload: Payload) -> bytes:
    if isinstance(payload, bytes):
        return payload
    if isinstance(payload, Mapping):
        return compact(dict(payload))
    return b"" if payload is None else str(payload).encode()
