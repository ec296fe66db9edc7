"""What each field of a packet means, in one sentence for a reader who sees MQTT for the first time.

Knows words only: the decoder decides which fields there are. Called by `otakit.explain`.
"""

from __future__ import annotations

from collections.abc import Callable

from otakit.protocol import messages as m
from otakit.protocol.message_types import Direction
from otakit.protocol.packets import PacketType, Version
from otakit.reasons import reason_text

SECRET = frozenset({"user name", "password", "authentication_data", "will payload"})
"""Fields whose bytes are never shown."""

Words = tuple[str, str, str]
"""Name, value and meaning of a field."""

FLAG_WORDS = (
    (0x80, "user name follows"),
    (0x40, "password follows"),
    (0x20, "will retain"),
    (0x04, "will follows"),
    (0x02, "clean start: nothing of an earlier MQTT session counts"),
)
SENTENCES: dict[str, str] = {
    "remaining length": "so many bytes follow; seven bits a byte, the eighth says that another byte comes",
    "protocol name": "says that this is MQTT",
    "keep alive": "the client promises a packet at least every {value} s (ThingsBoard does not read it)",
    "client id": "the client's name; with an access token ThingsBoard does not use it",
    "user name": "the device's access token: who knows it is the device; overwritten here",
    "password": "overwritten here; with an access token ThingsBoard does not use it",
    "will topic": "where the server should publish for a client that vanishes (ThingsBoard does not)",
    "will payload": "what it should publish there; overwritten here",
    "packet id": "the acknowledgement carries the same number",
    "topic filter": "the topics that the client asks to hear; + stands for any one level",
    "property length": "so many bytes of properties follow",
    "property identifier": "MQTT 5 property {value}",
}


def type_byte(byte: int) -> tuple[str, str]:
    """Value and meaning of the first byte."""
    kind, flags = byte >> 4, byte & 0x0F
    if not kind:
        return "reserved", "packet type 0 is reserved"
    name = PacketType(kind).name
    if kind != PacketType.PUBLISH:
        return name, f"high four bits {kind}: {name}; the low four are fixed for it"
    qos, dup, retain = flags >> 1 & 3, flags >> 3, flags & 1
    return f"PUBLISH, QoS {qos}", f"high four bits 3: PUBLISH; low four: DUP {dup}, QoS {qos}, RETAIN {retain}"


def words_of(
    kind: PacketType, direction: Direction, version: Version, fields: list[tuple[str, bytes, str]]
) -> list[Words]:
    """Words for the fields of one packet.

    Args:
        kind: of the packet.
        direction: who said it.
        version: of the connection.
        fields: name, bytes and value as the decoder read them.
    """
    said: list[Words] = []
    topic = next((value for name, _, value in fields if name == "topic name"), "")
    for name, raw, value in fields:
        if name == "rest":
            said.append(("payload", *_payload(topic, raw, direction)))
        elif name == "topic name":
            said.append((name, value, _topic(value, direction)))
        elif (special := SPECIAL.get(name)) is not None:
            said.append((name, *special(kind, version, value)))
        else:
            said.append((name, value, _sentence(name, value, direction)))
    return said


def _sentence(name: str, value: str, direction: Direction) -> str:
    if name.startswith("length of "):
        return f"{value} bytes of {name.removeprefix('length of ')} follow"
    if name == "packet id" and direction is Direction.TO_DEVICE:
        return "ties acknowledgement and question together"
    return SENTENCES.get(name, "").format(value=value)


def _level(_kind: PacketType, _version: Version, value: str) -> tuple[str, str]:
    return value, f"MQTT {Version(int(value)).label}"


def _connect_flags(_kind: PacketType, _version: Version, value: str) -> tuple[str, str]:
    bits = int(value)
    said = [words for bit, words in FLAG_WORDS if bits & bit] or ["nothing follows but the client id"]
    return f"0b{bits:08b}", "; ".join(said)


def _session_present(_kind: PacketType, _version: Version, value: str) -> tuple[str, str]:
    return value, "whether the server kept something of an earlier MQTT session"


def _code(kind: PacketType, version: Version, value: str) -> tuple[str, str]:
    return f"0x{int(value):02X}", reason_text(kind, int(value), version)


def _options(_kind: PacketType, _version: Version, value: str) -> tuple[str, str]:
    return value, f"deliver at QoS {int(value) & 3} at most"


SPECIAL: dict[str, Callable[[PacketType, Version, str], tuple[str, str]]] = {
    "protocol level": _level,
    "connect flags": _connect_flags,
    "session present": _session_present,
    "return code": _code,
    "reason code": _code,
    "subscription options": _options,
}


def _topic(topic: str, direction: Direction) -> str:
    row = m.row_of_topic(topic, direction)
    message = m.message_of(topic, b"1", direction)
    parts = [f"{row.name}: {row.sentence}"]
    if isinstance(kind := getattr(message, "kind", None), m.Kind):
        parts.append(kind.word)
    parts += [f"{word} {value}" for word, value in _numbers(message)]
    return "; ".join(parts)


def _numbers(message: m.Message) -> list[tuple[str, int]]:
    names = (("request_id", "request id"), ("index", "chunk index"))
    return [(word, getattr(message, name)) for name, word in names if hasattr(message, name)]


def _payload(topic: str, raw: bytes, direction: Direction) -> tuple[str, str]:
    message = m.message_of(topic, raw, direction)
    match message:
        case m.ChunkResponse(index=index, kind=kind):
            return f"{len(raw):,} bytes", f"chunk {index} of the {kind.word} image, as it is"
        case m.ChunkRequest(size=size):
            return str(size), f"the chunk size, in bare digits: {size:,} bytes are asked for"
        case m.OtaError(word=word):
            return word, "one bare word; the server closes the connection right after it"
        case m.OtherPublish():
            return _text(raw), "outside the update protocol"
    return _text(raw), "JSON: " + m.TABLE[message.row].sentence


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"{len(raw):,} bytes"
