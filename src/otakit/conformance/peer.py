"""A device's end of one connection: what it says to ThingsBoard, and the exchanges that many scenarios share.

The same peer talks to a conversation in virtual time, to the twin's sockets and to a ThingsBoard elsewhere;
`connection` has what is about packets alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from otakit.conformance.connection import PATIENCE_S, Connection
from otakit.protocol import packets as p
from otakit.protocol.messages import ATTRIBUTES_RESPONSE_FILTER, ATTRIBUTES_TOPIC
from otakit.protocol.packets import Packet

Payload = bytes | str | Mapping[str, object]


class Peer(Connection):
    """A device, as far as one connection goes.

    Attributes:
        connack: the answer to CONNECT; None while there is none.
    """

    connack: p.ConnAck | None = None
    _requests = 0

    # packets

    def connects(
        self,
        token: str | None = None,
        *,
        user_name: str | None = None,
        password: bytes | None = None,
        client_id: str = "otakit",
        clean_start: bool = True,
        keep_alive_s: int = 60,
    ) -> None:
        """Sends CONNECT and waits for CONNACK, or for the end."""
        name = token if token is not None else user_name
        self.says(p.Connect(client_id, self.version, clean_start, keep_alive_s, name, password))
        self._wait(lambda packets: any(isinstance(each, p.ConnAck) for each in packets), PATIENCE_S)
        found = next((each for each in self._new if isinstance(each, p.ConnAck)), None)
        if found is not None:
            self._take(self._new.index(found) + 1)
            self.connack = found

    def subscribes(self, *filters: str, qos: int = 1) -> tuple[int, ...]:
        """Sends one SUBSCRIBE; the codes of its SUBACK."""
        number = self.next_id()
        self.says(p.Subscribe(number, tuple((name, qos) for name in filters)))
        (answer,) = self.expect()
        assert isinstance(answer, p.SubAck), f"SUBACK expected, not {answer}"
        assert answer.packet_id == number
        return answer.reason_codes

    def publishes(self, topic: str, payload: Payload = b"", qos: int = 1) -> int | None:
        """Sends one PUBLISH; its packet id."""
        packet = self.a_publish(topic, payload, qos)
        self.says(packet)
        return packet.packet_id

    def a_publish(self, topic: str, payload: Payload = b"", qos: int = 1) -> p.Publish:
        """A PUBLISH with the next packet id, not sent yet."""
        text = json.dumps(payload) if isinstance(payload, Mapping) else payload
        return p.Publish(topic, text.encode() if isinstance(text, str) else text, qos, self.next_id() if qos else None)

    def a_chunk_request(
        self, request_id: object, index: object, size: object = "", kind: str = "fw", qos: int = 1
    ) -> p.Publish:
        """A chunk request, not sent yet."""
        return self.a_publish(f"v2/{kind}/request/{request_id}/chunk/{index}", str(size), qos)

    # exchanges

    def ends_with_error(self, word: str) -> None:
        """Claims ThingsBoard's answer to a chunk request that cannot be served: the word, no PUBACK, the end.

        Raises:
            AssertionError: it is another.
        """
        found = self.ends(0x83)
        assert len(found) == 1, f"the error word alone expected; {self._came(found)}"
        assert isinstance(found[0], p.Publish), f"PUBLISH expected, not {found[0]}"
        assert found[0].topic == "v2/fw/error"
        assert found[0].payload == word.encode()

    def fetch(self, request_id: object, index: object, size: object = "", kind: str = "fw", qos: int = 1) -> p.Publish:
        """Asks for one chunk; its PUBLISH, behind a PUBACK where the request has QoS 1 or 2."""
        request = self.a_chunk_request(request_id, index, size, kind, qos)
        self.says(request)
        answers = self.expect(2 if qos else 1)
        if qos:
            assert answers[0] == p.PubAck(request.packet_id or 0), f"PUBACK expected first, not {answers[0]}"
        chunk = answers[-1]
        assert isinstance(chunk, p.Publish), f"a chunk expected, not {chunk}"
        return chunk

    def chunk(self, request_id: object, index: object, size: object = "", kind: str = "fw") -> bytes:
        """Asks for one chunk; its bytes."""
        answer = self.fetch(request_id, index, size, kind)
        assert answer.topic == f"v2/{kind}/response/{request_id}/chunk/{index}"
        return answer.payload

    def attributes(self, shared: str | None = None, client: str | None = None) -> dict[str, Any]:
        """Asks for attributes; the whole answer. PUBACK and answer come in either order."""
        keys = {"sharedKeys": shared, "clientKeys": client}
        self._requests += 1
        asked = {name: text for name, text in keys.items() if text is not None}
        packet_id = self.publishes(f"{ATTRIBUTES_TOPIC}/request/{self._requests}", asked)
        answers = self.expect(2)
        found = [each for each in answers if each != p.PubAck(packet_id or 0)]
        assert len(found) == 1, f"one PUBACK expected; {self._came(answers)}"
        body = json_of(found[0], f"{ATTRIBUTES_TOPIC}/response/{self._requests}")
        assert isinstance(body, dict)
        return body

    def listens(self) -> None:
        """Subscribes to attribute updates, and makes sure that the server's core knows it."""
        assert self.subscribes(ATTRIBUTES_TOPIC, ATTRIBUTES_RESPONSE_FILTER) == (1, 1)
        self.attributes("none")  # on its way behind the subscription: answered, both have arrived

    def updates(self, count: int) -> list[dict[str, Any]]:
        """The next attribute updates."""
        return [json_of(each, ATTRIBUTES_TOPIC) for each in self.expect(count)]

    def reports(self, values: Payload) -> None:
        """Sends telemetry and waits for its PUBACK."""
        number = self.publishes("v1/devices/me/telemetry", values)
        assert self.expect() == [p.PubAck(number or 0)]


def json_of(packet: Packet, topic: str) -> Any:
    """The JSON of a PUBLISH under a topic."""
    assert isinstance(packet, p.Publish), f"PUBLISH expected, not {packet}"
    assert packet.topic == topic, f"topic {topic} expected, not {packet.topic}"
    return json.loads(packet.payload)
