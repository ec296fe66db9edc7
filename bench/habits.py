"""Habits of wrong clients, and servers that say one thing wrong: `tests/stories/test_follow_wrong_clients.py`.

A habit changes what the client does, one action at a time; the twin answers whatever it hears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from otakit.client.core import Core
from otakit.client.events import Acknowledged, Subscribed
from otakit.client.vocabulary import Action, Event, Send, Subscribe
from otakit.protocol.messages import AttributesRequest, ChunkRequest, Direction, Telemetry
from otakit.protocol.mqtt import encode
from otakit.protocol.packets import Packet, Publish, SubAck, Version

Habit = Callable[[Action], Iterable[Action]]


# ---- a client with a habit ------------------------------------------------------------------------------------


def with_habit(habit: Habit) -> type[Core]:
    """The client, which does something else where the habit says so; what it does not do it takes for done."""

    class Wrong(Core):
        def hear(self, event: Event, at_ns: int) -> list[Action]:
            done: list[Action] = []
            for action in super().hear(event, at_ns):
                instead = list(habit(action))
                done += instead
                if not instead:
                    done += self.hear(_taken_for_done(action), at_ns)
            return done

    return Wrong


def _taken_for_done(action: Action) -> Event:
    if isinstance(action, Subscribe):
        return Subscribed((1,) * len(action.filters))
    assert isinstance(action, Send)
    return Acknowledged(action.token, 0)


def says(action: Action, status: str) -> bool:
    """This is the telemetry that tells the status."""
    message = action.message if isinstance(action, Send) else None
    return isinstance(message, Telemetry) and status in (message.values.get("fw_state"), message.values.get("sw_state"))


def leaves_out(status: str) -> Habit:
    """One status is never said."""
    return lambda action: [] if says(action, status) else [action]


def of_filters(change: Callable[[str], str]) -> Habit:
    """Subscribes to other filters."""

    def habit(action: Action) -> list[Action]:
        if isinstance(action, Subscribe):
            return [replace(action, filters=tuple((change(name), qos) for name, qos in action.filters))]
        return [action]

    return habit


def of_chunks(change: Callable[[ChunkRequest], Iterable[Any]]) -> Habit:
    """Asks for other chunks; each one more that it asks for is at QoS 0, since its receipt means nothing to it."""

    def habit(action: Action) -> list[Action]:
        if isinstance(action, Send) and isinstance(action.message, ChunkRequest):
            messages = change(action.message)
            return [
                replace(action, message=message, qos=0 if nth else action.qos) for nth, message in enumerate(messages)
            ]
        return [action]

    return habit


def of_telemetry(change: Callable[[dict[str, Any]], Any]) -> Habit:
    """Says something else in telemetry, or elsewhere: a dict, or another message."""

    def habit(action: Action) -> list[Action]:
        if isinstance(action, Send) and isinstance(action.message, Telemetry):
            changed = change(dict(action.message.values))
            if isinstance(changed, dict):
                changed = replace(action.message, values=changed)
            return [replace(action, message=changed)]
        return [action]

    return habit


def of_attributes(change: Callable[[AttributesRequest], Any]) -> Habit:
    """Asks for attributes in another way."""

    def habit(action: Action) -> list[Action]:
        if isinstance(action, Send) and isinstance(action.message, AttributesRequest):
            return [replace(action, message=change(action.message))]
        return [action]

    return habit


def also_before(status: str, told: str) -> Habit:
    """Says one status before its time, at QoS 0."""

    def habit(action: Action) -> list[Action]:
        if says(action, status):
            return [Send(Telemetry({"fw_state": told}), 0, 0), action]
        return [action]

    return habit


def asks_before_it_subscribes(action: Action) -> list[Action]:
    """And so is not told."""
    if isinstance(action, Subscribe):
        return [Send(AttributesRequest(77, ("fw_title", "fw_version")), 0, 0), action]
    return [action]


# ---- a server that says one thing wrong -----------------------------------------------------------------------


def server(topic: str, change: Callable[[Publish], Iterable[Publish]]) -> Callable[[Version], Any]:
    """A server that changes what it publishes on some topic."""

    def of(version: Version) -> Any:
        def meddler(direction: Direction, packet: Packet) -> list[bytes] | None:
            if direction is Direction.TO_DEVICE and isinstance(packet, Publish) and topic in packet.topic:
                return [encode(each, version) for each in change(packet)]
            return None

        return meddler

    return of


def refusing(version: Version) -> Any:
    """Every filter."""

    def meddler(direction: Direction, packet: Packet) -> list[bytes] | None:
        if direction is Direction.TO_DEVICE and isinstance(packet, SubAck):
            return [encode(replace(packet, reason_codes=(0x80,) * len(packet.reason_codes)), version)]
        return None

    return meddler


def other(part: str, instead: str) -> Callable[[Publish], list[Publish]]:
    """Another topic."""
    return lambda packet: [replace(packet, topic=packet.topic.replace(part, instead))]
