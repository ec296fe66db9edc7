"""What came of a question, in sentences for who meets it the first time: refusals, errors, silence, a close.

Knows ThingsBoard's ways of saying no and what follows from each for the device; refuses to know how they are
shown. Called by `lesson.exchange`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from otakit.lesson.heard import REFUSED, answer_topic, is_error
from otakit.protocol import packets as p
from otakit.protocol.message_reading import CHUNK_TOPIC, parse_json
from otakit.protocol.packets import PacketType, Version
from otakit.reasons import reason_text

ERROR_WORDS = {
    "NOT_FOUND": "no package is assigned to this device, so there is no image to take a chunk from",
    "FAILURE": "the package has no stored image: its attributes name a URL, where the device fetches it itself",
    "PAYLOAD_TOO_LARGE": "the chunk size is above the server's limit, 65,536 bytes unless it was configured otherwise",
    "UNKNOWN": "the server could not look the package up, for a reason that it keeps to itself",
}
NOT_CONNECTED = "Nothing was sent: the connection is over. connect() opens a new one."


def remarks(
    question: p.Packet | None, came: Sequence[p.Packet], version: Version, ended: str | None, patience_s: float
) -> tuple[str, ...]:
    """Sentences about what is not plain success.

    Args:
        question: of the device; None when it only listened.
        came: the server's packets, in their order.
        version: of the connection.
        ended: who ended the connection meanwhile; None while it is open.
        patience_s: for so long an answer was waited for.
    """
    said = [*_errors(came), *_refusals(question, came, version), *_contents(question, came)]
    if ended == "server":
        said.append(_close(question, came))
    elif ended is None and question is not None:
        said += _silence(question, came, patience_s)
    return tuple(said)


def _refusals(question: p.Packet | None, came: Sequence[p.Packet], version: Version) -> Iterator[str]:
    told = {0}  # after a refusal the DISCONNECT of MQTT 5 says the same once more
    for packet in came:
        if isinstance(packet, p.SubAck) and isinstance(question, p.Subscribe):
            for (name, _), code in zip(question.filters, packet.reason_codes, strict=False):
                if code >= REFUSED:
                    yield f"Refused, 0x{code:02X}: the filter {name}. The others stand, and so does the connection."
        elif isinstance(packet, p.ConnAck | p.PubAck | p.Disconnect) and packet.reason_code not in told:
            told.add(packet.reason_code)
            shown = f"0x{packet.reason_code:02X}" if version is Version.MQTT_5 else str(packet.reason_code)
            name = packet.type.name
            yield f"{name} {shown}: {reason_text(PacketType(packet.type), packet.reason_code, version)}."


def _errors(came: Sequence[p.Packet]) -> Iterator[str]:
    for packet in came:
        if isinstance(packet, p.Publish) and is_error(packet):
            word = packet.payload.decode(errors="replace")
            yield f"{word}: {ERROR_WORDS.get(word, 'a word that is not in the list of four')}."


def _contents(question: p.Packet | None, came: Sequence[p.Packet]) -> Iterator[str]:
    if not isinstance(question, p.Publish):
        return
    for packet in came:
        if not isinstance(packet, p.Publish) or packet.topic != answer_topic(question.topic):
            continue
        if CHUNK_TOPIC.fullmatch(packet.topic) is not None and not packet.payload:
            yield "An empty chunk: past the end of the image, or the server's cache has lost it."
        elif missing := _missing(question, packet):
            yield f"Asked for and not in the answer: {', '.join(map(repr, missing))}."


def _missing(question: p.Publish, answer: p.Publish) -> list[str]:
    """Keys that were asked for and did not come, just as they were written."""
    asked, given = parse_json(question.payload), parse_json(answer.payload)
    if not isinstance(asked, dict) or not isinstance(given, dict):
        return []
    missing: list[str] = []
    for wanted, scope in (("sharedKeys", "shared"), ("clientKeys", "client")):
        keys, there = asked.get(wanted), given.get(scope, {})
        if isinstance(keys, str) and isinstance(there, dict):
            missing += [key for key in keys.split(",") if key and key not in there]
    return missing


def _close(question: p.Packet | None, came: Sequence[p.Packet]) -> str:
    text = "The server closed the connection"
    if isinstance(question, p.Disconnect):
        return f"{text}: the device said that it leaves."
    if any(is_error(packet) or getattr(packet, "reason_code", 0) >= REFUSED for packet in came):
        return f"{text} right after."
    if any(isinstance(packet, p.ConnAck) for packet in came):
        return f"{text} right after refusing it."
    return f"{text} without a word{_why(question)}."


def _why(question: p.Packet | None) -> str:
    if not isinstance(question, p.Publish):
        return ""
    if CHUNK_TOPIC.fullmatch(question.topic) is not None and not _is_number(question.payload):
        return ": the payload of a chunk request is a bare whole number, and this is none"
    try:
        json.loads(question.payload)
    except ValueError:
        return ": the payload is no JSON" if CHUNK_TOPIC.fullmatch(question.topic) is None else ""
    return ""


def _is_number(payload: bytes) -> bool:
    return not payload or payload.isdigit()


def _silence(question: p.Packet, came: Sequence[p.Packet], patience_s: float) -> Iterator[str]:
    if not isinstance(question, p.Publish):
        if not came:
            yield f"No answer in {patience_s:g} s."
        return
    acknowledged = [packet for packet in came if isinstance(packet, p.PubAck)]
    answered = any(isinstance(packet, p.Publish) for packet in came)
    if answer_topic(question.topic) is None or answered or any(a.reason_code >= REFUSED for a in acknowledged):
        if question.qos and not acknowledged:
            yield f"No acknowledgement in {patience_s:g} s."
        return
    yield f"{'Acknowledged, but no' if acknowledged else 'No'} answer in {patience_s:g} s."
