"""Beside the scenarios: the operator's calls, and one whole client update, on a server and on the twin.

Knows how to play each on one side; `judging` puts the sides together. Everything made has the run's own
prefix in its name and is removed again.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from otakit.captured import CapturedPacket
from otakit.client.vocabulary import Settings
from otakit.conformance.claims import claim_of
from otakit.conformance.judging import Played
from otakit.conformance.neutral import Neutral
from otakit.conformance.remote import PREFIX
from otakit.conformance.tokens import own_words
from otakit.conformance.transcript import Event, Passed, Transcript
from otakit.protocol.messages import Direction, Kind
from otakit.protocol.packets import Version
from otakit.record.reader import read
from otakit.run import update
from otakit.servers import Device, Profile, Server

IMAGE = bytes(i % 251 for i in range(200_000))
CHUNK_BYTES = 16_384
PATIENCE_S = 30.0
GOODBYE = b"\xe0"
WHOLE_UPDATE = "An update by otakit's own client reaches UPDATED, and what runs then is what was uploaded."
Call = Callable[[Server], object]


def suite() -> list[tuple[str, Call]]:
    """The operator's calls, by name."""
    from otakit.conformance.operator_suite import SUITE  # noqa: PLC0415 - it takes its time to import

    return [(name.replace("_", " "), call) for name, call in SUITE]


def called(server: Server, call: Call) -> Played:
    """One of the operator's calls, played."""
    begun = time.monotonic()
    failed = None
    try:
        call(server)
    except Exception as error:  # noqa: BLE001 - it goes into the table, and the next one is played
        failed = claim_of(error)
    finally:
        with suppress(Exception):
            server.clean_up()
    return Played(failed=failed, seconds=time.monotonic() - begun)


def updated(server: Server, version: Version, recording: Path) -> Played:
    """A whole update, played: assigned while the device is away, from CONNECT to UPDATED."""
    begun, failed, names = time.monotonic(), None, dict[str, str]()
    try:
        with _fixture(server, names) as (device, title):
            failed = _update(server, device, title, version, recording)
    except Exception as error:  # noqa: BLE001 - as above
        failed = claim_of(error)
    transcript = transcript_of(recording, names)
    neutral = Neutral(own_words(transcript))
    return Played(transcript, neutral.text(failed) if failed else None, None, time.monotonic() - begun)


@contextmanager
def _fixture(server: Server, names: dict[str, str]) -> Iterator[tuple[Device, str]]:
    """A profile, a device and an assigned package of this run's own."""
    own = f"{PREFIX}{secrets.token_hex(4)}-"
    names.update({f"{own}{name}": name for name in ("profile", "device", "pump")})
    try:
        profile: Profile = server.add_profile(f"{own}profile")
        device = server.add_device(f"{own}device", profile, firmware=(f"{own}pump", "1.9"))
        package = server.upload("firmware", f"{own}pump", "1.10", IMAGE, profile=profile)
        server.assign(package, to=device)
        yield device, f"{own}pump"
    finally:
        server.clean_up()


def _update(server: Server, device: Device, title: str, version: Version, recording: Path) -> str | None:
    """What does not hold of an update, None when all does."""
    end = time.monotonic() + PATIENCE_S
    while "fw_checksum" not in server.attributes(device):  # dispatched: from here on only the device acts
        if time.monotonic() > end:
            return f"the package was not dispatched within {PATIENCE_S:g} s"
        time.sleep(0.1)
    recording.parent.mkdir(parents=True, exist_ok=True)
    settings = Settings(version=version, kinds=(Kind.FIRMWARE,), chunk_bytes=CHUNK_BYTES, window=1, chunk_qos=1)
    session = update(device, settings=settings, record=recording, keep="all", show_progress=False)
    if (outcome := dict(session.outcome or {})) != {"firmware": "UPDATED"}:
        return f"the update ended with {outcome}"
    if device.running() != (title, "1.10"):
        return f"what runs is {device.running()}"
    image = device.image()
    if image is None or hashlib.sha256(image.read_bytes()).digest() != hashlib.sha256(IMAGE).digest():
        return "the image that runs is not the one that was uploaded"
    return _statuses(server, device)


def _statuses(server: Server, device: Device) -> str | None:
    """The server must have heard all of it; telemetry becomes visible a little later than it is acknowledged."""
    end, found = time.monotonic() + PATIENCE_S, list[object]()
    while time.monotonic() < end:
        found = [value for _, value in server.telemetry(device).get("fw_state", [])]
        if found[:2] == ["QUEUED", "INITIATED"] and found[-1:] == ["UPDATED"]:
            return None
        time.sleep(0.1)
    return f"fw_state went {found}"


def transcript_of(recording: Path, names: dict[str, str]) -> Transcript:
    """What a recording tells, as far as it goes."""
    if not recording.is_file():
        return Transcript(())
    events: list[Event] = []
    over: set[int] = set()  # what a server says to a client that has said goodbye, nobody need have heard
    for entry in read(recording).entries:
        if isinstance(entry, CapturedPacket) and entry.connection not in over:
            events.append(Passed(entry.at_ns, entry.connection, entry.direction, entry.raw))
            if entry.direction is Direction.TO_SERVER and entry.raw[:1] == GOODBYE:
                over.add(entry.connection)
    return Transcript(tuple(events), names)
