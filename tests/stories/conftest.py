"""Stories in virtual time: one server, one device, what happens, and what each side saw of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from otakit.captured import CapturedPacket, Note
from otakit.client.settings import Settings
from otakit.faults import LinkSettings, ServerPlan, parse_link, plan_of
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, Kind, Message, Telemetry, message_of
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Packet, Version
from otakit.trial.memory import MemoryDevice
from otakit.trial.path import Meddler
from otakit.trial.world import EPOCH_NS, Operator, Plan, Run, run_world
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device, OtaPackage
from otakit.twin.settings import TwinSettings

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
TOKEN = "a-token"


@dataclass
class Story:
    """A server with one device; `run` lets the device update itself."""

    version: Version = Version.MQTT_3_1_1
    seed: int = 1
    twin: TwinSettings = field(default_factory=TwinSettings)
    device: MemoryDevice = field(default_factory=lambda: MemoryDevice({FW: ("pump", "1.0.0"), SW: ("app", "1.0.0")}))

    def __post_init__(self) -> None:
        self.model = Model(self.twin, random.Random(self.seed), EPOCH_NS)
        self.entity = self.add_device("pump-7", TOKEN)

    def add_device(self, name: str, token: str) -> Device:
        draft = Device(name, self.model.store.default_profile_id)
        return self.model.save_device(draft, EPOCH_NS, token=token)

    def upload(self, kind: Kind = FW, version: str = "1.1.0", image: bytes = bytes(20_000), **more: Any) -> OtaPackage:
        return self.model.upload(kind, {FW: "pump", SW: "app"}[kind], version, image, EPOCH_NS, **more)

    def assign(self, kind: Kind = FW, version: str = "1.1.0", image: bytes = bytes(20_000), **more: Any) -> OtaPackage:
        """Uploads and assigns before the device connects, and lets the dispatcher have its turn."""
        package = self.upload(kind, version, image, **more)
        self.model.assign(self.entity, kind, package.id, EPOCH_NS - 2_000_000_000)
        self.model.advance(EPOCH_NS - 1)
        return package

    def write(self, **shared: Any) -> None:
        """The operator writes shared attributes by hand."""
        self.model.write_shared(self.entity.id, shared, EPOCH_NS - 1)

    def run(
        self,
        *,
        link: str | LinkSettings = "none",
        operator: Iterable[tuple[float, Operator]] = (),
        meddler: Meddler | None = None,
        stop_at_s: float | None = None,
        server: str | ServerPlan = "none",
        **settings: Any,
    ) -> Told:
        plan = Plan(parse_link(link), tuple(operator), meddler, stop_at_s, plan_of(server))
        chosen = Settings(version=self.version, **settings)
        return Told(run_world(self.model, TOKEN, chosen, plan=plan, device=self.device), self)


class Told:
    """What a run left behind, in words for assertions."""

    def __init__(self, run: Run, story: Story) -> None:
        self.run, self.story = run, story
        self.packets: list[tuple[float, int, Direction, Packet]] = [
            ((e.at_ns - EPOCH_NS) / 1e9, e.connection, e.direction, decode(e.raw, story.version))
            for e in run.entries
            if isinstance(e, CapturedPacket)
        ]

    @property
    def outcomes(self) -> dict[Kind, str]:
        return {kind: outcome.outcome for kind, outcome in self.run.outcomes.items()}

    @property
    def reasons(self) -> dict[Kind, str]:
        return {kind: outcome.reason for kind, outcome in self.run.outcomes.items()}

    def history(self, kind: Kind = FW) -> list[str]:
        return [outcome.outcome for outcome in self.run.history[kind]]

    def messages(self, row: str, kind: Kind | None = None) -> list[Any]:
        return [
            said
            for _, _, direction, packet in self.packets
            if isinstance(packet, p.Publish)
            and (said := message_of(packet.topic, packet.payload, direction)).row == row
            and (kind is None or getattr(said, "kind", None) is kind)
        ]

    def times(self, row: str) -> list[float]:
        return [
            at
            for at, _, direction, packet in self.packets
            if isinstance(packet, p.Publish) and message_of(packet.topic, packet.payload, direction).row == row
        ]

    def asked(self, kind: Kind = FW) -> list[tuple[int, int]]:
        """Request id and index of each chunk request, in order."""
        return [(said.request_id, said.index) for said in self.messages("ChunkRequest", kind)]

    def of_type(self, *kinds: type) -> list[Any]:
        return [packet for _, _, _, packet in self.packets if isinstance(packet, kinds)]

    def statuses(self, kind: Kind = FW) -> list[str]:
        """What the device said, in order."""
        said: list[Telemetry] = self.messages("Telemetry")
        return [str(each.values[key]) for each in said if (key := f"{kind.value}_state") in each.values]

    def stored(self, key: str) -> list[Any]:
        """What the server kept of a key, oldest first."""
        memory = self.story.model.memory(self.story.entity.id)
        assert memory is not None
        return [value for _, value in memory.telemetry.between(key, 0, 2**62, ascending=True)]

    def notes(self, name: str) -> list[dict[str, object]]:
        return [dict(e.fields) for e in self.run.entries if isinstance(e, Note) and e.name == name]


@pytest.fixture(params=[Version.MQTT_3_1_1, Version.MQTT_5], ids=["v3", "v5"])
def story(request: pytest.FixtureRequest) -> Story:
    return Story(request.param)


@pytest.fixture
def new_story() -> Callable[..., Story]:
    return Story


@pytest.fixture
def replaced() -> Callable[[str, Callable[[Message], Iterable[Message] | None], Version], Meddler]:
    """A meddler that puts other messages in place of those of one row."""

    def build(row: str, change: Callable[[Message], Iterable[Message] | None], version: Version) -> Meddler:
        from otakit.protocol.mqtt import encode  # noqa: PLC0415 - only here

        def meddle(direction: Direction, packet: Packet) -> list[bytes] | None:
            if not isinstance(packet, p.Publish):
                return None
            said = message_of(packet.topic, packet.payload, direction)
            if said.row != row or (instead := change(said)) is None:
                return None
            return [
                encode(p.Publish(each.topic, each.payload, packet.qos, packet.packet_id), version) for each in instead
            ]

        return meddle

    return build
