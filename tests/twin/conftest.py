"""A tenant in virtual time: model and conversations in memory, a clock that a test moves."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import Packet, Version
from otakit.twin.conversation import Conversation
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device, OtaPackage
from otakit.twin.settings import SECOND, TwinSettings

IMAGE_A = bytes(i % 251 for i in range(200_000))
IMAGE_B = bytes((7 * i + 3) % 256 for i in range(100_000))
START = 1_790_000_000 * SECOND


class Talk:
    """One connection of a device, spoken packet by packet."""

    def __init__(self, world: World, version: Version) -> None:
        self.world, self.version = world, version
        self.conversation = Conversation(world.model, world.now)
        self._framer = Framer()
        self._next_id = 0

    def send(self, data: bytes) -> list[Packet]:
        """Sends raw bytes; returns what comes back at once."""
        self.conversation.receive(data, self.world.now)
        return self.hear()

    def says(self, *packets: Packet) -> list[Packet]:
        """Sends packets in one segment; returns what comes back at once."""
        return self.send(b"".join(encode(packet, self.version) for packet in packets))

    def hear(self) -> list[Packet]:
        """What came since the last time."""
        whole = self._framer.feed(b"".join(self.conversation.take()))
        return [decode(raw, self.version) for raw in whole]

    def connect(self, token: str, **fields: Any) -> list[Packet]:
        return self.says(p.Connect("c1", self.version, user_name=token, **fields))

    def subscribe(self, *filters: str, qos: int = 1) -> tuple[int, ...]:
        (answer,) = self.says(p.Subscribe(self.id(), tuple((name, qos) for name in filters)))
        assert isinstance(answer, p.SubAck)
        return answer.reason_codes

    def publish(self, topic: str, payload: bytes | str | dict[str, Any] = b"", qos: int = 1) -> list[Packet]:
        return self.says(self.a_publish(topic, payload, qos))

    def a_publish(self, topic: str, payload: bytes | str | dict[str, Any] = b"", qos: int = 1) -> p.Publish:
        raw = json.dumps(payload).encode() if isinstance(payload, dict) else payload
        raw = raw.encode() if isinstance(raw, str) else raw
        return p.Publish(topic, raw, qos, self.id() if qos else None)

    def chunk(
        self, request_id: object, index: object, size: object = "", kind: str = "fw", qos: int = 1
    ) -> list[Packet]:
        return self.publish(f"v2/{kind}/request/{request_id}/chunk/{index}", str(size), qos)

    def id(self) -> int:
        self._next_id += 1
        return self._next_id

    @property
    def closed(self) -> bool:
        return self.conversation.closing


@dataclass
class World:
    """A ThingsBoard with device d1, and packages A and B of its profile."""

    settings: TwinSettings = field(default_factory=lambda: TwinSettings(dispatch_spacing_s=0))
    seed: int = 0
    version: Version = Version.MQTT_3_1_1
    now: int = START

    def __post_init__(self) -> None:
        self.model = Model(self.settings, random.Random(self.seed), self.now)
        self.device = self.add_device("d1")
        self.a = self.upload("1.10", IMAGE_A)
        self.b = self.upload("1.11", IMAGE_B)

    def add_device(self, name: str, **fields: Any) -> Device:
        return self.model.save_device(Device(name, **fields), self.now)

    def upload(self, version: str, content: bytes, kind: Kind = Kind.FIRMWARE, title: str = "pump") -> OtaPackage:
        return self.model.upload(kind, title, version, content, self.now)

    def token(self, device: Device | None = None) -> str:
        return self.model.store.credentials[(device or self.device).id].credentials_id

    def talk(self, device: Device | None = None, version: Version | None = None, **fields: Any) -> Talk:
        """A connected device."""
        talk = Talk(self, version or self.version)
        (answer,) = talk.connect(self.token(device), **fields)
        assert isinstance(answer, p.ConnAck)
        assert answer.reason_code == 0
        return talk

    def stranger(self) -> Talk:
        """A connection that said nothing yet."""
        return Talk(self, self.version)

    def assign(self, package: OtaPackage | None, to: Any = None, kind: Kind = Kind.FIRMWARE, wait_s: float = 1) -> None:
        """Assigns, and lets time pass until it is dispatched."""
        self.model.assign(to or self.device, kind, package.id if package else None, self.now)
        self.passes(wait_s)

    def passes(self, seconds: float) -> None:
        """Time passes; what falls due is done when it is due."""
        end = self.now + round(seconds * SECOND)
        while (due := self.model.wake_at) is not None and due <= end:
            self.now = max(self.now, due)
            self.model.advance(self.now)
        self.now = end

    def states(self, device: Device | None = None, key: str = "fw_state") -> list[Any]:
        """The history of a key, oldest first."""
        memory = self.model.memory((device or self.device).id)
        assert memory is not None
        return [value for _, value in memory.telemetry.between(key, 0, 2**62, ascending=True)]

    def shared(self, device: Device | None = None) -> dict[str, Any]:
        """The shared attributes."""
        memory = self.model.memory((device or self.device).id)
        assert memory is not None
        return {key: attribute.value for key, attribute in memory.shared.items()}


@pytest.fixture(params=[Version.MQTT_3_1_1, Version.MQTT_5], ids=["v3", "v5"])
def version(request: pytest.FixtureRequest) -> Version:
    """Both protocol versions."""
    found: Version = request.param
    return found


@pytest.fixture
def make() -> Callable[..., World]:
    """Makes a world with settings of one's own."""

    def made(version: Version = Version.MQTT_3_1_1, seed: int = 0, **settings: Any) -> World:
        return World(TwinSettings(**{"dispatch_spacing_s": 0, **settings}), seed, version)

    return made


@pytest.fixture
def world(version: Version, make: Callable[..., World]) -> World:
    """The world, once for each protocol version."""
    return make(version)


@pytest.fixture
def body() -> Callable[[Packet], Any]:
    """The JSON of a publish."""

    def read(packet: Packet) -> Any:
        assert isinstance(packet, p.Publish)
        return json.loads(packet.payload)

    return read
