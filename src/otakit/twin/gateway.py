"""A gateway's connection: other devices speak through it under ``v1/gateway/…``.

Knows `AbstractGatewaySessionHandler` in its JSON form: devices made when they are first named, subscribed
to attribute updates at once, one PUBACK for all devices of a message. There is no firmware here: a chunk
request on a gateway's connection means the gateway's own package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from otakit.errors import ServerRefused
from otakit.protocol.packets import Publish
from otakit.twin.chunks import UnreadableNumber, java_int
from otakit.twin.line import Line, Pool, json_bytes
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device
from otakit.twin.rules.store import refused
from otakit.twin.rules.telemetry import MILLISECOND, TimestampError, points_of
from otakit.twin.rules.values import FormatError, parse, stored_members
from otakit.twin.sessions import Session
from otakit.twin.topics import GATEWAY

UPDATES, ANSWERS = GATEWAY + "attributes", GATEWAY + "attributes/response"
UNKNOWN_TOPIC, FAULTY, UNSPECIFIED, QUOTA = 0x90, 0x83, 0x80, 0x97
"""Reason codes of MQTT 5's PUBACK, the second one of DISCONNECT too."""


class GatewayFault(Exception):
    """ThingsBoard's code stumbles over the payload: PUBACK 0x83 and the end of the connection."""


class GatewayQuota(Exception):
    """A rate limit refuses the message."""


class Child:
    """One device behind a gateway. See `sessions.Session`."""

    __slots__ = ("_desk", "_name", "active_at", "device_id", "hears_updates")

    def __init__(self, desk: GatewayDesk, name: str, now: int) -> None:
        self._desk, self._name = desk, name
        self.device_id: str | None = None
        self.active_at, self.hears_updates = now, True

    @property
    def outlet(self) -> object:
        """The gateway's connection."""
        return self._desk.session.outlet

    def tell(self, body: dict[str, object]) -> None:
        """Sends an attribute update."""
        self._desk.publish(UPDATES, {"device": self._name, "data": body}, Pool.UPDATE)

    def end(self, _reason_code: int) -> None:
        """The gateway's connection stays; its next message about the device brings it back."""
        self._desk.forget(self._name)


class GatewayDesk:
    """The devices behind one gateway.

    Args:
        model: the server behind it.
        line: the gateway's.
        session: the gateway's own.
    """

    __slots__ = ("_children", "_line", "_model", "session")

    def __init__(self, model: Model, line: Line, session: Session) -> None:
        self._model, self._line, self.session = model, line, session
        self._children: dict[str, Child] = {}

    def hears(self, packet: Publish, now: int) -> None:
        """Does what a publish under ``v1/gateway/`` asks for.

        Raises:
            FormatError: it is no JSON, or what is said of a device cannot be read.
        """
        action = ACTIONS.get(packet.topic)
        if action is not None and not self._model.topics_of(self.session.device_id or "").is_json:
            raise FormatError("Protobuf is not spoken")
        try:
            if action is None:
                self._line.ack(packet.packet_id, UNKNOWN_TOPIC)
            else:
                action(self, packet, parse(packet.payload), now)
        except GatewayFault:
            self._line.ack(packet.packet_id, FAULTY)
            self._line.close(FAULTY)
        except GatewayQuota:
            self._line.ack(packet.packet_id, QUOTA)
            self._line.close()
        except ServerRefused:  # the device cannot be had
            self._line.ack(packet.packet_id, UNSPECIFIED)

    def forget(self, name: str) -> None:
        """A device is no longer behind the gateway."""
        self._children.pop(name, None)

    def lost(self) -> None:
        """The gateway's connection is gone, and its devices with it."""
        for child in list(self._children.values()):
            self._model.sessions.gone(child)
        self._children.clear()

    def publish(self, topic: str, body: dict[str, object], pooled: Pool) -> None:
        """Sends something about a device."""
        self._line.publish(topic, json_bytes(body), topic, pooled=pooled)

    def _connect(self, packet: Publish, body: object, now: int) -> None:
        members = _members(body)
        kind = members.get("type")
        self._child(_name(members), now, "default" if kind is None else _text(kind))
        self._line.ack(packet.packet_id)

    def _disconnect(self, packet: Publish, body: object, _now: int) -> None:
        child = self._children.pop(_name(_members(body)), None)
        if child is not None:
            self._model.sessions.gone(child)
        self._line.ack(packet.packet_id)

    def _telemetry(self, packet: Publish, body: object, now: int) -> None:
        for name, values in _each(body, list):
            child = self._child(name, now)
            try:
                points = points_of(values, now // MILLISECOND)
            except TimestampError as error:
                raise FormatError(str(error)) from error
            self._pay(child, now, sum(len(each) for _, each in points))
            self._model.hear_telemetry(child.device_id or "", points)
        self._line.ack(packet.packet_id)

    def _attributes(self, packet: Publish, body: object, now: int) -> None:
        for name, members in _each(body, dict):
            child, values = self._child(name, now), stored_members(members)
            self._pay(child, now, len(values))
            self._model.hear_attributes(child.device_id or "", values, now)
        self._line.ack(packet.packet_id)

    def _claim(self, packet: Publish, body: object, now: int) -> None:
        for name, _ in _each(body, dict):
            self._pay(self._child(name, now), now)
        self._line.ack(packet.packet_id)

    def _rpc(self, packet: Publish, body: object, now: int) -> None:
        """The answer to a call; nobody called."""
        members = _members(body)
        name, _ = _text(members.get("device")), _integer(members.get("id"))
        if "data" not in members:
            raise GatewayFault("data is missing")
        self._pay(self._child(name, now), now)
        self._line.ack(packet.packet_id)

    def _attributes_request(self, packet: Publish, body: object, now: int) -> None:
        members = _members(body)
        number, name = _integer(members.get("id")), _text(members.get("device"))
        of_client = _truth(members.get("client"))
        keys = [members["key"]] if "key" in members else members.get("keys")
        if not isinstance(keys, list):
            raise GatewayFault("keys are no array")
        wanted = list(dict.fromkeys(_text(key) for key in keys))
        child = self._child(name, now)
        self._pay(child, now)
        late = self._model.chance.coin()  # PUBACK and answer come in either order
        if not late:
            self._line.ack(packet.packet_id)
        if number >= 0 and "" not in wanted:
            self._answer(child, number, name, of_client=of_client, wanted=wanted)
        if late:
            self._line.ack(packet.packet_id)

    def _answer(self, child: Child, number: int, name: str, *, of_client: bool, wanted: list[str]) -> None:
        """One key asked for and found is a ``value``, several are ``values``."""
        memory = self._model.memory(child.device_id or "")
        if memory is None:
            return
        scope = memory.client if of_client else memory.shared
        found = {key: scope[key].value for key in self._model.chance.shuffled(wanted) if key in scope}
        body: dict[str, object] = {"id": number, "device": name}
        if len(wanted) == 1 and found:
            body["value"] = found[wanted[0]]
        elif found:
            body["values"] = found
        self.publish(ANSWERS, body, Pool.ANSWER)

    def _pay(self, child: Child, now: int, values: int = 0) -> None:
        device_id, gateway_id = child.device_id or "", self.session.device_id
        if not self._model.limits.allow(now, device_id, values, gateway_id=gateway_id):
            raise GatewayQuota
        child.active_at = now

    def _child(self, name: str, now: int, kind: str = "default") -> Child:
        """The device of that name, made when there is none."""
        if not name:
            raise GatewayFault("the name of the device is empty")
        if name in self._children:
            return self._children[name]
        gateway_id = self.session.device_id or ""
        if not self._model.limits.allow(now, "", gateway_id=gateway_id):
            raise refused("rate limit of the gateway")
        if len(self._children) >= self._model.settings.remembered_keys:
            raise refused("the twin holds no more devices behind one gateway")
        device = self._device(name, kind, gateway_id, now)
        child = self._children[name] = Child(self, name, now)
        if self._model.limits.allow(now, device.id, gateway_id=gateway_id):
            self._model.sessions.opened(device.id, child, now)
        child.device_id = device.id
        return child

    def _device(self, name: str, kind: str, gateway_id: str, now: int) -> Device:
        store = self._model.store
        device = store.device_named(name)
        draft = device or Device(name, profile_name=kind)
        info = draft.extra.get("additionalInfo")
        info = dict(info) if isinstance(info, Mapping) else {}
        if device is not None and info.get("lastConnectedGateway") == gateway_id:
            return device
        info["lastConnectedGateway"] = gateway_id
        return self._model.save_device(_with_info(draft, info), now)


ACTIONS = {
    GATEWAY + "connect": GatewayDesk._connect,  # noqa: SLF001 - the table of the class's own actions
    GATEWAY + "disconnect": GatewayDesk._disconnect,  # noqa: SLF001
    GATEWAY + "telemetry": GatewayDesk._telemetry,  # noqa: SLF001
    GATEWAY + "attributes": GatewayDesk._attributes,  # noqa: SLF001
    GATEWAY + "attributes/request": GatewayDesk._attributes_request,  # noqa: SLF001
    GATEWAY + "rpc": GatewayDesk._rpc,  # noqa: SLF001
    GATEWAY + "claim": GatewayDesk._claim,  # noqa: SLF001
}


def _members(body: object) -> dict[str, object]:
    if not isinstance(body, dict):
        raise GatewayFault("a JSON object is expected")
    return body


def _each(body: object, kind: type) -> list[tuple[str, object]]:
    """The devices of a message with what is said of each; what is not of that kind is left out."""
    found = [(name, value) for name, value in _members(body).items() if isinstance(value, kind)]
    if not found:
        raise GatewayFault("the message names no device")
    return found


def _name(members: Mapping[str, object]) -> str:
    return _text(members.get("device"))


def _text(value: object) -> str:
    """Gson's `getAsString`."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise GatewayFault("a text is expected")
    return str(value)


def _integer(value: object) -> int:
    """Gson's `getAsInt`."""
    try:
        return java_int(_text(value))
    except UnreadableNumber as error:
        raise GatewayFault("a whole number is expected") from error


def _truth(value: object) -> bool:
    """Gson's `getAsBoolean`."""
    if value is None or isinstance(value, dict | list):
        raise GatewayFault("client is neither true nor false")
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _with_info(draft: Device, info: dict[str, object]) -> Device:
    """As stored now, whatever version: the save is the server's own."""
    return replace(draft, version=None, extra={**draft.extra, "additionalInfo": info})
