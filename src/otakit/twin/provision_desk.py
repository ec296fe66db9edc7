"""A provisioning connection: CONNECT with the name ``provision``, one request, one answer, the end.

Knows `MqttTransportHandler.processProvisionSessionMsg`; refuses to know who is provisioned and with what
(`rules.provisioning`). Such a connection is no session: nothing closes it for silence before it was answered.
"""

from __future__ import annotations

from otakit.protocol import packets as p
from otakit.protocol.packets import Packet
from otakit.twin.line import Line, json_bytes
from otakit.twin.model import Model
from otakit.twin.rules.provisioning import ProvisionRequestError
from otakit.twin.rules.values import FormatError, parse
from otakit.twin.settings import nanoseconds
from otakit.twin.topics import PROVISION_REQUEST, PROVISION_RESPONSE

NAME = "provision"
UNKNOWN_TOPIC, BAD_FORMAT, FAULTY = 0x90, 0x99, 0x83
REFUSED_FILTER = {False: 0x80, True: 0x8F}
"""SUBACK's code for a filter that is not granted, by whether the device speaks MQTT 5."""
NO_SUBSCRIPTION = 0x11


class ProvisionDesk:
    """Hears the packets of one provisioning connection.

    Args:
        model: the server behind it.
        line: where answers go.
        outlet: the connection, to be woken when its time is over.
    """

    __slots__ = ("_line", "_model", "_outlet")

    def __init__(self, model: Model, line: Line, outlet: object) -> None:
        self._model, self._line, self._outlet = model, line, outlet

    def hears(self, packet: Packet, now: int) -> None:
        """Acts on a packet; what only other connections have is heard without a word."""
        match packet:
            case p.Publish():
                self._publish(packet, now)
            case p.Subscribe():
                self._subscribe(packet)
            case p.Unsubscribe():
                codes = (0 if self._line.revoke(name) else NO_SUBSCRIPTION for name in packet.filters)
                self._line.send(p.UnsubAck(packet.packet_id, tuple(codes)))
            case p.PingReq():
                self._line.send(p.PingResp())
            case p.Disconnect():
                self._line.close(0)

    def _subscribe(self, packet: p.Subscribe) -> None:
        codes = []
        for name, options in packet.filters:
            granted = min(options & 3, 1)
            if name == PROVISION_RESPONSE and self._line.grant(name, granted):
                codes.append(granted)
            else:
                codes.append(REFUSED_FILTER[self._line.is_five])
        self._line.send(p.SubAck(packet.packet_id, tuple(codes)))

    def _publish(self, packet: p.Publish, now: int) -> None:
        if packet.topic != PROVISION_REQUEST:
            self._refuse(packet, UNKNOWN_TOPIC)
            return
        try:
            answer = self._model.provision(parse(packet.payload), now)
        except FormatError:
            if self._line.is_five and packet.packet_id:
                self._line.ack(packet.packet_id, BAD_FORMAT)
            else:
                self._line.close(BAD_FORMAT)
            return
        except ProvisionRequestError:
            self._refuse(packet, FAULTY)
            return
        self._line.ack(packet.packet_id)
        self._line.publish(PROVISION_RESPONSE, json_bytes(answer), PROVISION_RESPONSE)
        self._model.timers.at(now + nanoseconds(self._model.settings.provision_close_s), self._time_is_over)

    def _refuse(self, packet: p.Publish, code: int) -> None:
        self._line.ack(packet.packet_id, code)
        self._line.close(code)

    def _time_is_over(self, _now: int) -> None:
        """Without a word, in MQTT 5 too."""
        if not self._line.closing:
            self._line.close()
            self._model.sessions.wake_outlet(self._outlet)
