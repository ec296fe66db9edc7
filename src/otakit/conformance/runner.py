"""All scenarios on a server that somebody else runs and on a twin of our own, side by side, row by row.

Knows in which order things are played, on which two sides, and what must be tidied up whatever happens; refuses
to know what makes two transcripts the same (`compare`) and how a table looks (`table`). Both sides are played by
the same kind of stage at the same time, so that what they do differently is the servers' doing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from otakit.conformance import extras
from otakit.conformance.asked import SUITE, UPDATE, Asked
from otakit.conformance.judging import Played, Row, judged
from otakit.conformance.keeping import keep
from otakit.conformance.leftovers import leftovers, remove
from otakit.conformance.playing import DEADLINE_S, Playing, closed_quietly
from otakit.conformance.remote import PREFIX, RemoteStage
from otakit.conformance.scenarios import HOME, Scenario, scenarios
from otakit.conformance.stage import Stage
from otakit.conformance.transcript import Transcript
from otakit.errors import RemoteProtocolError, TransportError
from otakit.protocol.packets import Version
from otakit.servers import Server, ThingsBoard, Twin
from otakit.twin import TwinSettings
from otakit.twin.rest.login import PASSWORD, USER

LOOK_S = 0.2
_OWN = re.compile(re.escape(PREFIX) + "[0-9a-f]{8}-")
_VERSION = re.compile(r"\d+(\.\d+){1,3}")
Told = Callable[[str, int, int], None]
"""Hears what is played now, and how many of how many are done."""


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in at a server; in no repr."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two servers."""

    server: Server
    login: Login
    mqtt: str

    def stage(self, version: Version, knobs: dict[str, object]) -> Stage:
        """A stage on it, logged in."""
        return RemoteStage(self.server.url, self.mqtt, self.login.user, self.login.password, version, configured=knobs)


class Runner:
    """One run.

    Args:
        asked: what is to be played, and where.
        login: who logs in at the server.
        folder: of the scenarios.
        deadline_s: seconds a scenario may take.
        seed: of the twin beside it.

    Attributes:
        rows: what is done so far.
        knobs: how the server is taken to be configured; the twin beside it has the same.

    Raises:
        SettingsError: an address that cannot be understood, or a scenario that is not there.
        TransportError: nobody answers there.
        ServerRefused: the login is wrong.
    """

    def __init__(
        self, asked: Asked, login: Login, *, folder: Path = HOME, deadline_s: float = DEADLINE_S, seed: int = 1
    ) -> None:
        self._asked, self._deadline_s = asked, deadline_s
        self.rows: list[Row] = []
        self._playing: tuple[Playing, ...] = ()
        chosen = asked.numbers
        self._scenarios = [] if chosen == () else scenarios(folder, chosen or ())
        there = ThingsBoard(asked.server, asked.mqtt, login.user, login.password)
        try:
            self.knobs = {**_version_of(there), **dict(asked.knobs)}
            twin = Twin(seed=seed, settings=TwinSettings(**self.knobs))  # type: ignore[arg-type]  # checked in `asked`
        except BaseException:
            there.close()
            raise
        own = Login(USER, PASSWORD)
        self.server = Side(there, login, asked.mqtt or "{}:{}".format(*there.mqtt))
        self.twin = Side(twin, own, "{}:{}".format(*twin.mqtt))
        try:
            _check_mqtt(self.server)
        except BaseException:
            self.close()
            raise
        self.folder = Path(asked.out) / re.sub(r"[^\w.-]+", "-", there.url.partition("://")[2])

    def left_before(self) -> int:
        """How many things runs that were killed left on the server."""
        return len(leftovers(self.server.server.operator))

    def play(self, told: Told) -> Iterator[Row]:
        """Plays everything, one row after another."""
        steps = list(self._steps())
        for done, (words, step) in enumerate(steps):
            told(words, done, len(steps))
            row = step()
            self.rows.append(row)
            yield row

    def close(self) -> None:
        """Breaks off what is under way, removes what was made, and ends the twin; safe to call twice."""
        playing, self._playing = self._playing, ()
        for each in playing:
            closed_quietly(each)
        for each in playing[:1]:
            self._sweep(each.transcript)
        for side in (self.server, self.twin):
            side.server.close()

    def _steps(self) -> Iterator[tuple[str, Callable[[], Row]]]:
        for scenario in self._scenarios:
            for version in self._asked.versions:
                words = f"{scenario.number} in MQTT {version.label}: {scenario.sentence}"
                yield words, partial(self._scenario, scenario, version)
        if SUITE in self._asked.extras:
            for name, call in extras.suite():
                yield f"{SUITE}: {name}", partial(self._call, name, call)
        if UPDATE in self._asked.extras:
            for version in self._asked.versions:
                yield f"{UPDATE} in MQTT {version.label}", partial(self._update, version)

    def _scenario(self, scenario: Scenario, version: Version) -> Row:
        sides = (self.server, self.twin)
        self._playing = tuple(Playing(scenario.play, partial(side.stage, version, self.knobs)) for side in sides)
        while not all(playing.wait(LOOK_S) for playing in self._playing):
            if self._playing[0].age_s > self._deadline_s:
                break
        server, twin = (playing.played(self._deadline_s) for playing in self._playing)
        if any(playing.was_broken_off for playing in self._playing):
            self._sweep(server.transcript)
        self._playing = ()
        row = judged(str(scenario.number), scenario.sentence, version, server, twin)
        return self._recorded(row, f"{scenario.name.removeprefix('test_')}-mqtt-{version.label}", server, twin)

    def _recorded(self, row: Row, name: str, server: Played, twin: Played) -> Row:
        """The row with both recordings; a scenario without packets has none."""
        paths = []
        for word, side, played in (("server", self.server, server), ("twin", self.twin, twin)):
            if played.transcript.events:
                path = f"recordings/{name}.{word}.pcapng"
                notes = {"scenario": row.name, "side": word, "server": side.server.label}
                keep(played.transcript, self.folder / path, side.server.mqtt, notes)
                paths.append(path)
        return row.recorded(*paths)

    def _call(self, name: str, call: extras.Call) -> Row:
        server, twin = (extras.called(side.server, call) for side in (self.server, self.twin))
        return judged(SUITE, name, None, server, twin)

    def _update(self, version: Version) -> Row:
        name = f"whole-update-mqtt-{version.label}"
        paths = [f"recordings/{name}.{word}.pcapng" for word in ("server", "twin")]
        server, twin = (
            extras.updated(side.server, version, self.folder / path)
            for side, path in zip((self.server, self.twin), paths, strict=True)
        )
        row = judged(UPDATE, extras.WHOLE_UPDATE, version, server, twin)
        return row.recorded(*(path for path in paths if (self.folder / path).is_file()))

    def _sweep(self, transcript: Transcript) -> None:
        """Removes what a scenario that was broken off had still made while its stage was closed."""
        operator = self.server.server.operator
        for own in {found[0] for name in transcript.names if (found := _OWN.match(name))}:
            remove(operator, leftovers(operator, own))


def _check_mqtt(side: Side) -> None:
    """A stranger's CONNECT is answered, whatever the answer is.

    Raises:
        TransportError: nobody answers there, or not as MQTT.
    """
    with side.stage(Version.MQTT_3_1_1, {}) as stage:
        try:
            is_answered = stage.connect(f"{PREFIX}nobody").connack is not None
        except RemoteProtocolError:
            is_answered = False
    if not is_answered:
        raise TransportError(f"MQTT at {side.mqtt}: what answers there is no MQTT server; give MQTT=host:port")


def _version_of(server: ThingsBoard) -> dict[str, object]:
    """The version that the twin has to be, as far as the server says it."""
    found = _VERSION.match(server.operator.version() or "")
    return {"version": found[0]} if found else {}
