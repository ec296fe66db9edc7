"""What a device's PUBLISH means and does: telemetry, attributes, their requests, calls, chunk requests.

Knows `MqttTransportHandler.processDevicePublish` with its order of topics and `JsonMqttAdaptor` with its
payload errors; refuses to know connections and sessions. Protobuf is not spoken: what should be written in
it is a payload that cannot be read (`rules.transport`).
"""

from __future__ import annotations

from dataclasses import dataclass

from otakit.protocol.packets import Publish
from otakit.twin.chunks import OTA_ERROR, Asker, ChunkDesk, UnreadableNumber, java_int
from otakit.twin.line import Line, Pool, json_bytes
from otakit.twin.model import Model
from otakit.twin.rules.telemetry import MILLISECOND, Attributes, points_of
from otakit.twin.rules.transport import ProfileTopics, accepts
from otakit.twin.rules.values import FormatError, Numeral, parse, stored_members
from otakit.twin.topics import (
    ATTRIBUTE_REQUESTS,
    CLAIM,
    LONG_ATTRIBUTE_REQUEST,
    LONG_RPC_ANSWER,
    LONG_RPC_REQUEST,
    RPC_ANSWERS,
    RPC_REQUESTS,
    SHORT_ATTRIBUTES,
    SHORT_TELEMETRY,
    Numbered,
)

UNKNOWN_TOPIC, BAD_FORMAT = 0x90, 0x99
"""Reason codes of MQTT 5's PUBACK (and DISCONNECT, at QoS 0) for a publish that is not taken."""


class RateReached(Exception):
    """A limit refuses the message: no PUBACK, the end of the connection."""


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
        session: whose connection it is.
    """

    __slots__ = ("_family", "_line", "_model", "_session", "chunks")

    def __init__(self, model: Model, line: Line, session: Asker) -> None:
        self._model, self._line, self._session = model, line, session
        self.chunks = ChunkDesk(model, line, session)
        self._family = LONG_ATTRIBUTE_REQUEST

    def hears(self, packet: Publish, now: int) -> bool:
        """Does what a publish asks for; False when it is no sign of life (chunk requests are none).

        Raises:
            UnreadableNumber: a number that Java cannot read, outside the errors its handler knows.
            TimestampError: likewise a telemetry ``ts``.
        """
        topics = self._model.topics_of(self._session.device_id or "")
        try:
            return self._act(packet, topics, now)
        except FormatError:
            self.refuse_format(packet, topics)
        except RateReached:
            self._line.close(OTA_ERROR)
        return False

    def tell(self, topic: str, body: dict[str, object]) -> None:
        """Sends an attribute update, where it can be written in JSON."""
        form = SHORT_ATTRIBUTES.get(topic)
        if self._is_written(form if form is not None else "v1"):
            self._line.publish(topic, json_bytes(body), topic, pooled=Pool.UPDATE)

    def refuse_format(self, packet: Publish, topics: ProfileTopics) -> None:
        """Answers a payload that cannot be read."""
        if (self._line.is_five or topics.acks_errors) and packet.packet_id:
            self._line.ack(packet.packet_id, BAD_FORMAT)
        else:
            self._line.close(BAD_FORMAT)

    def _act(self, packet: Publish, topics: ProfileTopics, now: int) -> bool:
        """The topics in ThingsBoard's order: those of the profile first, the short ones after chunk requests."""
        topic = packet.topic
        if accepts(topics.attributes, topic):
            self._client_attributes(packet, topics, "", now)
        elif accepts(topics.telemetry, topic):
            self._telemetry(packet, topics, "", now)
        elif topic.startswith(LONG_ATTRIBUTE_REQUEST.request):
            self._attributes_request(packet, topics, LONG_ATTRIBUTE_REQUEST, now)
        elif topic.startswith(LONG_RPC_ANSWER):
            self._answer_of_device(packet, LONG_RPC_ANSWER, now)
        elif topic.startswith(LONG_RPC_REQUEST.request):
            return self._call(packet, topics, LONG_RPC_REQUEST, now)
        elif topic == CLAIM:
            self._claim(packet, topics, now)
        elif self.chunks.hears(packet, now):
            return False
        else:
            self._short(packet, topics, now)
        return True

    def _short(self, packet: Publish, topics: ProfileTopics, now: int) -> None:
        topic = packet.topic
        if (form := SHORT_TELEMETRY.get(topic)) is not None:
            self._telemetry(packet, topics, form, now)
        elif (form := SHORT_ATTRIBUTES.get(topic)) is not None:
            self._client_attributes(packet, topics, form, now)
        elif prefix := next((each for each in RPC_ANSWERS if topic.startswith(each)), None):
            self._answer_of_device(packet, prefix, now)
        elif family := next((each for each in RPC_REQUESTS if topic.startswith(each.request)), None):
            self._call(packet, topics, family, now)
        elif family := next((each for each in ATTRIBUTE_REQUESTS if topic.startswith(each.request)), None):
            self._attributes_request(packet, topics, family, now)
        else:
            self._line.ack(packet.packet_id, UNKNOWN_TOPIC)

    def _pay(self, now: int, values: int = 0) -> None:
        if not self._session.pay(now, values):
            raise RateReached

    def _is_written(self, form: str) -> bool:
        """Whether a downlink of a family is in JSON: ``v1`` the long topics, else the ending of the short ones."""
        topics = self._model.topics_of(self._session.device_id or "")
        return {"v1": topics.writes_json, "": topics.is_json, "j": True}.get(form, False)

    def _telemetry(self, packet: Publish, topics: ProfileTopics, form: str, now: int) -> None:
        points = points_of(_read(packet, topics, form), now // MILLISECOND)
        self._pay(now, sum(len(values) for _, values in points))
        if not points:
            return  # `[]`: nothing is sent on, so nothing completes and no PUBACK comes
        self._line.ack(packet.packet_id)
        self._model.hear_telemetry(self._session.device_id or "", points)

    def _client_attributes(self, packet: Publish, topics: ProfileTopics, form: str, now: int) -> None:
        values = stored_members(_read(packet, topics, form))
        self._pay(now, len(values))
        self._line.ack(packet.packet_id)
        self._model.hear_attributes(self._session.device_id or "", values, now)

    def _answer_of_device(self, packet: Publish, prefix: str, now: int) -> None:
        """The answer to a call; nobody called."""
        _number(packet.topic[len(prefix) :])
        self._pay(now)
        self._line.ack(packet.packet_id)

    def _claim(self, packet: Publish, topics: ProfileTopics, now: int) -> None:
        """No payload at all is fine; nobody can claim a device of the twin."""
        if packet.payload and not isinstance(_read(packet, topics, ""), dict):
            raise FormatError("a JSON object is expected")
        self._pay(now)
        self._line.ack(packet.packet_id)

    def _attributes_request(self, packet: Publish, topics: ProfileTopics, family: Numbered, now: int) -> None:
        number = _number(packet.topic[len(family.request) :])
        wanted = _wanted(_read(packet, topics, family.form))
        self._pay(now)
        self._family = family
        late = self._model.chance.coin()  # PUBACK and answer come in either order
        if not late:
            self._line.ack(packet.packet_id)
        if number >= 0 and not wanted.cannot_be_looked_up:
            self._answer_attributes(number, wanted)
        if late:
            self._line.ack(packet.packet_id)

    def _answer_attributes(self, number: int, wanted: Wanted) -> None:
        memory = self._model.memory(self._session.device_id or "")
        if memory is None:
            return
        everything = not wanted.shared and not wanted.client
        scopes = (("shared", memory.shared, wanted.shared), ("client", memory.client, wanted.client))
        body = {}
        for name, attributes, keys in scopes:
            found = self._values(attributes, tuple(attributes) if everything else keys or ())
            if found:
                body[name] = found
        family = self._family
        if self._is_written("v1" if family is LONG_ATTRIBUTE_REQUEST else family.form):
            self._line.publish(f"{family.response}{number}", json_bytes(body), family.granted_by, pooled=Pool.ANSWER)

    def _values(self, attributes: Attributes, keys: tuple[str, ...]) -> dict[str, object]:
        """Those that exist, in no fixed order (`CachedAttributesService.find`)."""
        there = [key for key in dict.fromkeys(keys) if key in attributes]
        return {key: attributes[key].value for key in self._model.chance.shuffled(there)}

    def _call(self, packet: Publish, topics: ProfileTopics, family: Numbered, now: int) -> bool:
        """The transport itself answers ``getSessionLimits``; other calls go to rules that nobody wrote."""
        number = java_int(packet.topic[len(family.request) :])
        body = _read(packet, topics, family.form)
        if not isinstance(body, dict):
            raise FormatError("a JSON object is expected")
        if not isinstance(body.get("method"), str | bool):  # a null dereference, outside the errors that are caught
            raise UnreadableNumber("method is no text")
        if body["method"] != "getSessionLimits":
            self._pay(now)
            self._line.ack(packet.packet_id)
            return True
        self._line.ack(packet.packet_id)
        if self._is_written("v1" if family is LONG_RPC_REQUEST else family.form):
            answer = self._model.session_limits(self._session.device_id or "")
            self._line.publish(f"{family.response}{number}", json_bytes(answer), family.granted_by)
        return False


def _read(packet: Publish, topics: ProfileTopics, form: str) -> object:
    """The JSON of a payload.

    Raises:
        FormatError: it is none, or should be Protobuf.
    """
    if form == "p" or not (form == "j" or topics.reads_json):
        raise FormatError("Protobuf is not spoken")
    return parse(packet.payload)


def _number(text: str) -> int:
    """A request id.

    Raises:
        FormatError: Java cannot read it, within the errors that are caught.
    """
    try:
        return java_int(text)
    except UnreadableNumber as error:
        raise FormatError(str(error)) from error


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
