"""The same update by hand: each `next` carries out one exchange and shows it.

Knows how to let the client take one step and to collect what passed meanwhile; refuses to know what a
step means (`lesson.step`). Between two steps the update's clock stands still while keep-alive goes on, so
who reads for twenty minutes gets the same packets as who does not.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from otakit.captured import Address, Watcher
from otakit.client.vocabulary import Settings
from otakit.errors import RemoteProtocolError
from otakit.lesson.step import ShownPacket, Step, is_sign_of_life, shown
from otakit.protocol import mqtt
from otakit.protocol.messages import Direction
from otakit.protocol.packets import Connect, PacketType, Version
from otakit.record.pcapng import Recorder
from otakit.run import Peer, own_path, peer_of, recording_path, settings_from
from otakit.servers import Device
from otakit.session import Session


def steps(
    device: Device | Peer, *, settings: Settings | None = None, record: str | Path | None = None, **changes: Any
) -> Steps:
    """An update of `device`, one exchange at a time.

    Args:
        device: from ``server.add_device``.
        settings: how the client behaves; one chunk in flight whatever they say.
        record: the recording's file; ``recordings/<device>-<time>.pcapng`` without.
        **changes: single settings, such as ``chunk_qos=1``.

    Returns:
        An iterator: ``next(steps)`` carries one exchange out, ``steps.to_end()`` all that is left.

    Example:
        >>> by_hand = otakit.steps(device)
        >>> next(by_hand)
    """
    peer = peer_of(device)
    chosen = replace(settings_from(settings, changes), window=1)
    path = recording_path(peer.name) if record is None else own_path(record)
    return Steps(peer, chosen, Recorder(path))


class Steps(Iterator[Step]):
    """An update by hand.

    Attributes:
        session: the story so far.
    """

    def __init__(self, peer: Peer, settings: Settings, recorder: Recorder) -> None:
        self._recorder = recorder
        self._collector = _Collector(recorder)
        self._number = 0
        self._over = False
        self._client = peer.client(settings, self._collector)
        self.session = Session(recorder.path)

    def __repr__(self) -> str:
        """How far it is."""
        return f"<{self._number} steps taken, {'done' if self._over else 'next(…) takes one more'}>"

    def __next__(self) -> Step:
        """Carries out one exchange.

        Raises:
            StopIteration: nothing is left to do.
            TransportError: the server cannot be reached, or refused the device.
        """
        if self._over:
            raise StopIteration
        packets: tuple[ShownPacket, ...] = ()
        while not packets:  # what only the device itself does (writing, checking, installing) shows no packet
            going_on = self._advance()
            packets = self._collector.taken()
            if not going_on:
                self.close()
                if not packets:
                    raise StopIteration
        self._number += 1
        return Step(self._number, packets)

    def to_end(self) -> Session:
        """Carries out all that is left, without showing it, and returns the session."""
        for _ in self:
            pass
        return self.session

    def close(self) -> None:
        """Ends the update where it stands; what passed is in the recording. A second call does nothing."""
        if self._over:
            return
        self._over = True
        self._client.close()
        self._recorder.close({kind.word: end.outcome for kind, end in self._client.outcomes().items()})

    def __enter__(self) -> Self:
        """The steps themselves; the block's end closes them."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes them."""
        self.close()

    def __del__(self) -> None:
        """A cell run again makes new steps; the old ones must not keep their connection."""
        if hasattr(self, "session"):
            self.close()

    def _advance(self) -> bool:
        try:
            return self._client.advance()
        except BaseException:
            self.close()
            raise


class _Collector(Watcher):
    """Passes on to the recorder all that it hears, and keeps the packets of one step."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()  # guards the two below: packets come from the connection's thread
        self._heard: list[ShownPacket] = []
        self._versions: dict[int, Version] = {}

    def connection(self, client: Address, server: Address) -> int:
        """A connection opened."""
        return self._recorder.connection(client, server)

    def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
        """A packet passed; signs of life belong to no step."""
        number = self._recorder.packet(connection, direction, raw, at_ns)
        if not is_sign_of_life(raw):
            with self._lock, contextlib.suppress(RemoteProtocolError):  # a watcher never raises
                self._heard.append(shown(number, direction, raw, self._version_of(connection, raw)))
        return number

    def note(
        self,
        name: str,
        fields: Mapping[str, object],
        *,
        connection: int | None = None,
        about: int | None = None,
        at_ns: int | None = None,
    ) -> None:
        """Something that only the client knows."""
        self._recorder.note(name, fields, connection=connection, about=about, at_ns=at_ns)

    def taken(self) -> tuple[ShownPacket, ...]:
        """The packets since the last call."""
        with self._lock:
            heard, self._heard = self._heard, []
        return tuple(heard)

    def _version_of(self, connection: int, raw: bytes) -> Version:
        if raw[0] >> 4 == PacketType.CONNECT:
            packet = mqtt.decode(raw)
            assert isinstance(packet, Connect)
            self._versions[connection] = packet.version
        return self._versions.get(connection, Version.MQTT_3_1_1)
