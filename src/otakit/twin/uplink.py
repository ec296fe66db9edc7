"""What a device's PUBLISH means and does: telemetry, attributes, their requests, calls, chunk requests.

Knows `MqttTransportHandler.processDevicePublish` with its order of topics and `JsonMqttAdaptor` with its
payload errors; refuses to know connections and sessions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from otakit.protocol.packets import Publish
from otakit.twin.chunks import ChunkDesk, UnreadableNumber, java_int
from otakit.twin.line import Line, json_bytes
from otakit.twin.model import Model
from otakit.twin.rules.telemetry import MILLISECOND, Attribute, Attributes, points_of
from otakit.twin.rules.values import FormatError, Numeral, parse, stored_members
from otakit.twin.topics import (
    ATTRIBUTE_REQUESTS,
    ATTRIBUTES,
    CLAIM,
    GATEWAY,
    RPC_ANSWERS,
    RPC_REQUESTS,
    TELEMETRY,
    Numbered,
)

UNKNOWN_TOPIC, BAD_FORMAT = 0x90, 0x99
"""Reason codes of MQTT 5's PUBACK (and DISCONNECT, at QoS 0) for a publish that is not taken."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The keys of an attribute request; None asks for nothing of that scope."""

    shared: tuple[str, ...] | None
    client: tuple[str, ...] | None

    @property
    def cannot_be_looked_up(self) -> bool:
        """An empty key makes the server's lookup fail, and no answer comes."""
        return "" in (self.shared or ()) or "" in (self.client or ())


class Uplink:
    """Reads the publishes of one accepted connection.

    Args:
        model: the server behind it.
        line: where acknowledgements and answers go.
        device_id: whose connection it is.
        wake: called when an answer is there that came later.
    """

    def __init__(self, model: Model, line: Line, device_id: str, wake: Callable[[], None]) -> None:
        self._model, self._line, self._device_id = model, line, device_id
        self.chunks = ChunkDesk(model, line, device_id, wake)
        self._attributes_family = ATTRIBUTE_REQUESTS[0]

    def hears(self, packet: Publish, now: int) -> bool:
        """Does what a publish asks for; False when it is no sign of life (chunk requests are none).

        Raises:
            UnreadableNumber: a number that Java cannot read, outside the errors its handler knows.
            TimestampError: likewise a telemetry ``ts``.
        """
        topic = packet.topic
        if topic.startswith(GATEWAY):
            return False  # the device is no gateway: not even a PUBACK
        try:
            if topic in ATTRIBUTES:
                self._client_attributes(packet, now)
            elif topic in TELEMETRY:
                self._telemetry(packet, now)
            elif self._is_numbered(packet):
                pass
            elif self.chunks.hears(packet, now):
                return False
            else:
                known = topic == CLAIM or topic.startswith(RPC_ANSWERS)
                self._line.ack(packet.packet_id, 0 if known else UNKNOWN_TOPIC)
        except FormatError:
            self._refuse_format(packet)
        return True

    def tell(self, topic: str, body: dict[str, object]) -> None:
        """Sends an attribute update."""
        self._line.publish(topic, json_bytes(body), topic)

    def _refuse_format(self, packet: Publish) -> None:
        if self._line.is_five and packet.packet_id:
            self._line.ack(packet.packet_id, BAD_FORMAT)
        else:
            self._line.close(BAD_FORMAT)

    def _telemetry(self, packet: Publish, now: int) -> None:
        points = points_of(parse(packet.payload), now // MILLISECOND)
        if not points:
            return  # `[]`: nothing is sent on, so nothing completes and no PUBACK comes
        self._line.ack(packet.packet_id)
        if self._model.memory(self._device_id) is not None:
            self._model.write_telemetry(self._device_id, points)

    def _client_attributes(self, packet: Publish, now: int) -> None:
        values = stored_members(parse(packet.payload))
        self._line.ack(packet.packet_id)
        if (memory := self._model.memory(self._device_id)) is not None:
            memory.client.update({key: Attribute(value, now // MILLISECOND) for key, value in values.items()})

    def _is_numbered(self, packet: Publish) -> bool:
        """Attribute requests and calls, whose topics end in a request id."""
        for family in ATTRIBUTE_REQUESTS:
            if packet.topic.startswith(family.request):
                self._attributes_request(packet, family)
                return True
        for family in RPC_REQUESTS:
            if packet.topic.startswith(family.request):
                self._call(packet, family)
                return True
        return False

    def _attributes_request(self, packet: Publish, family: Numbered) -> None:
        try:
            number = java_int(packet.topic[len(family.request) :])
        except UnreadableNumber as error:
            raise FormatError(str(error)) from error
        wanted = _wanted(parse(packet.payload))
        self._attributes_family = family
        late = self._model.chance.coin()  # PUBACK and answer come in either order
        if not late:
            self._line.ack(packet.packet_id)
        if number >= 0 and not wanted.cannot_be_looked_up:
            self._answer_attributes(number, wanted)
        if late:
            self._line.ack(packet.packet_id)

    def _answer_attributes(self, number: int, wanted: Wanted) -> None:
        memory = self._model.memory(self._device_id)
        if memory is None:
            return
        everything = not wanted.shared and not wanted.client
        scopes = (("shared", memory.shared, wanted.shared), ("client", memory.client, wanted.client))
        body = {}
        for name, attributes, keys in scopes:
            found = self._values(attributes, tuple(attributes) if everything else keys or ())
            if found:
                body[name] = found
        self._line.publish(
            f"{self._attributes_family.response}{number}", json_bytes(body), self._attributes_family.granted_by
        )

    def _values(self, attributes: Attributes, keys: tuple[str, ...]) -> dict[str, object]:
        """Those that exist, in no fixed order (`CachedAttributesService.find`)."""
        there = [key for key in dict.fromkeys(keys) if key in attributes]
        return {key: attributes[key].value for key in self._model.chance.shuffled(there)}

    def _call(self, packet: Publish, family: Numbered) -> None:
        """The transport itself answers ``getSessionLimits``; other calls go to rules that nobody wrote."""
        number = java_int(packet.topic[len(family.request) :])
        body = parse(packet.payload)
        if not isinstance(body, dict) or not isinstance(body.get("method"), str):
            raise FormatError("an object with a method is expected")
        self._line.ack(packet.packet_id)
        if body["method"] == "getSessionLimits":
            self._line.publish(f"{family.response}{number}", json_bytes(self._limits()), family.granted_by)

    def _limits(self) -> dict[str, object]:
        return {
            "maxPayloadSize": self._model.settings.max_payload_bytes,
            "maxInflightMessages": self._model.settings.queue_before_connack,
            "rateLimits": {"messages": None, "telemetryMessages": None, "telemetryDataPoints": None},
        }


def _wanted(body: object) -> Wanted:
    if not isinstance(body, dict):
        raise FormatError("a JSON object is expected")
    return Wanted(_keys(body, "sharedKeys"), _keys(body, "clientKeys"))


def _keys(body: dict[str, object], name: str) -> tuple[str, ...] | None:
    """Comma-joined and not trimmed (`JsonMqttAdaptor.toStringSet`); Java's split drops empty ends."""
    if name not in body:
        return None
    value = body[name]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, str | Numeral):
        raise FormatError(f"{name} is no text")
    parts = value.split(",")
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return () if parts == [""] and value else tuple(parts)
