"""Deliberate defects of the twin: how one is planted and taken out again.

Most are planted where bytes enter and leave a conversation, or where a call enters and leaves the REST door, so
that they do not depend on how the twin is built inside; a few replace one rule. `planted_mqtt` and
`planted_rest` say which there are.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from otakit.protocol import packets as p
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import Packet, Version
from otakit.twin.conversation import Conversation

CONNECT = 0x10
Outgoing = Callable[[Conversation, list[Packet]], list[Packet]]
Incoming = Callable[[Conversation, Packet], list[Packet]]
Call = Callable[[str, str, bytes], bytes]
"""Method, path and body of a call to the body that the door gets."""
Answer = Callable[[str, str, int, bytes], tuple[int, bytes]]
"""Method, path, status and body of an answer to those that leave."""


@dataclass(frozen=True)
class Defect:
    """One thing that this twin does differently from ThingsBoard.

    Attributes:
        name: in a few words, what it does.
        scenario: number of the one that is about it.
        plant: plants it.
        versions: of MQTT in which it can show.
    """

    name: str
    scenario: int
    plant: Callable[[Plant], None]
    versions: tuple[Version, ...] = (Version.MQTT_3_1_1, Version.MQTT_5)

    @contextmanager
    def planted(self) -> Iterator[None]:
        """The twin of this process has it, as long as this lasts."""
        with Plant() as plant:
            self.plant(plant)
            yield


DEFECTS: dict[str, Defect] = {}
"""All of them, by name; filled by `planted_mqtt` and `planted_rest`."""


def defect(name: str, scenario: int, *versions: Version) -> Callable[[Callable[[Plant], None]], None]:
    """Enters a function that plants one."""

    def enter(plant: Callable[[Plant], None]) -> None:
        assert name not in DEFECTS, name
        DEFECTS[name] = Defect(name, scenario, plant, versions or (Version.MQTT_3_1_1, Version.MQTT_5))

    return enter


class Plant(AbstractContextManager["Plant"]):
    """What is replaced for one defect."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __exit__(self, *_: object) -> None:
        """Puts everything back."""
        self._stack.close()

    def replace(self, target: object, name: str, new: object) -> None:
        """Replaces what is there; fails where nothing is."""
        self._stack.enter_context(mock.patch.object(target, name, new))

    def outgoing(self, change: Outgoing) -> None:
        """Changes what a conversation says, as often as it is asked."""
        original = Conversation.take

        def take(conversation: Conversation) -> list[bytes]:
            raw = original(conversation)
            version = version_of(conversation)
            said = change(conversation, [decode(each, version) for each in raw]) if raw else []
            return [encode(each, version) for each in said]

        self.replace(Conversation, "take", take)

    def each_outgoing(self, change: Callable[[Packet], Packet | None]) -> None:
        """Changes every packet on its own; None drops it."""
        self.outgoing(lambda _, packets: [new for old in packets if (new := change(old)) is not None])

    def incoming(self, change: Incoming) -> None:
        """Changes what a conversation hears."""
        original, framers = Conversation.receive, dict[Conversation, Framer]()

        def receive(conversation: Conversation, data: bytes, now: int) -> None:
            heard = framers.setdefault(conversation, Framer()).feed(data)
            while heard:  # CONNECT on its own: it says how the rest is read
                part, heard = (heard[:1], heard[1:]) if heard[0][0] == CONNECT else (heard, [])
                version = version_of(conversation)
                packets = [decode(raw, version) for raw in part]
                if isinstance(packets[0], p.Connect):
                    version = packets[0].version
                changed = [encode(new, version) for old in packets for new in change(conversation, old)]
                original(conversation, b"".join(changed), now)

        self.replace(Conversation, "receive", receive)

    def door(self, call: Call | None = None, answer: Answer | None = None) -> None:
        """Changes what the REST door hears and answers."""
        import otakit.conformance.memory as in_memory  # noqa: PLC0415 - not before the defect is wanted
        import otakit.twin.rest.http as served  # noqa: PLC0415

        original = served.application

        def application(*arguments: Any, **options: Any) -> Any:
            return _Door(original(*arguments, **options), call, answer)

        for module in (served, in_memory):
            self.replace(module, "application", application)


class _Door:
    """Stands around the REST door (ASGI)."""

    def __init__(self, app: Any, call: Call | None, answer: Answer | None) -> None:
        self._app, self._call, self._answer = app, call, answer

    def __getattr__(self, name: str) -> Any:
        """Whatever else the door has."""
        return getattr(self._app, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One call, its body and its answer whole."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        said: list[Any] = []

        async def keep(message: Any) -> None:
            said.append(message)

        if self._call is not None and "json" in dict(scope["headers"]).get(b"content-type", b"").decode():
            receive, scope = await self._changed(scope, receive, self._call)
        await self._app(scope, receive, keep)
        start, body = said[0], b"".join(each.get("body", b"") for each in said[1:])
        status = start["status"]
        if self._answer is not None:
            status, body = self._answer(scope["method"], scope["path"], status, body)
        headers = [each for each in start["headers"] if each[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({**start, "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    @staticmethod
    async def _changed(scope: Any, receive: Any, call: Call) -> Any:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        body = call(scope["method"], scope["path"], body)
        headers = [each for each in scope["headers"] if each[0].lower() != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Any:
            return messages.pop() if messages else await receive()

        return again, {**scope, "headers": headers}


def version_of(conversation: Conversation) -> Version:
    """Of MQTT, as CONNECT said."""
    return conversation._line.version  # noqa: SLF001


def shut(conversation: Conversation) -> None:
    """Closes a connection that ThingsBoard would keep."""
    conversation.end(0)


def is_chunk(packet: Packet) -> bool:
    """Whether a packet brings a chunk."""
    return isinstance(packet, p.Publish) and "/response/" in packet.topic and packet.topic.startswith("v2/")


def is_error(packet: Packet) -> bool:
    """Whether a packet brings an error word."""
    return isinstance(packet, p.Publish) and packet.topic.endswith("/error")


def is_update(packet: Packet) -> bool:
    """Whether a packet is an attribute update."""
    return isinstance(packet, p.Publish) and packet.topic == "v1/devices/me/attributes"


def is_answer(packet: Packet) -> bool:
    """Whether a packet answers an attribute request."""
    return isinstance(packet, p.Publish) and packet.topic.startswith("v1/devices/me/attributes/response/")


def json_in(packet: Packet) -> Any:
    """The JSON of a PUBLISH."""
    assert isinstance(packet, p.Publish)
    return json.loads(packet.payload)
