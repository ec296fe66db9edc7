"""The live view as one stream of server-sent events for each open page.

Carries what `view` and `sentences` make of the twin to any number of pages: at most five times a second,
only what changed, never more than a page has taken, a heartbeat where nothing happens. Hears packets
only while a page is open, and a while longer, so that a page loaded anew knows what the last one saw.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Protocol

from otakit.captured import Address, Watcher
from otakit.protocol.messages import Kind
from otakit.protocol.packets import Version
from otakit.twin.line import json_bytes
from otakit.twin.model import Model
from otakit.twin.page.ear import STRANGER, Ear
from otakit.twin.page.sentences import Json, rows_of
from otakit.twin.page.view import device_row

if TYPE_CHECKING:
    from otakit.twin.wire import Wire

TICK_S, HEARTBEAT_S, LINGER_S = 0.2, 10.0, 300.0
SHARE = 20
"""A look at all devices may take a twentieth of the time at most: the more there are, the rarer it is."""
MOST_PAGES = 64
PIECE = 100
"""Devices in one event: a page with thousands of them gets them in bites."""


class Served(Protocol):
    """What the page needs of the twin's server."""

    model: Model
    mqtt: Address
    mqtts: Address | None
    http: Address
    watchers: list[Watcher]

    @property
    def wires(self) -> list[Wire]:
        """The open connections."""

    def now(self) -> int:
        """Nanoseconds since the epoch."""


class Line:
    """One open connection, as `view` reads it."""

    def __init__(self, wire: Wire) -> None:
        self.peer, self.opened_ns, self._wire = wire.peer, wire.opened_ns, wire

    @property
    def version(self) -> Version:
        """Of MQTT."""
        return self._wire.conversation.version


class Feed:
    """All pages' view of one twin.

    Attributes:
        pages: how many are open.
    """

    def __init__(self, served: Served) -> None:
        self._served = served
        self._ear = self._new_ear()
        self.pages = 0
        self._closing = asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
        self._rows: dict[str, Json] = {}
        self._spoken: dict[str, tuple[object, list[Json]]] = {}
        self._looked_at, self._tick_s = 0.0, TICK_S
        self._catalogue: tuple[object, ...] = ()
        self._edition = 0

    @property
    def is_full(self) -> bool:
        """Whether one more page would be too many."""
        return self.pages >= MOST_PAGES

    def close(self) -> None:
        """Ends every stream, and hears no more."""
        self._closing.set()
        self._detach()

    async def events(self, device_id: str | None, life_s: float, about: Json) -> AsyncIterator[bytes]:
        """The stream of one page.

        Args:
            device_id: whose exchanges are shown; `STRANGER` for those that belong to no device, None for none.
            life_s: seconds until the page has to ask again, with a fresh token.
            about: what is said first.
        """
        self._come()
        try:
            yield _event("twin", about)
            async for piece in self._news(device_id, time.monotonic() + life_s):
                yield piece
        finally:
            self._go()

    async def _news(self, device_id: str | None, until: float) -> AsyncIterator[bytes]:
        told, said, edition = dict[str, Json](), dict[object, Json](), -1
        said_at, is_first = time.monotonic(), True
        while not self._closing.is_set() and time.monotonic() < until:
            self._look(at_once=is_first)
            news = [*self._devices(told, is_first=is_first)]
            if edition != self._edition:
                edition = self._edition
                news.append(_event("catalogue", {"edition": edition}))
            if device_id is not None:
                news += self._exchanges(device_id, said, is_first=is_first)
            is_first = False
            for piece in news:
                yield piece
            now = time.monotonic()
            if news:
                said_at = now
            elif now - said_at > HEARTBEAT_S:
                said_at = now
                yield b": still here\n\n"
            try:
                await asyncio.wait_for(self._closing.wait(), self._tick_s)
            except TimeoutError:
                continue

    # what changed since a page was told

    def _devices(self, told: dict[str, Json], *, is_first: bool) -> list[bytes]:
        changed = [row for key, row in self._rows.items() if told.get(key) != row]
        gone = [key for key in told if key not in self._rows]
        for key in gone:
            del told[key]
        for row in changed:
            told[str(row["id"])] = row
        if not changed and not gone and not is_first:
            return []
        pieces = [changed[at : at + PIECE] for at in range(0, len(changed), PIECE)] or [[]]
        first = {"all": is_first, "gone": gone, "devices": pieces[0]}
        rest = [{"all": False, "gone": [], "devices": piece} for piece in pieces[1:]]
        return [_event("devices", body) for body in (first, *rest)]

    def _exchanges(self, device_id: str, said: dict[object, Json], *, is_first: bool) -> list[bytes]:
        rows = self._rows_of(device_id)
        changed = [row for row in rows if said.get(row["n"]) != row]
        numbers = {row["n"] for row in rows}
        for number in [number for number in said if number not in numbers]:
            del said[number]
        said.update((row["n"], row) for row in changed)
        if not changed and not is_first:
            return []
        first = rows[0]["n"] if rows else 0
        return [_event("exchanges", {"device": device_id, "all": is_first, "first": first, "rows": changed})]

    def _rows_of(self, device_id: str) -> list[Json]:
        """The rows of a device, made once for all pages that show it."""
        heard = self._ear.of(device_id)
        if heard is None:
            return []
        numbers = frozenset(self._numbers())
        known = self._spoken.get(device_id)
        if known is None or known[0] != (heard, heard.revision, numbers):
            if len(self._spoken) > MOST_PAGES:
                self._spoken.clear()
            known = ((heard, heard.revision, numbers), rows_of(heard.entries(), numbers))
            self._spoken[device_id] = known
        return known[1]

    # one look at the twin, for all pages

    def _look(self, *, at_once: bool) -> None:
        began = time.monotonic()
        if not at_once and began - self._looked_at < self._tick_s * 0.9:
            return
        store, by_device = self._served.model.store, dict[str, list[Line]]()
        for wire in self._served.wires:
            owner = wire.conversation.device_id
            if owner is not None and not wire.talk.closing:
                by_device.setdefault(owner, []).append(Line(wire))
        self._rows = {
            key: device_row(store, device, by_device.get(key, ()), self._ear.of(key))
            for key, device in store.devices.items()
        }
        self._ear.forget(self._numbers(), self._rows)
        catalogue = (*store.profiles.values(), *store.packages.values())
        if catalogue != self._catalogue:
            self._catalogue, self._edition = catalogue, self._edition + 1
        self._looked_at = time.monotonic()
        self._tick_s = max(TICK_S, (self._looked_at - began) * SHARE)

    def _numbers(self) -> list[int]:
        found = (wire.number(self._ear) for wire in self._served.wires)
        return [number for number in found if number is not None]

    # when to listen

    def _come(self) -> None:
        self.pages += 1
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._ear not in self._served.watchers:
            self._served.watchers.append(self._ear)

    def _go(self) -> None:
        self.pages -= 1
        if not self.pages and not self._closing.is_set():
            self._linger = asyncio.get_running_loop().call_later(LINGER_S, self._detach)

    def _detach(self) -> None:
        """Nobody looks: packets pass unheard again, and what was heard is forgotten."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._ear in self._served.watchers:
            self._served.watchers.remove(self._ear)
        self._ear.forget((), ())  # open connections still know it by name
        self._ear = self._new_ear()
        self._spoken.clear()

    def _new_ear(self) -> Ear:
        return Ear(self._owner, self._effective, self._served.now)

    def _owner(self, number: int) -> str | None:
        for wire in reversed(self._served.wires):
            if wire.number(self._ear) == number:
                return wire.conversation.device_id
        return None

    def _effective(self, device_id: str, kind: Kind) -> str | None:
        store = self._served.model.store
        device = store.devices.get(device_id)
        return None if device is None else store.effective(device, kind)


def _event(name: str, body: Json) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), json_bytes(body))


__all__ = ["STRANGER", "Feed", "Served"]
