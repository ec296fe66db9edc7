"""paho-mqtt's own packets, read and written by our codec: each checks the other."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties

from otakit.protocol import packets as p
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import Packet, Version

pytestmark = pytest.mark.parametrize("version", [Version.MQTT_3_1_1, Version.MQTT_5], ids=lambda version: version.label)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection inside this process."""
    one, two = socket.socketpair()
    two.settimeout(10)
    with one, two:
        yield one, two


class _Paho(Client):
    """paho on a socket that is open already."""

    given: socket.socket

    def _create_socket(self) -> socket.socket:
        return self.given


@pytest.fixture
def paho(version: Version, ends: tuple[socket.socket, socket.socket]) -> _Paho:
    made = _Paho(CallbackAPIVersion.VERSION2, client_id="dev", protocol=int(version))  # type: ignore[arg-type]
    made.given = ends[0]
    made.username_pw_set("tok", "pw")
    return made


def heard(end: socket.socket, framer: Framer, version: Version, count: int) -> list[Packet]:
    """The next packets that paho sent."""
    found: list[bytes] = []
    while len(found) < count:
        found += framer.feed(end.recv(65536))
    return [decode(raw, version) for raw in found]


def test_what_paho_writes_we_read(version: Version, paho: _Paho, ends: tuple[socket.socket, socket.socket]) -> None:
    """CONNECT with a will, SUBSCRIBE, PUBLISH at QoS 0 and 1, UNSUBSCRIBE, DISCONNECT."""
    five, framer = version is Version.MQTT_5, Framer()
    listed = PahoProperties(PacketTypes.PUBLISH) if five else None  # type: ignore[no-untyped-call]  # paho's own
    if listed is not None:
        listed.UserProperty = ("a", "b")
    paho.will_set("w", b"bye", qos=1, retain=True)
    paho.connect("twin", 1883, keepalive=30)
    (connect,) = heard(ends[1], framer, version, 1)
    assert isinstance(connect, p.Connect)
    assert (connect.version, connect.user_name, connect.password) == (version, "tok", b"pw")
    assert (connect.client_id, connect.keep_alive_s) == ("dev", 30)
    assert connect.will == p.Will("w", b"bye", 1, True)
    ends[1].sendall(encode(p.ConnAck(), version))
    assert paho.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    paho.subscribe([("v2/fw/response/+/chunk/+", 0), ("a", 1)])
    paho.publish("t/二", b"x" * 200, qos=0, properties=listed)
    paho.publish("t", b"y", qos=1, retain=True)
    paho.unsubscribe("a")
    paho.disconnect()
    while paho.want_write():
        paho.loop_write()
    subscribe, zero, one, unsubscribe, disconnect = heard(ends[1], framer, version, 5)
    assert subscribe == p.Subscribe(1, (("v2/fw/response/+/chunk/+", 0), ("a", 1)))
    assert zero == p.Publish("t/二", b"x" * 200, properties=(("user_property", ("a", "b")),) if five else ())
    assert one == p.Publish("t", b"y", 1, 3, retain=True)
    assert unsubscribe == p.Unsubscribe(4, ("a",))
    assert disconnect == p.Disconnect()


def _topic_and_payload(message: MQTTMessage) -> tuple[str, bytes]:
    return message.topic, bytes(message.payload)


def test_what_we_write_paho_reads(version: Version, paho: _Paho, ends: tuple[socket.socket, socket.socket]) -> None:
    """CONNACK, SUBACK with a refusal, PUBLISH, PUBACK, PINGRESP; paho's answers are read again."""
    five = version is Version.MQTT_5
    told: dict[str, object] = {}
    paho.on_connect = lambda *said: told.update(connack=said[3].value)
    paho.on_subscribe = lambda *said: told.update(suback=[code.value for code in said[3]])
    paho.on_publish = lambda *said: told.update(puback=said[2])
    paho.on_message = lambda *said: told.update(publish=_topic_and_payload(said[2]))
    paho.connect("twin", 1883)
    paho.subscribe([("a", 0), ("b", 1)])
    paho.publish("t", b"y", qos=1)
    refused = 0x8F if five else 0x80
    listed = (("user_property", ("a", "b")), ("content_type", "x")) if five else ()
    for packet in (
        p.ConnAck(0, properties=(("receive_maximum", 20), ("reason_string", "fine")) if five else ()),
        p.SubAck(1, (1, refused)),
        p.PubAck(2),
        p.PingResp(),
        p.Publish("v2/fw/response/1/chunk/0", bytes(300), 1, 9, properties=listed),
    ):
        ends[1].sendall(encode(packet, version))
    while "publish" not in told:
        assert paho.loop_read() == MQTTErrorCode.MQTT_ERR_SUCCESS
    assert told == {
        "connack": 0, "suback": [1, refused], "puback": 2, "publish": ("v2/fw/response/1/chunk/0", bytes(300)),
    }  # fmt: skip
    while paho.want_write():
        paho.loop_write()
    assert heard(ends[1], Framer(), version, 4)[-1] == p.PubAck(9)
