"""Wrong clients and wrong servers that really ran: each is held up at the right arrow.

The client of the package with one habit changed talks to the healthy twin, which answers whatever it hears; or the
healthy client talks to a server that says one thing wrong. `bench/mutants.py` changes recordings instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import followed
import habits as h

import otakit.trial.world
from otakit.captured import Entry
from otakit.client.vocabulary import Subscribe
from otakit.diagrams.held import held_against
from otakit.protocol.messages import Kind, OtherPublish, Telemetry
from otakit.protocol.packets import Publish, Version

ATTRIBUTES, UPDATES = "request-firmware-attributes", "subscribe-firmware-attributes-updates"
CHUNKS, STATUS = "request-firmware-chunks", "report-firmware-status"
SOFTWARE, WHOLE = "update-software", "whole-update"
SAYS = 'Telemetry: {"fw_state":"'
CHUNK = "ChunkRequest: v2/fw/request/"


def without_version(packet: Publish) -> list[Publish]:
    """Of pushes only."""
    is_push = packet.topic == "v1/devices/me/attributes"
    return [replace(packet, payload=packet.payload.replace(b"fw_version", b"version")) if is_push else packet]


@dataclass(frozen=True)
class Wrong:
    """One of them: how the promised arrow's label begins, and the row of what came instead, if anything came."""

    name: str
    diagram: str
    promised: str
    seen: str
    habit: h.Habit | None = None
    server: Callable[[Version], Any] | None = None
    software: bool = False
    pushed: bool = False

    def entries(self, version: Version, monkeypatch: pytest.MonkeyPatch) -> list[Entry]:
        """The session, as the device's side recorded it."""
        if self.habit is not None:
            monkeypatch.setattr(otakit.trial.world, "Core", h.with_habit(self.habit))
        session = followed.Session(version)
        operator = ()
        if self.pushed:
            operator = ((0.4, session.assigns(Kind.FIRMWARE, session.uploaded(Kind.FIRMWARE))),)  # type: ignore[assignment]  # of one act
        else:
            session.assigned(size=60_000)
        if self.software:
            session.assigned(Kind.SOFTWARE)
        meddler = self.server(version) if self.server else None
        return session.run(operator=operator, meddler=meddler, stop_at_s=90.0).entries


CLIENTS = (
    Wrong("no DOWNLOADING", WHOLE, f"{SAYS}DOWNLOADING", "ChunkRequest", h.leaves_out("DOWNLOADING")),
    Wrong("no DOWNLOADED", STATUS, f"{SAYS}DOWNLOADED", "Check", h.leaves_out("DOWNLOADED")),
    Wrong("no VERIFIED", CHUNKS, f"{SAYS}VERIFIED", "Telemetry", h.leaves_out("VERIFIED")),
    Wrong("no UPDATING", WHOLE, f"{SAYS}UPDATING", "Install", h.leaves_out("UPDATING")),
    Wrong(
        "software without UPDATING",
        SOFTWARE,
        'Telemetry: {"sw_state":"UPDATING"',
        "Install",
        h.leaves_out("UPDATING"),
        software=True,
    ),
    Wrong(
        "no SUBSCRIBE",
        WHOLE,
        "Subscribe: v1/",
        "AttributesRequest",
        lambda action: [] if isinstance(action, Subscribe) else [action],
    ),
    Wrong(
        "one level of the chunks' filter is missing",
        CHUNKS,
        "Subscribe: v2/fw/response/+/chunk/+",
        "Subscribe",
        h.of_filters(lambda name: name.replace("/+/chunk/+", "/+")),
    ),
    Wrong(
        "the answers' filter has no +",
        ATTRIBUTES,
        "Subscribe: v1/devices/me/attributes/response/+",
        "Subscribe",
        h.of_filters(lambda name: name.replace("response/+", "response") if name.startswith("v1") else name),
    ),
    Wrong(
        "errors under a topic of the software",
        SOFTWARE,
        "Subscribe: v1/",
        "Subscribe",
        h.of_filters(lambda name: name.replace("v2/fw/error", "v2/sw/error")),
        software=True,
    ),
    Wrong(
        "no filter for pushes",
        UPDATES,
        "Subscribe: v1/devices/me/attributes",
        "Subscribe",
        h.of_filters(lambda name: "v1/devices/me/rpc/request/+" if name == "v1/devices/me/attributes" else name),
    ),
    Wrong("asks before it subscribes", ATTRIBUTES, "Subscribe: ", "AttributesRequest", h.asks_before_it_subscribes),
    Wrong(
        "blanks between the keys",
        ATTRIBUTES,
        "AttributesRequest: v1/",
        "AttributesRequest",
        h.of_attributes(lambda asked: replace(asked, shared=tuple(f" {key}" for key in asked.shared))),
    ),
    Wrong(
        "asks for client attributes",
        ATTRIBUTES,
        "AttributesRequest: v1/",
        "AttributesRequest",
        h.of_attributes(lambda asked: replace(asked, shared=(), client=asked.shared)),
    ),
    Wrong(
        "asks with the same id again and again",
        ATTRIBUTES,
        "AttributesRequest: v1/",
        "AttributesRequest",
        h.of_attributes(lambda asked: replace(asked, request_id=1)),
        pushed=True,
    ),
    Wrong(
        "counts chunks from one",
        CHUNKS,
        f"{CHUNK}{{new id}}/chunk/0",
        "ChunkRequest",
        h.of_chunks(lambda asked: [replace(asked, index=asked.index + 1)]),
    ),
    Wrong(
        "a new id for each chunk",
        CHUNKS,
        f"{CHUNK}{{id}}/chunk/{{n}}",
        "ChunkRequest",
        h.of_chunks(lambda asked: [replace(asked, request_id=100 + asked.index)]),
    ),
    Wrong(
        "asks twice for each chunk",
        CHUNKS,
        "ChunkResponse: ",
        "ChunkRequest",
        h.of_chunks(lambda asked: [asked, asked]),
    ),
    Wrong(
        "asks for firmware as software",
        CHUNKS,
        f"{CHUNK}{{new id}}/chunk/0",
        "ChunkRequest",
        h.of_chunks(lambda asked: [replace(asked, kind=Kind.SOFTWARE)]),
    ),
    Wrong(
        "one id for firmware and software",
        SOFTWARE,
        "ChunkRequest: v2/sw/request/{id2}",
        "ChunkRequest",
        h.of_chunks(lambda asked: [replace(asked, request_id=1)]),
        software=True,
    ),
    Wrong(
        "a topic of version 1",
        WHOLE,
        f"{CHUNK}{{any id}}/chunk/{{n}}",
        "OtherPublish",
        h.of_chunks(lambda asked: [OtherPublish(asked.topic.replace("v2/", "v1/"), asked.payload)]),
    ),
    Wrong(
        "statuses as attributes",
        STATUS,
        'Telemetry: {"current_fw_title"',
        "AttributesPublish",
        h.of_telemetry(lambda values: OtherPublish("v1/devices/me/attributes", Telemetry(values).payload)),
    ),
    Wrong(
        "statuses in small letters",
        WHOLE,
        f"{SAYS}DOWNLOADING",
        "Telemetry",
        h.of_telemetry(lambda values: {key: str(value).lower() for key, value in values.items()}),
    ),
    Wrong(
        "a key without its prefix",
        CHUNKS,
        f"{SAYS}DOWNLOADING",
        "ChunkRequest",
        h.of_telemetry(lambda values: {key.replace("fw_state", "state"): value for key, value in values.items()}),
    ),
    Wrong(
        "VERIFIED before the bytes are there",
        WHOLE,
        f"{SAYS}DOWNLOADING",
        "Telemetry",
        h.also_before("DOWNLOADING", "VERIFIED"),
    ),
    Wrong("UPDATED before it installs", STATUS, f"{SAYS}UPDATING", "Telemetry", h.also_before("UPDATING", "UPDATED")),
    Wrong(
        "UPDATING while it downloads", STATUS, f"{SAYS}DOWNLOADED", "Telemetry", h.also_before("DOWNLOADED", "UPDATING")
    ),
)
SERVERS = (
    Wrong("refuses every filter", CHUNKS, "SubAck: ", "SubAck", server=h.refusing),
    Wrong(
        "answers under another id",
        CHUNKS,
        "ChunkResponse: ",
        "ChunkResponse",
        server=h.server("/chunk/", h.other("/response/", "/response/9")),
    ),
    Wrong(
        "answers as software",
        CHUNKS,
        "ChunkResponse: ",
        "ChunkResponse",
        server=h.server("/chunk/", h.other("v2/fw", "v2/sw")),
    ),
    Wrong(
        "answers with another chunk",
        CHUNKS,
        "ChunkResponse: ",
        "ChunkResponse",
        server=h.server("/chunk/", h.other("/chunk/", "/chunk/7")),
    ),
    Wrong(
        "answers another question for attributes",
        ATTRIBUTES,
        "AttributesResponse: ",
        "AttributesResponse",
        server=h.server("attributes/response/", h.other("/response/", "/response/5")),
    ),
    Wrong(
        "pushes a package without its version",
        UPDATES,
        'AttributesUpdate: {"fw_title"',
        "AttributesUpdate",
        server=h.server("me/attributes", without_version),
        pushed=True,
    ),
)


@pytest.mark.parametrize("version", followed.VERSIONS, ids=["v3", "v5"])
@pytest.mark.parametrize("wrong", CLIENTS + SERVERS, ids=lambda wrong: str(wrong.name))
def test_who_is_wrong_is_held_up_at_the_arrow(wrong: Wrong, version: Version, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arrow that the diagram promised, and what came in its place."""
    verdict = held_against(wrong.entries(version, monkeypatch), wrong.diagram)
    assert not verdict
    assert verdict.promised is not None
    assert verdict.promised.label.startswith(wrong.promised), str(verdict)
    assert (verdict.seen.row if verdict.seen else "") == wrong.seen, str(verdict)


@pytest.mark.parametrize("diagram", [ATTRIBUTES, UPDATES, CHUNKS, STATUS, SOFTWARE, WHOLE])
@pytest.mark.parametrize("pushed", [False, True])
def test_the_same_client_without_a_habit_follows(
    diagram: str, monkeypatch: pytest.MonkeyPatch, *, pushed: bool
) -> None:
    """So it was the habit."""
    right = Wrong("", diagram, "", "", lambda action: [action], software=diagram == SOFTWARE, pushed=pushed)
    for version in followed.VERSIONS:
        verdict = held_against(right.entries(version, monkeypatch), diagram)
        assert verdict, str(verdict)
