"""The faults that need ThingsBoard's own rules: what they do to the model and the conversation.

Pure. Each function does one fault at the moment of one packet and gives None, or why it could not be done.
`faulty` calls them before the packet is heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from otakit.errors import ServerRefused
from otakit.faults import EvictCache, RateLimit, Reassign, RefuseChunk, TakeOver
from otakit.protocol.messages import Kind
from otakit.twin.conversation import Conversation
from otakit.twin.model import Model

RATE_LIMITED = 0x83
"""ThingsBoard closes with this code and publishes nothing; MQTT 3.1.1 sees the close alone."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a fault happens: one packet of one connection.

    Attributes:
        kind: of the package that the packet is about; None when it is about none.
        now: nanoseconds since the epoch.
    """

    model: Model
    conversation: Conversation
    kind: Kind | None
    now: int

    @property
    def device_id(self) -> str:
        """Whose connection it is; empty before CONNECT was accepted."""
        return self.conversation.device_id or ""


class SecondClient:
    """A client that somebody else connected with the same credentials: it hears, and says nothing."""

    def __init__(self, now: int) -> None:
        self.device_id: str | None = None
        self.active_at, self.hears_updates = now, False

    @property
    def outlet(self) -> object:
        """Itself: behind it is no connection of ours."""
        return self

    def tell(self, body: dict[str, object]) -> None:
        """It subscribed to nothing."""

    def end(self, reason_code: int) -> None:
        """It goes without a word, when the device connects again or the server tires of its silence."""


def evict_cache(_fault: EvictCache, scene: Scene) -> str | None:
    """The package's bytes are no longer held: as after an hour, or an edit of its description."""
    device = scene.model.store.devices.get(scene.device_id)
    package_id = scene.model.store.effective(device, scene.kind) if device and scene.kind else None
    if package_id is None:
        return "no package is assigned"
    scene.model.cache.drop(package_id)
    return None


def refuse_chunk(fault: RefuseChunk, scene: Scene) -> None:
    """The error word, no PUBACK, the end."""
    scene.conversation.refuse_chunk(fault.word)


def rate_limit(_fault: RateLimit, scene: Scene) -> None:
    """The end, without a word in MQTT 3.1.1."""
    scene.conversation.end(RATE_LIMITED)
    scene.model.sessions.gone(scene.conversation)


def take_over(_fault: TakeOver, scene: Scene) -> None:
    """Another connection of the same device is accepted; the oldest of too many is ended by ThingsBoard's rule."""
    scene.model.sessions.opened(scene.device_id, SecondClient(scene.now), scene.now)


def reassign(fault: Reassign, scene: Scene) -> str | None:
    """The operator saves the device with another package, or with none."""
    store = scene.model.store
    if scene.device_id not in store.devices:
        return "the device is gone"
    found = next(
        (each for each in store.packages.values() if (each.title, each.version) == (fault.title, fault.version)), None
    )
    if found is None and (fault.title or fault.version):
        return f"there is no package {fault.title} {fault.version}"
    kind = found.kind if found else fault.kind or Kind.FIRMWARE
    try:
        scene.model.assign(store.device(scene.device_id), kind, found.id if found else None, scene.now)
    except ServerRefused as error:
        return str(error)
    return None


MISCHIEF: dict[type, Callable[[Any, Scene], str | None]] = {
    EvictCache: evict_cache,
    RefuseChunk: refuse_chunk,
    RateLimit: rate_limit,
    TakeOver: take_over,
    Reassign: reassign,
}
