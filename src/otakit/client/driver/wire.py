"""One connection by paho-mqtt: actions become packets, packets become events.

One paho client for one connection and never its `reconnect()`: it would send an unacknowledged QoS 1
request again for ever, and ThingsBoard never acknowledges a failing one. Decides nothing; what goes wrong
becomes `Refused` or `ConnectionLost` with a reason a person can act on.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from otakit.client.credentials import Credentials
from otakit.client.driver.tap import Seen, Tap, connected
from otakit.client.driver.trouble import cannot_connect, connack_code, no_mqtt, paho_left, refusal, server_left
from otakit.client.events import Acknowledged, ConnectionLost, Opened, Refused, Subscribed
from otakit.client.settings import Settings
from otakit.client.vocabulary import Event, Send, Subscribe
from otakit.protocol.messages import Direction, message_of
from otakit.protocol.packets import Version
from otakit.reasons import BUSY_CODES

PROTOCOLS = {Version.MQTT_3_1_1: paho.MQTTv311, Version.MQTT_5: paho.MQTTv5}
MOST_AT_ONCE = 4
"""Packets read before they are heard and answered: the server shall not run dry meanwhile."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where and as whom to connect."""

    host: str
    port: int
    credentials: Credentials
    tls: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        """Without the credentials."""
        return f"Server({self.host!r}, {self.port}, tls={self.tls is not None})"


class _Paho(paho.Client):
    """paho's client on a `Tap`: the one private method that is overridden (unchanged from 2.0 to 2.2)."""

    def __init__(self, tapped: Callable[[], Tap], settings: Settings, client_id: str) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=PROTOCOLS[settings.version],
            clean_session=None if settings.version is Version.MQTT_5 else True,
            reconnect_on_failure=False,
        )
        self._tapped = tapped

    def _create_socket(self) -> Any:
        return self._tapped()

    def ping(self) -> None:
        """Sends PINGREQ now: chunk traffic is no activity for ThingsBoard, so paho's own rule is not enough."""
        self._send_pingreq()


class Wire:
    """One connection, from CONNECT to its end.

    Args:
        server: where to.
        settings: version, keep alive, deadline.
        seen: hears each packet; None when nobody watches.
        opened: called with the tap as soon as there is a socket, before the first packet.
    """

    def __init__(self, server: Server, settings: Settings, seen: Seen | None, opened: Callable[[Tap], None]) -> None:
        self._server, self._settings, self._seen, self._opened = server, settings, seen, opened
        self._heard: list[Any] = []
        self._tokens: dict[int, int] = {}
        self._accepted = self.over = False
        self.tap: Tap | None = None
        self._paho = self._client()

    def _client(self) -> _Paho:
        shown = self._server.credentials
        client = _Paho(self._tap, self._settings, shown.client_id)
        if shown.user_name is not None:
            client.username_pw_set(shown.user_name, shown.password)
        client.max_inflight_messages_set(0)  # the window is ours, not paho's
        # with this set paho does not write from within publish(): a turn's packets go out together
        client.on_socket_register_write = lambda *_: None
        client.on_connect = lambda _c, _u, _f, reason, _p: self._connected(failed=reason.is_failure)
        client.on_disconnect = lambda _c, _u, flags, reason, _p: self._disconnected(flags, reason)
        client.on_message = lambda _c, _u, message: self._heard.append(message)
        client.on_subscribe = lambda _c, _u, _mid, codes, _p: self._heard.append(
            Subscribed(tuple(code.value for code in codes))
        )
        return client

    def _tap(self) -> Tap:
        sock = connected(self._server.host, self._server.port, self._server.tls, self._settings.connect_deadline_s)
        self.tap = Tap(sock, self._seen)
        self._opened(self.tap)
        return self.tap

    # what goes out

    def connect(self) -> list[Event]:
        """Opens the connection and sends CONNECT; waits for TCP and TLS at most the deadline for it."""
        try:
            self._paho.connect(self._server.host, self._server.port, keepalive=self._settings.keep_alive_s)
        except (OSError, ValueError) as error:
            self.over = True
            if self.tap is not None:
                self.tap.close()
            return [ConnectionLost(cannot_connect(self._server.host, self._server.port, error, self._settings))]
        return self.flush()

    def send(self, action: Send) -> None:
        """A PUBLISH; its packet id is remembered for the acknowledgement."""
        message = action.message
        told = self._paho.publish(message.topic, message.payload, qos=action.qos)
        if action.qos:
            self._tokens[told.mid] = action.token

    def subscribe(self, action: Subscribe) -> None:
        """One SUBSCRIBE."""
        if self._settings.version is Version.MQTT_5:
            self._paho.subscribe([(name, SubscribeOptions(qos=qos)) for name, qos in action.filters])
        else:
            self._paho.subscribe(list(action.filters))

    def ping(self) -> list[Event]:
        """A sign of life."""
        if self._accepted and not self.over:
            self._paho.ping()
        return self.flush()

    def flush(self) -> list[Event]:
        """Lets out what was asked for."""
        if self.over:
            return []
        self._paho.loop_write()
        try:
            if self.tap is not None:
                self.tap.flush()
        except OSError as error:
            self._lose(server_left(error))
        return self._events()

    def close(self, *, orderly: bool) -> None:
        """Ends the connection, after DISCONNECT when it is orderly; nothing is heard of it any more."""
        if self.over:
            return
        self.over = True
        if orderly and self._accepted:
            with contextlib.suppress(OSError):
                self._paho.disconnect()
                self._paho.loop_write()
        if self.tap is not None:
            self.tap.close()

    # what comes in

    def read(self) -> list[Event]:
        """What came, at most `MOST_AT_ONCE` packets of it."""
        for _ in range(MOST_AT_ONCE):
            if self.over or self.tap is None:
                break
            try:
                # only here: at QoS 0 paho calls it for each packet written, which costs a fifth of the time
                self._paho.on_publish = self._published
                self._paho.loop_read()
            except Exception as error:  # noqa: BLE001 - paho raises many kinds for bytes that are no MQTT
                self._lose(no_mqtt(error))
            finally:
                self._paho.on_publish = None
            if not self.tap.pending():
                break
        return self._events()

    def look_after(self) -> list[Event]:
        """Lets paho see whether PINGRESP stayed away."""
        if not self.over:
            self._paho.loop_misc()
        return self._events()

    @property
    def pending(self) -> bool:
        """Whether there is something to read without waiting."""
        return not self.over and self.tap is not None and self.tap.pending() > 0

    def _events(self) -> list[Event]:
        heard, self._heard = self._heard, []
        return [event for item in heard if (event := _event(item)) is not None]

    def _connected(self, *, failed: bool) -> None:
        if not failed:
            self._accepted = True
            self._heard.append(Opened())

    def _disconnected(self, flags: Any, reason: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._lose(server_left(None, reason.value))
        elif not self.over:
            self._lose(paho_left(reason.value, self._settings.keep_alive_s))

    def _lose(self, reason: str) -> None:
        """The connection is gone; before CONNACK the first bytes tell more than paho does."""
        if self.over:
            return
        self.over = True
        head = self.tap.head if self.tap is not None else b""
        if not self._accepted:
            code = connack_code(head)
            reason = refusal(self._server.host, self._server.port, head, self._settings.version)
            self._heard.append(ConnectionLost(reason) if code in BUSY_CODES or code is None else Refused(reason))
        else:
            self._heard.append(ConnectionLost(reason))
        if self.tap is not None:
            self.tap.close()

    def _published(self, _client: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        token = self._tokens.pop(mid, None)
        if token is not None:
            self._heard.append(Acknowledged(token, reason.value))


def _event(item: Any) -> Event | None:
    if not isinstance(item, paho.MQTTMessage):
        return item  # type: ignore[no-any-return]  # an event already
    try:
        topic = item.topic
    except UnicodeDecodeError:
        return None  # a topic that is no text is no topic of ours
    return message_of(topic, bytes(item.payload), Direction.TO_DEVICE)
