"""Sessions to be held against the article's diagrams: a seed gives the same packets everywhere.

Client and twin in memory (`trial.world`), and two devices that only listen. Read by `follow_runs` and by the
tests; knows no diagram.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from otakit.captured import CapturedPacket, Entry, OpenedConnection
from otakit.client.settings import Settings
from otakit.client.talk import filters
from otakit.client.vocabulary import Subscribe
from otakit.faults import parse_link, plan_of
from otakit.protocol.checksums import checksum_of
from otakit.protocol.messages import Direction, Kind
from otakit.protocol.packets import Version
from otakit.trial.memory import MemoryDevice
from otakit.trial.path import Meddler
from otakit.trial.wire import MemoryWire
from otakit.trial.world import EPOCH_NS, Operator, Plan, Run, run_world
from otakit.twin.conversation import Conversation
from otakit.twin.model import Model
from otakit.twin.rules.entities import BytesImage, Device, OtaPackage
from otakit.twin.settings import TwinSettings

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE
VERSIONS = (Version.MQTT_3_1_1, Version.MQTT_5)
TOKEN = "a-token"
STEP_NS = 5_000_000_000
BEFORE_NS = EPOCH_NS - 2_000_000_000
RUNNING = {FW: ("pump", "1.0.0"), SW: ("app", "1.0.0")}
FIRMWARE = (
    "request-firmware-attributes",
    "subscribe-firmware-attributes-updates",
    "request-firmware-chunks",
    "report-firmware-status",
    "whole-update",
)
SOFTWARE = ("update-software",)


@dataclass
class Session:
    """One device and one server, before they meet.

    Attributes:
        fails: steps of the device that fail, with the reason.
    """

    version: Version = Version.MQTT_3_1_1
    seed: int = 1
    fails: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The server knows the device."""
        self.model = Model(TwinSettings(), random.Random(self.seed), EPOCH_NS)
        self.entity = self.model.store.devices[_add(self.model, "pump-7", TOKEN)]

    def assigned(self, kind: Kind = FW, size: int = 20_000, version: str = "1.1.0", **more: Any) -> Session:
        """A package is uploaded and assigned before the device connects."""
        self.model.assign(self.entity, kind, self.uploaded(kind, size, version, **more), BEFORE_NS)
        self.model.advance(EPOCH_NS - 1)
        return self

    def uploaded(
        self,
        kind: Kind = FW,
        size: int = 20_000,
        version: str = "1.1.0",
        *,
        tag: str | None = None,
        url: str | None = None,
    ) -> str:
        """A package is uploaded, or described where its image lies behind a URL; returns its id."""
        profile, title = self.model.store.default_profile_id, RUNNING[kind][0]
        draft = OtaPackage(title, version, kind, profile, tag=tag, url=url, uses_url=url is not None)
        package = self.model.save_package(draft, EPOCH_NS)
        if url is None:
            image = random.Random(size).randbytes(size)
            digest = checksum_of("SHA256", image)
            self.model.fill_package(package.id, BytesImage(image), algorithm="SHA256", checksum=digest)
        return package.id

    def assigns(self, kind: Kind, package: str | None) -> Operator:
        """What an operator does later."""
        return lambda model, now: model.assign(self.entity, kind, package, now)

    def run(
        self,
        link: str = "40 ms",
        *,
        server: str = "none",
        operator: tuple[tuple[float, Operator], ...] = (),
        meddler: Meddler | None = None,
        stop_at_s: float | None = None,
        **settings: Any,
    ) -> Run:
        """The device updates itself."""
        way = replace(parse_link(link), seed=self.seed)
        plan = Plan(way, operator, meddler, stop_at_s, plan_of(server, seed=self.seed))
        device = MemoryDevice(dict(RUNNING), self.fails)
        return run_world(self.model, TOKEN, Settings(version=self.version, **settings), plan=plan, device=device)


def _add(model: Model, name: str, token: str) -> str:
    return model.save_device(Device(name, model.store.default_profile_id), EPOCH_NS, token=token).id


def healthy(seed: int) -> tuple[list[Entry], tuple[str, ...]]:
    """A run in which nothing goes wrong, and the diagrams that it must follow."""
    chance = random.Random(seed)
    session = Session(VERSIONS[seed % 2], seed)
    kinds = chance.choice(((FW,), (FW,), (SW,), (FW, SW), (FW, SW)))
    operator = []
    for kind in kinds:
        size, tag = chance.choice((1, 4_095, 4_096, 20_000, 60_000, 150_000)), chance.choice((None, "blue"))
        if chance.random() < 0.5:
            session.assigned(kind, size, tag=tag)
        else:
            operator.append((chance.uniform(0.0, 0.6), session.assigns(kind, session.uploaded(kind, size, tag=tag))))
    delay, rate = chance.choice((0, 5, 40, 40, 250)), chance.choice(("", ", 2 Mbit/s", ", 300 kbit/s"))
    settings: dict[str, Any] = {
        "window": chance.randint(1, 8),
        "chunk_qos": chance.randint(0, 1),
        "chunk_bytes": chance.choice((512, 4_096, 4_096, 65_536)),
        "check_limits": chance.random() < 0.8,
        "offer_wait_s": 3.0,
    }
    run = session.run(f"{delay} ms{rate}" if delay else "none", operator=tuple(operator), **settings)
    wanted = FIRMWARE if FW in kinds else FIRMWARE[:2]
    return run.entries, wanted + (SOFTWARE if SW in kinds else ())


# ---- two devices that listen ---------------------------------------------------------------------------------


class Listener:
    """A device that subscribes and hears, nothing more."""

    def __init__(self, model: Model, number: int, entries: list[Entry], version: Version) -> None:
        self._model, self._number, self._entries, self._version = model, number, entries, version
        self._talk = Conversation(model, EPOCH_NS)
        self._wire = MemoryWire(Settings(version=version), f"token-{number}")
        client = (f"192.0.2.{number + 10}", 49_152)
        entries.append(OpenedConnection(number, client, ("192.0.2.1", 1883), f"{number:012x}"))
        self._says(self._wire.connect(), EPOCH_NS)
        self._says(self._wire.subscribe(Subscribe(filters(Settings())[:1])), EPOCH_NS)

    def _says(self, raw: bytes, now: int) -> None:
        self._saw(Direction.TO_SERVER, raw, now)
        self._talk.receive(raw, now)
        self.hears(now)

    def hears(self, now: int) -> None:
        """What the server has for it by now."""
        for raw in self._talk.take():
            self._saw(Direction.TO_DEVICE, raw, now)
            receipt = self._wire.hear(raw)[1]
            if receipt is not None:
                self._says(receipt, now)

    def _saw(self, way: Direction, raw: bytes, now: int) -> None:
        number = 1 + sum(isinstance(entry, CapturedPacket) for entry in self._entries)
        self._entries.append(CapturedPacket(number, now, self._number, way, raw, len(raw)))


def overridden(
    version: Version = Version.MQTT_3_1_1,
    seed: int = 1,
    change: Callable[[list[tuple[str, str]]], object] | None = None,
) -> list[Entry]:
    """The worked example of the article: one profile, two devices, six actions of the operator.

    Args:
        version: of MQTT.
        seed: of the server.
        change: may change the actions, each *what is assigned to whom*; an empty package takes it back.
    """
    model = Model(TwinSettings(), random.Random(seed), EPOCH_NS)
    profile = model.store.default_profile_id
    devices = {f"D{number + 1}": _add(model, f"pump-{number}", f"token-{number}") for number in range(2)}
    packages = {name: model.upload(FW, "pump", name, b"x" * 99, EPOCH_NS).id for name in ("F1", "F2", "F3")}
    entries: list[Entry] = []
    listeners = [Listener(model, number, entries, version) for number in range(2)]
    actions = [("F1", "P1"), ("F2", "D1"), ("F3", "P1"), ("", "D1"), ("F3", "D1"), ("", "P1")]
    if change is not None:
        change(actions)
    for turn, (package, whom) in enumerate(actions, 1):
        now = EPOCH_NS + turn * STEP_NS
        owner = model.store.profile(profile) if whom == "P1" else model.store.devices[devices[whom]]
        model.assign(owner, FW, packages.get(package), now)
        while (due := model.wake_at) is not None and due < EPOCH_NS + (turn + 1) * STEP_NS:
            now = max(now, due)
            model.advance(now)
            for listener in listeners:
                listener.hears(now)
        for listener in listeners:
            listener.hears(now)
    return entries
