"""One connection of a scenario, packet by packet: what is sent, what is heard, and the claims about both.

Knows MQTT packets and waiting up to a deadline; refuses to know what they mean to ThingsBoard (`peer`),
where the bytes go (`Channel`) and what time is (`Clock`). A claim that does not hold is an
`AssertionError` that lists what came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from otakit.captured import Watcher
from otakit.conformance.channel import Channel, Clock
from otakit.conformance.transcript import Closed, Event, Passed
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import Packet, Version

PATIENCE_S = 10.0
"""How long an answer that must come may take, in seconds."""
QUIET_S = 1.0
"""How long nothing must come before a scenario says that nothing came."""
SECOND = 1_000_000_000
Wanted = int | Callable[[Sequence[Packet]], bool]
"""How many packets, or whether those that came are enough."""


@dataclass(frozen=True, slots=True)
class Said:
    """One packet of a transcript."""

    direction: Direction
    packet: Packet
    at_ns: int


class Connection:
    """One connection, packet by packet.

    Args:
        channel: where its bytes go.
        clock: the time in which it waits.
        version: of MQTT.
        number: of this connection, from 0.
        events: where everything that passes is written down too.
        watchers: hear every packet.

    Attributes:
        version: of MQTT.
        transcript: every packet, both ways, in the order of this end.
        answers: every packet that came.
        closed_ns: when the other side closed, as far as this end has heard; None while it has not.
    """

    def __init__(
        self,
        channel: Channel,
        clock: Clock,
        version: Version,
        *,
        number: int = 0,
        events: list[Event] | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self.version = version
        self.transcript: list[Said] = []
        self.answers: list[Packet] = []
        self.closed_ns: int | None = None
        self._channel, self._clock = channel, clock
        self._framer, self._taken, self._ended = Framer(), 0, False
        self._last_id = 0
        self._number, self._events = number, [] if events is None else events
        self._watchers = [(watcher, watcher.connection(*channel.addresses)) for watcher in watchers]

    @property
    def is_five(self) -> bool:
        """Whether it speaks MQTT 5."""
        return self.version is Version.MQTT_5

    # saying

    def says(self, *packets: Packet) -> None:
        """Sends packets, back to back in one piece."""
        raw = [encode(packet, self.version) for packet in packets]
        for each, data in zip(packets, raw, strict=True):
            self._note(Direction.TO_SERVER, each, data)
        self._channel.send(b"".join(raw))

    def next_id(self) -> int:
        """A packet id that was not used yet."""
        self._last_id = self._last_id % 0xFFFF + 1
        return self._last_id

    def drops(self) -> None:
        """Breaks the connection without a word."""
        self._channel.drop()
        self._ended = True

    # hearing

    @property
    def _new(self) -> list[Packet]:
        return self.answers[self._taken :]

    def hear(self, wanted: Wanted = 1, within_s: float = PATIENCE_S) -> list[Packet]:
        """What came since the last time, as soon as it is enough; less when time is over or the connection ended."""
        self._wait(wanted, within_s)
        return self._take(wanted if isinstance(wanted, int) else len(self._new))

    def expect(self, wanted: Wanted = 1, within_s: float = PATIENCE_S) -> list[Packet]:
        """What came since the last time, as soon as it is enough.

        Raises:
            AssertionError: it did not come.
        """
        found = self.hear(wanted, within_s)
        enough = len(found) == wanted if isinstance(wanted, int) else wanted(found)
        assert enough, (
            f"{wanted if isinstance(wanted, int) else 'more'} expected within {within_s} s; {self._came(found)}"
        )
        return found

    def silent(self, within_s: float = QUIET_S) -> None:
        """Claims that nothing comes, and that the connection stays.

        Raises:
            AssertionError: something came, or the other side closed.
        """
        if self._channel.needs_barrier:
            self._clock.passes(within_s)
            self.stays()
        else:
            found = self.hear(bool, within_s)
            assert not found, f"silence expected; {self._came(found)}"
        assert not self._ended, "silence expected; the connection was closed"

    def stays(self) -> None:
        """Claims that the connection is open: PINGREQ is answered, and nothing else came.

        Raises:
            AssertionError: it is not.
        """
        self.says(p.PingReq())
        found = self.hear()
        assert found == [p.PingResp()], f"PINGRESP expected; {self._came(found)}"

    def closed(self, within_s: float = PATIENCE_S) -> list[Packet]:
        """Claims that the other side closes; what came before.

        Raises:
            AssertionError: it did not.
        """
        found = self.hear(lambda _: self._ended, within_s)
        assert self._ended, f"the end of the connection expected within {within_s} s; {self._came(found)}"
        return found

    def ends(self, *reason_codes: int, within_s: float = PATIENCE_S) -> list[Packet]:
        """Claims that the other side closes, in MQTT 5 with a DISCONNECT of one of these codes; what came before it.

        Raises:
            AssertionError: it did not.
        """
        found = self.closed(within_s)
        if self.is_five and reason_codes:
            last = found.pop() if found else None
            assert isinstance(last, p.Disconnect), f"DISCONNECT expected before the end, not {last}"
            assert last.reason_code in reason_codes, f"DISCONNECT with 0x{last.reason_code:02X}"
        assert not any(isinstance(each, p.Disconnect) for each in found), f"no DISCONNECT expected; {self._came(found)}"
        return found

    @property
    def ended(self) -> bool:
        """Whether the connection is over, as far as this end has heard."""
        return self._ended

    def _wait(self, wanted: Wanted, within_s: float) -> None:
        end = self._clock.now() + round(within_s * SECOND)
        while not (len(self.answers) - self._taken >= wanted if isinstance(wanted, int) else wanted(self._new)):
            left = end - self._clock.now()
            data = None if self._ended else self._channel.hear(max(0, left) / SECOND)
            if data is None:
                self._end()
                return
            if not data and left <= 0:
                return
            for raw in self._framer.feed(data):
                packet = decode(raw, self.version)
                self.answers.append(packet)
                self._note(Direction.TO_DEVICE, packet, raw)

    def _end(self) -> None:
        if not self._ended:
            self._ended, self.closed_ns = True, self._clock.now()
            self._events.append(Closed(self.closed_ns, self._number))

    def _take(self, count: int) -> list[Packet]:
        found = self.answers[self._taken : self._taken + count]
        self._taken += len(found)
        return found

    def _note(self, direction: Direction, packet: Packet, raw: bytes) -> None:
        at_ns = self._clock.now()
        self.transcript.append(Said(direction, packet, at_ns))
        self._events.append(Passed(at_ns, self._number, direction, raw))
        for watcher, number in self._watchers:
            watcher.packet(number, direction, raw, at_ns)

    def _came(self, found: Sequence[Packet]) -> str:
        shown = ", ".join(f"{each}" for each in found[:6]) or "nothing"
        return f"{shown} came{', then the end' * self._ended}"
