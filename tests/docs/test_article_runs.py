"""The recordings behind the article are what their stories give, in memory and over TCP."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from otakit.article.by_hand import BY_HAND, Hand, entries_of
from otakit.article.stories import STORIES, Story, device, token_of
from otakit.captured import Address, CapturedPacket, Entry, OpenedConnection
from otakit.client.disk import TwoSlotDevice
from otakit.client.driver import Client
from otakit.conformance.sockets import SocketStage
from otakit.exchange.decoded import Decoder
from otakit.protocol import packets as p
from otakit.protocol.messages import Direction, row_of
from otakit.protocol.mqtt import decode
from otakit.record.reader import Reader
from otakit.servers import Twin
from otakit.session import Session
from otakit.trial.together import Act
from otakit.twin.model import Model

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "docs" / "runs"
PATIENCE_S = 20
Said = dict[tuple[str, int, str, str], list[str]]
"""What was said, for each device, each of its connections and each direction."""


def said(entries: Iterable[Entry], *, by_kind: bool = False) -> Said:
    """The messages of a recording; acknowledgements and signs of life are left out, and so are times.

    Args:
        entries: of the recording.
        by_kind: firmware and software for themselves: nobody says in which order they interleave.
    """
    told, decoder = defaultdict[tuple[str, int, str, str], list[str]](list), Decoder()
    place: dict[int, tuple[str, int]] = {}
    for entry in entries:
        if isinstance(entry, OpenedConnection):
            host = entry.client[0]  # a reader gives an opened connection twice
            place.setdefault(entry.number, (host, sum(one[0] == host for one in place.values())))
        elif isinstance(entry, CapturedPacket):
            packet = decoder.decode(entry)
            if packet.message not in (None, "PubAck", "PingReq", "PingResp"):
                lane = packet.kind or "" if by_kind else ""
                told[*place[entry.connection], entry.direction.value, lane].append(" ".join(_words(packet)))
    return dict(told)


def _words(packet: Any) -> Iterable[str]:
    yield packet.message
    yield from (part for part in (packet.topic, packet.reason) if part)
    if packet.message == "ChunkResponse":
        yield f"{packet.payload_bytes} bytes {packet.payload_head[:32]!r}"
    elif packet.text is not None:
        yield packet.text if packet.message != "Telemetry" else _without_time(packet.text)


def _without_time(text: str) -> str:
    body = json.loads(text)
    return json.dumps(body.get("values", body))


def recorded(name: str) -> list[Entry]:
    return list(Reader(RUNS / f"{name}.pcapng").stream())


# the recordings


def test_recordings_are_made_anew_byte_for_byte() -> None:
    """In another process, under another hash seed: nothing in them depends on this machine or this process."""
    command = [sys.executable, str(ROOT / "docs" / "make_runs.py"), "--check"]
    seed = {"PYTHONHASHSEED": str(random.randrange(1, 1000)), "PATH": ""}  # whichever it is
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=seed, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted(RUNS.glob("*.pcapng")), ids=lambda path: path.stem)
def test_recording_is_small_and_holds_no_token(path: Path) -> None:
    """Masked, as every recording; of an image only the heads of its chunks are kept."""
    content = path.read_bytes()
    assert len(content) < 90_000
    assert b"TOKEN-OF" not in content
    assert Reader(path).cut != "damaged"


FOLLOWS = {
    "whole-update": ("assigned-while-away", "assigned-while-connected"),
    "request-firmware-attributes": ("assigned-while-away",),
    "subscribe-firmware-attributes-updates": ("assigned-while-connected", "unassigned-in-mid-download"),
    "request-firmware-chunks": ("assigned-while-away", "early-empty-chunk", "checksum-differs"),
    "report-firmware-status": ("assigned-while-away", "checksum-differs"),
    "update-software": ("software-beside-firmware",),
    "device-overrides-profile": ("device-overrides-profile",),
}


@pytest.mark.parametrize(("diagram", "run"), [(diagram, run) for diagram, runs in FOLLOWS.items() for run in runs])
def test_recording_follows_the_diagram_beside_which_it_is_shown(diagram: str, run: str) -> None:
    """What the article draws and what it cuts its examples out of are the same story."""
    verdict = Session(RUNS / f"{run}.pcapng").follows(diagram)
    assert verdict, str(verdict)


# the same over TCP


class Tap:
    """A watcher that keeps every packet, and lets the operator act when all devices have heard enough."""

    def __init__(self, host: str, version: p.Version, operator: Operator) -> None:
        self.entries: list[Entry] = []
        self.seen = defaultdict[str, int](int)
        self._host, self._version, self._operator = host, version, operator
        self._connections = 0

    def connection(self, client: Address, server: Address) -> int:
        self._connections += 1
        self.entries.append(OpenedConnection(self._connections - 1, (self._host, client[1]), server))
        return self._connections - 1

    def packet(self, connection: int, direction: Direction, raw: bytes, at_ns: int | None = None) -> int:
        self.entries.append(CapturedPacket(len(self.entries), at_ns or 0, connection, direction, raw, len(raw)))
        self.seen[row_of(decode(raw, self._version), direction).name] += 1
        self._operator.look()
        return len(self.entries)

    def note(self, name: str, fields: Any, **_: Any) -> None:
        """What the client notes is its own affair."""


class Operator:
    """Acts on the twin as soon as every tap has seen what an act waits for."""

    def __init__(self, twin: Twin) -> None:
        self._twin, self._lock = twin, threading.Lock()
        self.taps: list[Tap] = []
        self.acts: list[Act] = []

    def begins(self, acts: Iterable[Act]) -> None:
        self.acts = list(acts)
        for tap in self.taps:
            tap.seen.clear()

    def look(self) -> None:
        with self._lock:
            while self.acts and all(tap.seen[self.acts[0].row] >= self.acts[0].nth for tap in self.taps):
                act = self.acts.pop(0)
                self._twin.ask(partial(_done, act))


def _done(act: Act, model: Model) -> object:
    return act.do(model, time.time_ns())


def dispatched(twin: Twin, story: Story) -> bool:
    """Whether nothing waits for the dispatcher."""

    def latest(model: Any) -> list[str]:
        memories = [model.memory(device(model, name).id) for name in story.runs]
        rows = [memory.telemetry.between(key, 0, 1 << 62, ascending=True) for memory in memories
                for key in ("fw_state", "sw_state")]  # fmt: skip
        return [row[-1][1] for row in rows if row]

    return "QUEUED" not in twin.ask(latest)


def played_over_tcp(story: Story, folder: Path) -> Said:
    """The story once more: paho-mqtt on one side, the served twin on the other, a relayed link between."""
    settings = replace(story.settings, **story.over_tcp)  # type: ignore[arg-type]  # names of settings
    twin_settings = replace(story.twin, dispatch_spacing_s=0.1)  # nobody waits for the pace here
    with Twin(seed=7, settings=twin_settings, link=story.link) as twin:
        twin.ask(lambda model: story.prepare(model, time.time_ns()))
        end = time.monotonic() + PATIENCE_S
        while not dispatched(twin, story):
            assert time.monotonic() < end, "nothing was dispatched"
        operator = Operator(twin)
        hardware = {}
        for place, (name, running) in enumerate(story.runs.items()):
            operator.taps.append(Tap(f"192.0.2.{7 + place}", settings.version, operator))
            (folder / name).mkdir()
            hardware[name] = TwoSlotDevice(folder / name, dict(running))
        for acts in story.rounds:
            operator.begins(acts)
            clients = [
                Client(*twin.mqtt, token=token_of(name), folder=folder / name, settings=settings,
                       hardware=hardware[name], watcher=tap)
                for name, tap in zip(story.runs, operator.taps, strict=True)
            ]  # fmt: skip
            threads = [threading.Thread(target=client.run, daemon=True) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(PATIENCE_S)
                assert not thread.is_alive(), f"{story.name} does not end over TCP"
    told: Said = {}
    for tap in operator.taps:
        told |= said(tap.entries, by_kind=has_two_kinds(story))
    return told


def has_two_kinds(story: Story) -> bool:
    return any(len(running) > 1 for running in story.runs.values())


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_same_story_over_tcp_gives_the_same_messages(story: Story, tmp_path: Path) -> None:
    """In the same order, on each connection and in each direction, from CONNECT to DISCONNECT."""
    assert played_over_tcp(story, tmp_path) == said(recorded(story.name), by_kind=has_two_kinds(story))


@pytest.mark.parametrize("hand", BY_HAND, ids=lambda hand: hand.name)
def test_what_is_said_by_hand_gets_the_same_answers_over_tcp(hand: Hand) -> None:
    """The same function, on sockets."""
    with SocketStage(hand.version) as stage:
        hand.play(stage)
        told = said(entries_of(stage.transcript()))
    assert told == said(recorded(hand.name))
