"""Deliberate defects on the wire: one function each, named and numbered by the scenario that is about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from planting import (
    Plant,
    defect,
    is_answer,
    is_chunk,
    is_error,
    is_update,
    json_in,
    shut,
)

from otakit.protocol import packets as p
from otakit.protocol.packets import Packet, Version
from otakit.twin.conversation import Conversation
from otakit.twin.settings import SECOND

V3, V5 = Version.MQTT_3_1_1, Version.MQTT_5
CHUNK_REQUEST = re.compile(r"v2/(fw|sw)/request/(\d+)/chunk/(\d+)")
TELEMETRY = "v1/devices/me/telemetry"


def payload(packet: p.Publish, body: object) -> p.Publish:
    """The packet with another JSON payload."""
    return replace(packet, payload=json.dumps(body, separators=(",", ":")).encode())


def noting(plant: Plant, note: Callable[[Packet], Any]) -> dict[Conversation, Any]:
    """What was noted of the last packet that each device sent."""
    notes: dict[Conversation, Any] = {}

    def hear(conversation: Conversation, packet: Packet) -> list[Packet]:
        if (found := note(packet)) is not None:
            notes[conversation] = found
        return [packet]

    plant.incoming(hear)
    return notes


def requested(packet: Packet) -> p.Publish | None:
    """A chunk request, None for other packets."""
    return packet if isinstance(packet, p.Publish) and CHUNK_REQUEST.search(packet.topic) else None


def rewriting(topic: Callable[[re.Match[str]], str] | None = None, body: Callable[[bytes], bytes] | None = None) -> Any:
    """Changes topic or payload of chunk requests on their way in."""

    def change(_conversation: Conversation, packet: Packet) -> list[Packet]:
        if not isinstance(packet, p.Publish) or not (found := CHUNK_REQUEST.fullmatch(packet.topic)):
            return [packet]
        asked = topic(found) if topic else packet.topic
        return [replace(packet, topic=asked, payload=body(packet.payload) if body else packet.payload)]

    return change


# ------------------------------------------------------------------------------- attributes, 1 to 4


@defect("deleted and values in one message", 1)
def _(plant: Plant) -> None:
    def merge(_: Conversation, packets: list[Packet]) -> list[Packet]:
        updates = [each for each in packets if is_update(each)]
        if len(updates) < 2:
            return packets
        both = payload(updates[0], {**json_in(updates[0]), **json_in(updates[1])})  # type: ignore[arg-type]
        return [both, *(each for each in packets if each not in updates)]

    plant.outgoing(merge)


@defect("stale keys are not deleted", 1)
def _(plant: Plant) -> None:
    plant.each_outgoing(lambda packet: None if is_update(packet) and "deleted" in json_in(packet) else packet)


@defect("fw_size as a text", 1)
def _(plant: Plant) -> None:
    def change(packet: Packet) -> Packet:
        if isinstance(packet, p.Publish) and is_update(packet) and "fw_size" in (body := json_in(packet)):
            return payload(packet, {**body, "fw_size": str(body["fw_size"])})
        return packet

    plant.each_outgoing(change)


@defect("the current values follow a SUBSCRIBE", 2)
def _(plant: Plant) -> None:
    def change(_: Conversation, packets: list[Packet]) -> list[Packet]:
        if any(isinstance(each, p.SubAck) for each in packets):
            return [*packets, p.Publish("v1/devices/me/attributes", b'{"fw_title":"pump"}', 1, 1)]
        return packets

    plant.outgoing(change)


@defect("missing attributes come as null", 2)
def _(plant: Plant) -> None:
    def change(packet: Packet) -> Packet:
        if isinstance(packet, p.Publish) and is_answer(packet) and (shared := json_in(packet).get("shared")):
            return payload(packet, {"shared": {**shared, "fw_url": None}})
        return packet

    plant.each_outgoing(change)


@defect("nothing found is not answered", 3)
def _(plant: Plant) -> None:
    plant.each_outgoing(lambda packet: None if is_answer(packet) and json_in(packet) == {} else packet)


@defect("a scope without hits is not left out", 3)
def _(plant: Plant) -> None:
    def change(packet: Packet) -> Packet:
        if isinstance(packet, p.Publish) and is_answer(packet) and json_in(packet) == {}:
            return payload(packet, {"shared": {}})
        return packet

    plant.each_outgoing(change)


@defect("trimmed keys", 4)
def _(plant: Plant) -> None:
    def change(_: Conversation, packet: Packet) -> list[Packet]:
        if isinstance(packet, p.Publish) and "attributes/request" in packet.topic:
            return [replace(packet, payload=packet.payload.replace(b", fw", b",fw"))]
        return [packet]

    plant.incoming(change)


# ----------------------------------------------------------------------------------- chunks, 5 to 11


@defect("PUBACK after chunk", 5)
def _(plant: Plant) -> None:
    def change(_: Conversation, packets: list[Packet]) -> list[Packet]:
        found = list(packets)
        for at in range(len(found) - 1):
            if isinstance(found[at], p.PubAck) and is_chunk(found[at + 1]):
                found[at], found[at + 1] = found[at + 1], found[at]
        return found

    plant.outgoing(change)


@defect("the last chunk is filled up", 5)
def _(plant: Plant) -> None:
    def change(packet: Packet) -> Packet:
        if isinstance(packet, p.Publish) and is_chunk(packet) and len(packet.payload) == 3392:
            return replace(packet, payload=packet.payload.ljust(65_536, b"\0"))
        return packet

    plant.each_outgoing(change)


@defect("past the end closes", 6)
def _(plant: Plant) -> None:
    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        if any(isinstance(each, p.Publish) and is_chunk(each) and not each.payload for each in packets):
            shut(conversation)
            return []
        return packets

    plant.outgoing(change)


@defect("past the end is silence", 6)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: None if isinstance(packet, p.Publish) and is_chunk(packet) and not packet.payload else packet
    )


@defect("chunks only for subscribers", 7)
def _(plant: Plant) -> None:
    subscribed = noting(plant, lambda packet: isinstance(packet, p.Subscribe) or None)
    plant.outgoing(
        lambda conversation, packets: [each for each in packets if not is_chunk(each) or conversation in subscribed]
    )


@defect("chunks are retained", 7)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: replace(packet, retain=True) if isinstance(packet, p.Publish) and is_chunk(packet) else packet
    )


@defect("QoS 2 is granted", 8)
def _(plant: Plant) -> None:
    asked = noting(plant, lambda packet: packet if isinstance(packet, p.Subscribe) else None)

    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        return [
            replace(each, reason_codes=tuple(options & 3 for _, options in asked[conversation].filters))
            if isinstance(each, p.SubAck)
            else each
            for each in packets
        ]

    plant.outgoing(change)


@defect("chunks always at QoS 1", 8)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, qos=1, packet_id=packet.packet_id or 1)
            if isinstance(packet, p.Publish) and is_chunk(packet)
            else packet
        )
    )


@defect("SUBACK grants v2/fw/response/+", 9)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, reason_codes=tuple(min(code, 1) for code in packet.reason_codes))
            if isinstance(packet, p.SubAck)
            else packet
        )
    )


@defect("refused filters have 3.1.1's code in MQTT 5", 9, V5)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, reason_codes=tuple(min(code, 0x80) for code in packet.reason_codes))
            if isinstance(packet, p.SubAck)
            else packet
        )
    )


@defect("a refused filter closes", 9)
def _(plant: Plant) -> None:
    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        if any(isinstance(each, p.SubAck) and max(each.reason_codes) > 2 for each in packets):
            shut(conversation)
        return packets

    plant.outgoing(change)


@defect("the size is forgotten", 10)
def _(plant: Plant) -> None:
    plant.incoming(rewriting(body=lambda size: size or b"4096"))


@defect("the image without a size has index 0", 11)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, topic=packet.topic.replace("chunk/5", "chunk/0"))
            if isinstance(packet, p.Publish) and is_chunk(packet) and len(packet.payload) > 65_536
            else packet
        )
    )


@defect("a negative size cannot be read", 11)
def _(plant: Plant) -> None:
    plant.incoming(rewriting(body=lambda size: b"x" if size.startswith(b"-") else size))


# ---------------------------------------------------------------------------------- errors, 12 to 15


@defect("error word with PUBACK", 12)
def _(plant: Plant) -> None:
    asked = noting(plant, requested)

    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        if any(map(is_error, packets)):
            return [p.PubAck(asked[conversation].packet_id), *packets]
        return packets

    plant.outgoing(change)


@defect("close without DISCONNECT", 12, V5)
def _(plant: Plant) -> None:
    plant.each_outgoing(lambda packet: None if isinstance(packet, p.Disconnect) else packet)


@defect("the limit is one byte higher", 12)
def _(plant: Plant) -> None:
    plant.incoming(rewriting(body=lambda size: b"65536" if size == b"65537" else size))


@defect("errors of software have their own topic", 13)
def _(plant: Plant) -> None:
    asked = noting(plant, requested)

    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        kind = asked[conversation].topic[:6] if conversation in asked else ""
        return [replace(each, topic=f"{kind}error") if isinstance(each, p.Publish) and is_error(each) else each
                for each in packets]  # fmt: skip

    plant.outgoing(change)


@defect("error words in quotes", 13)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, payload=b'"' + packet.payload + b'"')
            if isinstance(packet, p.Publish) and is_error(packet)
            else packet
        )
    )


@defect("a size in quotes is read", 14)
def _(plant: Plant) -> None:
    plant.incoming(rewriting(body=lambda size: size.strip(b'" ')))


@defect("unreadable numbers end with 0x81", 14, V5)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, reason_code=0x81)
            if isinstance(packet, p.Disconnect) and packet.reason_code == 0x8B
            else packet
        )
    )


@defect("an unknown topic closes", 15)
def _(plant: Plant) -> None:
    asked = noting(plant, lambda packet: packet.topic if isinstance(packet, p.Publish) else None)

    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        if "/abc/" in asked.get(conversation, ""):
            shut(conversation)
            return []
        return packets

    plant.outgoing(change)


@defect("an unknown topic is success", 15, V5)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, reason_code=0) if isinstance(packet, p.PubAck) and packet.reason_code == 0x90 else packet
        )
    )


# ----------------------------------------------------------------------------- request ids, 16 to 22


@defect("request id numbers normalised", 16)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, topic=re.sub(r"response/0+(\d)", r"response/\1", packet.topic))
            if isinstance(packet, p.Publish)
            else packet
        )
    )


@defect("the index is echoed as a text", 16)
def _(plant: Plant) -> None:
    asked = noting(plant, requested)

    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        return [
            replace(each, topic=re.sub(r"chunk/\d+", asked[conversation].topic[-9:], each.topic))
            if isinstance(each, p.Publish) and is_chunk(each) and asked[conversation].topic.endswith("chunk/007")
            else each
            for each in packets
        ]

    plant.outgoing(change)


@defect("pinning forgotten", 17)
def _(plant: Plant) -> None:
    count = iter(range(10**9, 2 * 10**9))
    plant.incoming(rewriting(lambda found: f"v2/{found[1]}/request/{next(count)}{found[2]}/chunk/{found[3]}"))
    plant.each_outgoing(
        lambda packet: (
            replace(packet, topic=re.sub(r"response/\d{10}(\d)", r"response/\1", packet.topic))
            if isinstance(packet, p.Publish)
            else packet
        )
    )


@defect("firmware and software have request ids of their own", 18)
def _(plant: Plant) -> None:
    plant.incoming(
        rewriting(lambda found: found[0].replace("request/", "request/77777") if found[1] == "sw" else found[0])
    )
    plant.each_outgoing(
        lambda packet: (
            replace(packet, topic=packet.topic.replace("response/77777", "response/"))
            if isinstance(packet, p.Publish)
            else packet
        )
    )


@defect("QoS 2 gets PUBREC", 20)
def _(plant: Plant) -> None:
    asked = noting(plant, requested)
    plant.outgoing(
        lambda conversation, packets: [
            p.PubRec(each.packet_id) if isinstance(each, p.PubAck) and asked[conversation].qos == 2 else each
            for each in packets
        ]
    )


@defect("PUBREL gets PUBCOMP", 20)
def _(plant: Plant) -> None:
    def change(conversation: Conversation, packet: Packet) -> list[Packet]:
        if isinstance(packet, p.PubRel):
            conversation._line.send(p.PubComp(packet.packet_id))  # noqa: SLF001
        return [packet]

    plant.incoming(change)


@defect("a second burst comes backwards", 21)
def _(plant: Plant) -> None:
    def change(_: Conversation, packets: list[Packet]) -> list[Packet]:
        if len(packets) < 4 or not all(map(is_chunk, packets[1::2])):
            return packets
        return [each for at in range(len(packets) - 2, -1, -2) for each in packets[at : at + 2]]

    plant.outgoing(change)


@defect("of a burst only the last is answered", 21)
def _(plant: Plant) -> None:
    plant.outgoing(lambda _, packets: packets[-2:] if sum(map(is_chunk, packets)) > 1 else packets)


@defect("packet ids begin at 2", 22)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, packet_id=packet.packet_id + 1)
            if isinstance(packet, p.Publish) and packet.packet_id
            else packet
        )
    )


@defect("packet id 0 skipped", 22)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, packet_id=1) if isinstance(packet, p.Publish) and packet.packet_id == 0 else packet
        )
    )


# ----------------------------------------------------------------------------- connections, 23 to 28


@defect("subscriptions are inherited by the next connection", 23)
def _(plant: Plant) -> None:
    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        if any(isinstance(each, p.ConnAck) for each in packets):
            conversation.hears_updates = True
        return packets

    plant.outgoing(change)


@defect("who is thrown out hears another code", 23, V5)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, reason_code=0x8D)
            if isinstance(packet, p.Disconnect) and packet.reason_code == 0x8E
            else packet
        )
    )


@defect("session present 0", 24)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: replace(packet, session_present=False) if isinstance(packet, p.ConnAck) else packet
    )


@defect("CONNACK says what MQTT 5 can", 24, V5)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: replace(packet, properties=(("maximum_qos", 1),)) if isinstance(packet, p.ConnAck) else packet
    )


@defect("chunk requests are activity", 25)
def _(plant: Plant) -> None:
    original = Conversation.receive

    def receive(conversation: Conversation, data: bytes, now: int) -> None:
        original(conversation, data, now)
        conversation.active_at = now

    plant.replace(Conversation, "receive", receive)


@defect("PINGREQ is no activity", 25)
def _(plant: Plant) -> None:
    original = Conversation._ping  # noqa: SLF001

    def ping(conversation: Conversation, packet: p.PingReq, now: int) -> None:
        before = conversation.active_at
        original(conversation, packet, now)
        conversation.active_at = before

    from otakit.twin import conversation as module  # noqa: PLC0415

    plant.replace(module, "ACTIONS", {**module.ACTIONS, p.PingReq: ping})


@defect("keep-alive honoured", 26)
def _(plant: Plant) -> None:
    def change(conversation: Conversation, packet: Packet) -> list[Packet]:
        model = conversation._model  # noqa: SLF001
        if isinstance(packet, p.Connect) and packet.keep_alive_s < 10:

            def end(_now: int) -> None:
                conversation.end(0x8D)
                model.sessions.wake(conversation)

            model.timers.at(conversation.active_at + packet.keep_alive_s * 3 * SECOND // 2, end)
        return [packet]

    plant.incoming(change)


@defect("what is no JSON is acknowledged", 27)
def _(plant: Plant) -> None:
    def change(_: Conversation, packet: Packet) -> list[Packet]:
        if isinstance(packet, p.Publish) and packet.payload == b"not json":
            return [replace(packet, payload=b'{"x":1}')]
        return [packet]

    plant.incoming(change)


@defect("MQTT 5 is closed for what is no JSON", 27, V5)
def _(plant: Plant) -> None:
    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        if any(isinstance(each, p.PubAck) and each.reason_code == 0x99 for each in packets):
            shut(conversation)
        return packets

    plant.outgoing(change)


# ------------------------------------------------------------------------------- the rest of MQTT


@defect("a deletion names only what existed", 29)
def _(plant: Plant) -> None:
    def change(packet: Packet) -> Packet:
        if (
            isinstance(packet, p.Publish)
            and is_update(packet)
            and len(names := json_in(packet).get("deleted", [])) == 9
        ):
            return payload(packet, {"deleted": [name for name in names if name not in ("fw_ts", "fw_state")]})
        return packet

    plant.each_outgoing(change)


@defect("a URL package is not found", 33)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, payload=b"NOT_FOUND")
            if isinstance(packet, p.Publish) and is_error(packet) and packet.payload == b"FAILURE"
            else packet
        )
    )


@defect("provisioning answers before its PUBACK", 39)
def _(plant: Plant) -> None:
    plant.outgoing(
        lambda _, packets: (
            packets[::-1]
            if any(isinstance(each, p.Publish) and each.topic == "/provision/response" for each in packets)
            else packets
        )
    )


@defect("a device is provisioned twice", 39)
def _(plant: Plant) -> None:
    twice = b'{"credentialsValue":"abcdefghij0123456789","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}'
    plant.each_outgoing(
        lambda packet: (
            replace(packet, payload=twice)
            if isinstance(packet, p.Publish) and b"FAILURE" in packet.payload and packet.topic == "/provision/response"
            else packet
        )
    )


@defect("a wrong secret fails like a known name", 39)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, payload=b'{"errorMsg":"Failed to provision device!","status":"FAILURE"}')
            if isinstance(packet, p.Publish) and b"NOT_FOUND" in packet.payload
            else packet
        )
    )


@defect("a wrong token is a bad user name", 40, V3)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, reason_code=4) if isinstance(packet, p.ConnAck) and packet.reason_code == 5 else packet
        )
    )


@defect("refused without DISCONNECT", 40, V5)
def _(plant: Plant) -> None:
    plant.outgoing(lambda _, packets: packets[:1] if isinstance(packets[0], p.ConnAck) else packets)


@defect("refused, and left open", 40)
def _(plant: Plant) -> None:
    def change(conversation: Conversation, packets: list[Packet]) -> list[Packet]:
        if isinstance(packets[0], p.ConnAck) and packets[0].reason_code:
            conversation._line.closing = False  # noqa: SLF001
            return packets[:1]
        return packets

    plant.outgoing(change)


@defect("new credentials are said with another code", 41, V5)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, reason_code=0x87)
            if isinstance(packet, p.Disconnect) and packet.reason_code == 0x98
            else packet
        )
    )


@defect("a profile's topic leaves the usual one", 42)
def _(plant: Plant) -> None:
    def change(_: Conversation, packet: Packet) -> list[Packet]:
        if isinstance(packet, p.Publish) and packet.topic == TELEMETRY:
            return [replace(packet, topic="v2/t")]
        return [packet]

    plant.incoming(change)


@defect("updates arrive on the short topic", 42)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: replace(packet, topic="v2/a") if isinstance(packet, p.Publish) and is_update(packet) else packet
    )


@defect("the limits come before the PUBACK", 43)
def _(plant: Plant) -> None:
    plant.outgoing(
        lambda _, packets: (
            packets[::-1]
            if any(isinstance(each, p.Publish) and "/rpc/response/" in each.topic for each in packets)
            else packets
        )
    )


@defect("other limits", 43)
def _(plant: Plant) -> None:
    plant.each_outgoing(
        lambda packet: (
            replace(packet, payload=packet.payload.replace(b":100", b":10"))
            if isinstance(packet, p.Publish) and "/rpc/response/" in packet.topic
            else packet
        )
    )
