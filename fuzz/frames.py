"""Hostile frames, drawn from a seed: MQTT control packets as devices send them, bent in every way.

Each connection has a wildness of its own: the tamest speak long, in forms that ThingsBoard takes though no
client library sends them; the wildest are cut, stretched, flipped or plain noise and end soon.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TypeVar

from otakit.protocol import packets as p
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Packet, Version

NUMBERS: tuple[str, ...] = (
    "0",
    "1",
    "2",
    "7",
    "007",
    "65535",
    "65536",
    "65537",
    "2147483647",
    "2147483648",
    "-1",
    "+5",
    "9" * 40,
)
NUMBERS += ("", " 10", "1.0", "0x10", '"1024"', "١", "1\n", "NaN")
TEXTS: tuple[str, ...] = ("", "a", "../x", "ü" * 300, "'", "<img>", "\u202e", "{}", ",a", "a,", "fw_title")
TEXTS += ("fw_title,fw_version", "fw_title, fw_version")
ONLY_JSON = ("\0", "\ud800", "\U0001f600" * 40)
KEYS = ("fw_state", "current_fw_version", "ts", "values", "sharedKeys", "clientKeys", "method", "params", "device", "")
TOPICS = (
    "v1/devices/me/telemetry",
    "v1/devices/me/attributes",
    "v2/t",
    "v2/a",
    "v2/t/j",
    "v2/a/p",
    "v1/devices/me/claim",
    "v1/gateway/connect",
    "v1/gateway/telemetry",
    "v1/gateway/attributes",
    "v1/gateway/attributes/request",
    "/provision/request",
    "v2/fw/error",
    "x/y",
)
NUMBERED = (
    "v2/fw/request/{}/chunk/{}",
    "v2/sw/request/{}/chunk/{}",
    "x/v2/fw/request/{}/chunk/{}tail",
    "v1/devices/me/attributes/request/{}",
    "v2/a/req/{}",
    "v2/a/req/j/{}",
    "v1/devices/me/rpc/request/{}",
    "v1/devices/me/rpc/response/{}",
    "v2/r/req/{}",
)
TAME_NUMBERS = ("0", "1", "2", "3", "007", "01", "65535", "65536", "2147483647")
TAME: tuple[tuple[str, bytes], ...] = (
    *(("v2/fw/request/{}/chunk/{}", size) for size in (b"", b"0", b"-1", b"+5", b"1", b"700", b"65536", b"007")),
    ("x/v2/fw/request/{}/chunk/{}tail", b"16"),
    ("v2/fw/request/abc/chunk/{}", b"16"),
    ("v1/devices/me/attributes/request/{}", b'{"sharedKeys":"fw_title,fw_version","clientKeys":"a"}'),
    ("v1/devices/me/attributes/request/{}", b"{}"),
    ("v2/a/req/j/{}", b"{sharedKeys:fw_title}"),
    ("v1/devices/me/telemetry", b'{"fw_state":"DOWNLOADING"}'),
    ("v2/t", b"[{'ts':1,'values':{'current_fw_version':'1.10','b':null,'c':[1,{'d':2}]}},{}]"),
    ("v2/t/j", b"[]"),
    ("v1/devices/me/attributes", b'{"a":1e300,"b":true,"c":"1.10"}'),
    ("v1/devices/me/rpc/request/{}", b'{"method":"getSessionLimits","params":{}}'),
    ("v1/devices/me/rpc/response/{}", b"{}"),
    ("v1/devices/me/claim", b"{}"),
    ("nobody/knows/{}", b"\xff\x00"),
)
FILTERS = (
    "v1/devices/me/attributes",
    "v1/devices/me/attributes/response/+",
    "v2/fw/response/+/chunk/+",
    "v2/sw/response/+/chunk/+",
    "v2/fw/error",
    "v2/fw/response/+",
    "#",
    "+",
    "$share/a/b",
    "/provision/response",
    "v1/gateway/attributes",
    "v1/devices/me/rpc/response/+",
)
LONGEST_GARBAGE = 400
Item = TypeVar("Item")


class Frames:
    """A source of frames for one connection.

    Args:
        seed: decides everything.
        devices: how many access tokens there are, ``device-0`` and on.
    """

    def __init__(self, seed: int, devices: int) -> None:
        self._draw = random.Random(seed)
        self._devices = devices
        self.version = self._draw.choice((Version.MQTT_3_1, Version.MQTT_3_1_1, Version.MQTT_3_1_1, Version.MQTT_5))
        self.is_bent = False
        self._wildness = self._of((0.0, 0.0, 0.002, 0.01, 0.3))

    def first(self) -> bytes:
        """What the connection begins with: mostly a CONNECT that is let in."""
        if self._draw.random() < 0.06:
            return self.next()
        user = f"device-{self._draw.randrange(self._devices)}" if self._draw.random() < 0.9 else self._of(TEXTS)
        user = "provision" if self._draw.random() < 0.03 else user
        password = self._of((None, b"", b"x")) if self._draw.random() < 0.2 else None
        connect = p.Connect(self._of(("c", "c" * 23, "")) or "c", self.version, self._coin(), 60, user, password)
        return self._maybe_bent(encode(connect, self.version), 0.02)

    def next(self) -> bytes:
        """The next frame."""
        chance = self._draw.random()
        if chance < 0.01 * self._wildness:
            self.is_bent = True
            return self._draw.randbytes(self._draw.randrange(1, LONGEST_GARBAGE))
        maker = self._draw.choices(MAKERS, WEIGHTS)[0]
        return self._maybe_bent(encode(maker(self), self.version), 0.1 * self._wildness)

    def slices(self, data: bytes) -> list[bytes]:
        """The same bytes, sometimes in small pieces."""
        if self._draw.random() < 0.9:
            return [data]
        step = self._draw.randrange(1, 1500)
        return [data[at : at + step] for at in range(0, len(data), step)]

    def publish(self) -> Packet:
        """A publish: one that ThingsBoard takes, in its rarer forms too, or a wild one."""
        qos = self._draw.randrange(3)
        if self._draw.random() >= self._wildness:
            topic, payload = self._of(TAME)
            topic = topic.format(self._of(TAME_NUMBERS), self._of(TAME_NUMBERS))
        elif self._coin():
            topic, payload = self._of(NUMBERED).format(self._of(NUMBERS), self._of(NUMBERS)), self._payload()
        else:
            topic, payload = self._of((*TOPICS, *TEXTS)) or "t", self._payload()
        number = self._id() if qos else None
        return p.Publish(topic.replace("+", "p"), payload, qos, number, self._coin() and qos > 0, self._coin())

    def subscribe(self) -> Packet:
        """One to four filters, some of them wild."""
        names = tuple((self._of(FILTERS), self._draw.randrange(3)) for _ in range(self._draw.randrange(1, 5)))
        return p.Subscribe(self._id(), names)

    def unsubscribe(self) -> Packet:
        """One or two filters."""
        return p.Unsubscribe(self._id(), tuple(self._of(FILTERS) for _ in range(self._draw.randrange(1, 3))))

    def acknowledgement(self) -> Packet:
        """An answer to what nobody asked."""
        number = self._id()
        kinds: tuple[Packet, ...] = (p.PubAck(number), p.PubRec(number), p.PubRel(number), p.PubComp(number))
        return self._of(kinds)

    def rare(self) -> Packet:
        """A second CONNECT, a goodbye, a packet that only servers send."""
        if self._draw.random() >= self._wildness:
            return p.PingReq()
        token = f"device-{self._draw.randrange(self._devices)}"
        rare: tuple[Packet, ...] = (
            p.Connect("c", self.version, True, 60, token),
            p.Disconnect(),
            p.ConnAck(0),
            p.SubAck(self._id(), (0,)),
            p.PingResp(),
        )
        return self._of(rare)

    def ping(self) -> Packet:
        """A sign of life."""
        return p.PingReq()

    def _payload(self) -> bytes:
        chance = self._draw.random()
        if chance < 0.35:
            return self._of(NUMBERS).encode()
        if chance < 0.75:
            return json.dumps(self._json(0)).encode()
        if chance < 0.8:
            return b"[" * self._draw.randrange(1, 3000)
        return self._draw.randbytes(self._draw.randrange(0, 120))

    def _json(self, depth: int) -> object:
        chance = self._draw.random()
        if depth < 3 and chance < 0.6:
            return {self._of(KEYS): self._json(depth + 1) for _ in range(self._draw.randrange(4))}
        if depth < 3 and chance < 0.7:
            return [self._json(depth + 1) for _ in range(self._draw.randrange(4))]
        return self._of((*TEXTS, *ONLY_JSON, *NUMBERS, None, True, 0, -1, 1 << 70, 1e300, 0.1, 1_790_000_000_000))

    def _maybe_bent(self, raw: bytes, share: float) -> bytes:
        if self._draw.random() >= share:
            return raw
        self.is_bent = True
        at = self._draw.randrange(len(raw))
        bends = (
            raw[:at],
            raw[:at] + bytes((raw[at] ^ 1 << self._draw.randrange(8),)) + raw[at + 1 :],
            raw[:at] + self._draw.randbytes(self._draw.randrange(1, 5)) + raw[at:],
            raw[:1] + self._draw.randbytes(self._draw.randrange(1, 5)) + raw[2:],
            raw[:at] + raw,
        )
        return self._of(bends)

    def _id(self) -> int:
        return self._of((1, 2, 3, 65_535, self._draw.randrange(1, 65_536)))

    def _coin(self) -> bool:
        return self._draw.random() < 0.5

    def _of(self, items: tuple[Item, ...]) -> Item:
        return items[int(self._draw.random() * len(items))]


MAKERS: tuple[Callable[[Frames], Packet], ...] = (
    Frames.publish,
    Frames.subscribe,
    Frames.unsubscribe,
    Frames.acknowledgement,
    Frames.ping,
    Frames.rare,
)
WEIGHTS = (70, 8, 4, 6, 11, 1)
