"""What a scenario is played on: a server, an operator's door, devices' connections, and time.

A scenario is a function of a `Stage` and uses nothing else, so that the same sentences hold for a
conversation in virtual time (`memory`), for the twin's sockets (`sockets`) and for a ThingsBoard elsewhere
(`remote`). Knows what the three have in common; refuses to know which one it is.
"""

from __future__ import annotations

import json as json_text
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Self, TypeVar

import httpx

from otakit.captured import Watcher
from otakit.conformance.channel import Channel
from otakit.conformance.connection import PATIENCE_S, SECOND, Said
from otakit.conformance.fixture import Fixture
from otakit.conformance.peer import Peer
from otakit.conformance.transcript import Called, Event, Transcript
from otakit.errors import OtakitError, TransportError
from otakit.protocol.packets import Version
from otakit.thingsboard.calls import Calls

Found = TypeVar("Found")


class NotApplicable(OtakitError):
    """A scenario cannot be played on this server; the text names the setting that it would need."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer.

    Attributes:
        body: the JSON; the text where it is none; None where there is nothing.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(repr=False)
    raw: bytes = field(repr=False)

    @classmethod
    def of(cls, answer: httpx.Response) -> Answer:
        """What httpx got."""
        body: Any = None
        if answer.content:
            try:
                body = json_text.loads(answer.content)
            except ValueError:  # bytes of an image, or a plain text
                body = answer.content.decode(errors="replace") if len(answer.content) < 4096 else None
        return cls(answer.status_code, body, answer.headers, answer.content)


class Stage(ABC):
    """A server for one scenario.

    Attributes:
        version: of MQTT.
        label: which server this is, for people.
        server_version: ThingsBoard's version, such as ``4.3.1.3``; None when it does not say.
        watchers: hear every packet of every peer connected from now on.
        peers: in the order of their connections.
        events: everything that passed so far.
        names: names and tokens of this run, and the word of section 19 for each.
    """

    label = ""
    server_version: str | None = None

    def __init__(self, version: Version) -> None:
        self.version = version
        self.watchers: list[Watcher] = []
        self.peers: list[Peer] = []
        self.events: list[Event] = []
        self.names: dict[str, str] = {}
        self._fixture: Fixture | None = None
        self._names = count(1)

    @property
    def is_five(self) -> bool:
        """Whether its peers speak MQTT 5."""
        return self.version is Version.MQTT_5

    # what differs from stage to stage

    @abstractmethod
    def needs(self, **knobs: object) -> None:
        """Says how the server must be configured (`TwinSettings`); the first line of a scenario.

        Raises:
            NotApplicable: this server is configured otherwise; the text names ThingsBoard's own setting.
        """

    @abstractmethod
    def now(self) -> int:
        """Nanoseconds since the epoch; a foreign server's clock may differ by some."""

    @abstractmethod
    def passes(self, seconds: float) -> None:
        """Lets time pass, on a foreign server really."""

    @abstractmethod
    def can_pass(self, seconds: float) -> bool:
        """Whether so much time can pass without a wait that nobody would bear."""

    @abstractmethod
    def unique(self, name: str) -> str:
        """The name, made unique where others use the server too."""

    @abstractmethod
    def close(self) -> None:
        """Ends everything, and removes what was made; safe to call twice."""

    @property
    @abstractmethod
    def _calls(self) -> Calls: ...

    @abstractmethod
    def _channel(self) -> Channel: ...

    @abstractmethod
    def _idle(self) -> None:
        """Waits a moment between two looks."""

    def remembers(self, what: str, identifier: str) -> None:
        """Notes an entity that the server made on its own, to be removed in the end.

        Args:
            what: ``device``, ``deviceProfile`` or ``otaPackage``.
            identifier: its UUID.
        """
        del what, identifier  # a server of our own forgets everything anyway

    # what all have

    def fixture(self) -> Fixture:
        """Section 19's profile, device and packages, each made when it is asked for."""
        if self._fixture is None:
            self._fixture = Fixture(self)
        return self._fixture

    def rest(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str | int] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        login: bool = True,
    ) -> Answer:
        """One call at the operator's door, whatever the answer is.

        Raises:
            TransportError: there is none.
        """
        sent = {**(self._calls.login() if login else {}), **(headers or {})}
        options: dict[str, Any] = {"params": params, "files": files, "content": content, "headers": sent}
        if json is not None:
            options["json"] = json
        try:
            answer = self._calls.http.request(method, path, **options)
        except httpx.HTTPError as error:  # its text and the path may hold a token
            raise TransportError(f"{self.label}: no HTTP answer ({type(error).__name__})") from None
        target, kind = answer.request.url.raw_path.decode(), answer.headers.get("content-type", "")
        self.events.append(Called(self.now(), method, target, answer.status_code, answer.content, kind))
        return Answer.of(answer)

    def http(self, method: str, path: str, **options: Any) -> Answer:
        """One call at the devices' HTTP door, which needs no login."""
        return self.rest(method, path, login=False, **options)

    def stranger(self) -> Peer:
        """A connection that has said nothing yet."""
        number = len(self.peers)
        peer = Peer(self._channel(), self, self.version, number=number, events=self.events, watchers=self.watchers)
        self.peers.append(peer)
        return peer

    def connect(
        self,
        token: str | None = None,
        *,
        user_name: str | None = None,
        password: bytes | None = None,
        client_id: str | None = None,
        clean_start: bool = True,
        keep_alive: int = 60,
    ) -> Peer:
        """A connection that has sent CONNECT and heard the answer (`Peer.connack`)."""
        peer = self.stranger()
        peer.connects(
            token,
            user_name=user_name,
            password=password,
            client_id=f"otakit-{next(self._names)}" if client_id is None else client_id,
            clean_start=clean_start,
            keep_alive_s=keep_alive,
        )
        return peer

    def device(self, token: str | None = None, *, listens: bool = False) -> Peer:
        """An accepted connection, the fixture's device without a token; `listens` to attribute updates if asked."""
        peer = self.connect(self.fixture().token if token is None else token)
        assert peer.connack is not None, "CONNACK expected"
        assert peer.connack.reason_code == 0, f"CONNACK 0 expected, not {peer.connack.reason_code}"
        if listens:
            peer.listens()
        return peer

    def until(self, look: Callable[[], Found], what: str, within_s: float = PATIENCE_S) -> Found:
        """Looks again and again until something is found.

        Raises:
            AssertionError: it was not found in time.
        """
        end = self.now() + round(within_s * SECOND)
        while not (found := look()):
            assert self.now() < end, f"expected within {within_s} s: {what}"
            self._idle()
        return found

    def transcripts(self) -> list[list[Said]]:
        """What every peer said and heard, in the order of their connections."""
        return [peer.transcript for peer in self.peers]

    def transcript(self) -> Transcript:
        """Everything that passed, HTTP calls and closed connections included."""
        return Transcript(tuple(self.events), dict(self.names))

    def __enter__(self) -> Self:
        """The stage itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()
