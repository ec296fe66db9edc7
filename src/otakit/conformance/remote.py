"""A stage on a ThingsBoard that somebody else runs: unique names, real waits, nothing left behind.

It is not configured for a scenario, so one that needs other settings is not applicable; what must come is
awaited up to a deadline. Everything made is noted and removed again, also after a failure. The password
and the tokens stay inside `thingsboard.calls`.
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial

from otakit.captured import Address
from otakit.conformance.channel import Channel
from otakit.conformance.stage import Answer, NotApplicable, Stage
from otakit.conformance.tcp import TcpChannel
from otakit.errors import OtakitError
from otakit.protocol.packets import Version
from otakit.settings import mqtt_address
from otakit.thingsboard import Operator
from otakit.twin.settings import KNOBS, TwinSettings

PREFIX = "otakit-check-"
"""What the names of all that is made begin with: a run that was killed is known by it (`leftovers`)."""
LOOK_EVERY_S = 0.1
MOST_WAITED_S = 60.0
MAKERS = {
    "/api/device": "device",
    "/api/device-with-credentials": "device",
    "/api/deviceProfile": "deviceProfile",
    "/api/otaPackage": "otaPackage",
}
"""A POST that makes an entity, and what it is deleted as."""
REMOVAL = ("device", "otaPackage", "deviceProfile")
"""In this order: nothing that is still in use can be deleted. A profile would take its packages with it, but
only a package that is deleted by itself leaves the cache of ten, where the next scenario's needs room."""


class RemoteStage(Stage):
    """A server that is there already.

    Args:
        url: its HTTP address.
        mqtt: its MQTT address; port 1883 of the same host without.
        user: the tenant administrator who logs in.
        password: that user's password.
        version: of MQTT.
        configured: knobs (`TwinSettings`) in which this server differs from ThingsBoard's own values.

    Raises:
        TransportError: nobody answers there.
        ServerRefused: the login is wrong.
    """

    def __init__(
        self,
        url: str,
        mqtt: str | None,
        user: str,
        password: str,
        version: Version = Version.MQTT_3_1_1,
        *,
        configured: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(version)
        self._operator = Operator(url, user, password)
        host, port, wants_tls = mqtt_address(mqtt or self._operator.http.base_url.host)
        self._mqtt: Address = (host, port)
        self._tls = ssl.create_default_context() if wants_tls else None
        self._configured = {**asdict(TwinSettings()), **(configured or {})}
        self._own = secrets.token_hex(4)
        self._made: dict[str, str] = {}
        self._channels: list[TcpChannel] = []
        self._operator.login()
        self.server_version = self._operator.version()
        self.label = f"ThingsBoard {self.server_version or '(version unknown)'} at {self._operator.url}"

    def needs(self, **knobs: object) -> None:
        """Looks whether this server is configured so.

        Raises:
            NotApplicable: it is not; the text names ThingsBoard's own setting.
        """
        wanted = [
            f"{KNOBS.get(name) or name} for {name} = {value} (it has {self._configured[name]})"
            for name, value in knobs.items()
            if self._configured[name] != value
        ]
        if wanted:
            raise NotApplicable(f"{self.label} would need {', '.join(wanted)}")

    def now(self) -> int:
        """This machine's clock; the server's may differ by some."""
        return time.time_ns()

    def passes(self, seconds: float) -> None:
        """Waits.

        Raises:
            NotApplicable: longer than anybody would.
        """
        if not self.can_pass(seconds):
            raise NotApplicable(f"{self.label}: nobody waits {seconds:g} s")
        time.sleep(seconds)

    def can_pass(self, seconds: float) -> bool:
        """Up to a minute."""
        return seconds <= MOST_WAITED_S

    def unique(self, name: str) -> str:
        """The name with a beginning that nobody else has."""
        found = f"{PREFIX}{self._own}-{name}"
        self.names.setdefault(found, name)
        return found

    def rest(self, method: str, path: str, **options: object) -> Answer:
        """One call; what it makes is noted, to be removed in the end."""
        answer = super().rest(method, path, **options)  # type: ignore[arg-type]  # the same arguments
        if method == "POST" and answer.status == 200 and path in MAKERS and isinstance(answer.body, dict):
            self._made[answer.body["id"]["id"]] = MAKERS[path]
        return answer

    def remembers(self, what: str, identifier: str) -> None:
        """Notes an entity that the server made on its own, by provisioning."""
        self._made[identifier] = what

    def close(self) -> None:
        """Ends the connections and removes what was made.

        Raises:
            OtakitError: something could not be removed; the text names it.
        """
        for channel in self._channels:
            channel.drop()
        left = [text for identifier in self._of("deviceProfile") for text in self._tried(self._frees, identifier)]
        for what in REMOVAL:
            for identifier in self._of(what):
                left += self._tried(partial(self._operator.delete, what), identifier)
        self._made.clear()
        self._operator.close()
        if left:
            raise OtakitError(f"{self.label}: still there, delete by hand: {', '.join(left)}")

    def _of(self, what: str) -> list[str]:
        return [identifier for identifier, kind in self._made.items() if kind == what]

    def _frees(self, identifier: str) -> None:
        """A profile lets go of its packages: one that it names cannot be deleted."""
        found = self._operator.profile(identifier)
        if found.get("firmwareId") or found.get("softwareId"):
            self._operator.save_profile({**found, "firmwareId": None, "softwareId": None})

    def _tried(self, action: Callable[[str], object], identifier: str) -> list[str]:
        """Does it, whatever went wrong with others; what went wrong here, in words."""
        try:
            action(identifier)
        except OtakitError as error:
            return [f"{self._made[identifier]} {identifier} ({error})"]
        return []

    @property
    def _calls(self) -> Operator:
        return self._operator

    def _channel(self) -> Channel:
        self._channels.append(TcpChannel(self._mqtt, tls=self._tls))
        return self._channels[-1]

    def _idle(self) -> None:
        time.sleep(LOOK_EVERY_S)
