"""The article cannot drift: its diagrams held against runs of client and twin, well and unwell, in both versions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import followed as f
from followed import FIRMWARE, FW, SOFTWARE, SW, Session

from otakit.captured import Note
from otakit.diagrams.follow.happened import RESTARTS
from otakit.diagrams.held import held_against
from otakit.protocol.packets import Version
from otakit.servers import Twin
from otakit.trial.world import Run
from otakit.twin.settings import TwinSettings

BOTH = FIRMWARE + SOFTWARE
WITHOUT_CHUNKS = tuple(name for name in FIRMWARE if name != "request-firmware-chunks")
VERSIONS = pytest.mark.parametrize("version", f.VERSIONS, ids=["v3", "v5"])
Begin = Callable[[Session], Run]


def replaced(link: str, at_s: float) -> Begin:
    """Another package takes the place of the first, or none does."""

    def run(session: Session) -> Run:
        newer = session.assigned(size=200_000).uploaded(version="1.2.0")
        return session.run(link, operator=((at_s, session.assigns(FW, newer)),))

    return run


def taken_back(at_s: float) -> Begin:
    return lambda session: session.assigned(size=200_000).run(
        "40 ms, 2 Mbit/s", operator=((at_s, session.assigns(FW, None)),)
    )


def refused(session: Session) -> Run:
    """The server knows no such device."""
    session.model.delete_device(session.entity.id)
    return session.run()


def with_fault(fault: str, **more: Any) -> Begin:
    """Firmware and software at once, and something goes wrong on the way."""
    return lambda session: session.assigned(size=200_000).assigned(SW, size=30_000).run(f"40 ms, {fault}", **more)


def with_server_fault(fault: str) -> Begin:
    return lambda session: session.assigned(size=200_000).run(server=fault)


def failing(step: str) -> Begin:
    def run(session: Session) -> Run:
        session.fails[step] = "broken"
        return session.assigned().assigned(SW).run()

    return run


RUNS: dict[str, tuple[Begin, tuple[str, ...]]] = {
    "assigned before": (lambda session: session.assigned().run(), FIRMWARE),
    "chunks at QoS 1": (lambda session: session.assigned().run(chunk_qos=1), FIRMWARE),
    "it runs already": (lambda session: session.assigned(version="1.0.0").run(), WITHOUT_CHUNKS),
    "software beside firmware": (lambda session: session.assigned(FW).assigned(SW).run(), BOTH),
    "software alone": (lambda session: session.assigned(SW).run(), FIRMWARE[:2] + SOFTWARE),
    "behind a URL": (lambda session: session.assigned(url="https://x.example/1").run(), FIRMWARE),
    "refused": (refused, ("whole-update",)),
    "an answer withheld": (with_fault("answer 3 withheld"), BOTH),
    "the first answer withheld": (with_fault("answer 1 withheld"), BOTH),
    "an answer late": (with_fault("answer 3 late by 6 s"), BOTH),
    "answers out of order": (with_fault("answer 3 out of order"), BOTH),
    "a fifth of the answers withheld": (with_fault("20 % of answers withheld"), BOTH),
    "attributes withheld": (with_fault("attributes 1 withheld"), BOTH),
    "an answer cut short": (with_fault("answer 3 truncated to 100 bytes"), BOTH),
    "an answer emptied": (with_fault("answer 3 truncated to 0 bytes"), BOTH),
    "reconnect in mid-download": (with_fault("cut at request 7"), BOTH),
    "reconnect late in the download": (with_fault("cut at request 30"), BOTH),
    "reconnect at a status": (with_fault("cut at status 4"), BOTH),
    "reconnect at SUBACK": (with_fault("cut at SubAck 1"), BOTH),
    "half-open": (with_fault("silent at request 9"), BOTH),
    "checksum wrong": (with_fault("checksum wrong in each attributes"), BOTH),
    "a bit flipped": (with_fault("answer 5 corrupted"), BOTH),
    "size wrong": (with_fault("size wrong in each attributes"), BOTH),
    "superseded early": (replaced("40 ms, 2 Mbit/s", 0.12), FIRMWARE),
    "superseded in mid-download": (replaced("40 ms, 2 Mbit/s", 0.5), FIRMWARE),
    "superseded while it installs": (replaced("40 ms, 2 Mbit/s", 1.2), FIRMWARE),
    "unassigned in mid-download": (taken_back(0.3), FIRMWARE),
    "unassigned while it installs": (taken_back(1.2), FIRMWARE),
    "unassigned before it is asked for": (taken_back(0.05), FIRMWARE[:4]),
    "stopped in mid-download": (with_fault("none", stop_at_s=0.3), FIRMWARE),
    "the cache lost the image": (with_server_fault("cache evicted at request 9"), FIRMWARE),
    "refused with NOT_FOUND": (with_server_fault("request 3 refused with NOT_FOUND"), FIRMWARE),
    "refused as too large": (with_server_fault("request 3 refused with PAYLOAD_TOO_LARGE"), FIRMWARE),
    "rate limit": (with_server_fault("rate limit at status 2"), FIRMWARE),
    "taken over": (with_server_fault("taken over at request 10"), FIRMWARE),
    "no room": (failing("room"), BOTH),
    "install fails": (failing("install"), BOTH),
    "the new image does not run": (failing("confirm"), BOTH),
}


def all_kept(entries: Any, names: tuple[str, ...]) -> None:
    """Each diagram is followed; else the verdicts are shown."""
    assert not [str(verdict) for name in names if not (verdict := held_against(entries, name))]


@VERSIONS
@pytest.mark.parametrize("name", RUNS)
def test_a_run_follows_the_articles_diagrams(name: str, version: Version) -> None:
    """Whatever happens to it, it does what is drawn."""
    begin, names = RUNS[name]
    all_kept(begin(Session(version)).entries, names)


@VERSIONS
@pytest.mark.parametrize("seed", range(3))
def test_two_devices_follow_the_diagram_of_their_profile(version: Version, seed: int) -> None:
    """Who hears what after each of the operator's actions."""
    all_kept(f.overridden(version, seed), ("device-overrides-profile",))


@pytest.mark.parametrize("seed", range(32))
def test_a_healthy_run_raises_no_alarm(seed: int) -> None:
    """`bench/follow_runs.py` plays hundreds of them."""
    entries, names = f.healthy(seed)
    all_kept(entries, names)


@pytest.mark.parametrize(
    "name", ["software beside firmware", "reconnect in mid-download", "superseded in mid-download"]
)
def test_a_run_of_a_client_that_notes_nothing_follows_as_well(name: str) -> None:
    """As a proxy records a stranger: packets only, the steps within the device are passed over."""
    begin, names = RUNS[name]
    entries = [entry for entry in begin(Session()).entries if not isinstance(entry, Note)]
    all_kept(entries, names)
    assert "not in a recording of a foreign client" in str(held_against(entries, "whole-update"))


@pytest.mark.parametrize("at_s", [0.0, 0.07, 0.11, 0.13, 0.2, 0.4])
def test_an_assignment_may_come_at_any_moment(at_s: float) -> None:
    """Before SUBACK, between two questions, while the attributes are on their way."""
    session = Session()
    package = session.uploaded()
    all_kept(session.run(operator=((at_s, session.assigns(FW, package)),)).entries, FIRMWARE)


# ---- what is not an update ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("update-software", 'Telemetry: {"sw_state":"DOWNLOADING"}'),
        ("device-overrides-profile", 'AttributesUpdate: {"fw_version":"{F1}"'),
    ],
)
def test_a_diagram_of_something_else_says_what_it_waited_for(name: str, promised: str) -> None:
    """An update of the firmware alone is none of the software."""
    verdict = held_against(Session().assigned().run().entries, name)
    assert (verdict.seen, str(verdict.promised).split(": ", 1)[1].startswith(promised)) == (None, True)


def test_a_refused_device_shows_the_refusal() -> None:
    """Where the diagram promises that it is accepted."""
    verdict = held_against(RUNS["refused"][0](Session()).entries, "request-firmware-attributes")
    assert "nothing that the diagram speaks of is in the recording" in str(verdict)


# ---- over TCP, and what others record ------------------------------------------------------------------------------


@VERSIONS
def test_a_recorded_update_over_tcp_follows_all_of_them(tmp_path: Path, version: Version) -> None:
    """Real sockets, a real file; the server's side of it too, where the device is a stranger."""
    from otakit.run import update  # noqa: PLC0415 - brings pandas

    with Twin(seed=3, settings=TwinSettings(dispatch_spacing_s=0, dispatch_latency_s=0)) as twin:
        device = twin.add_device("pump-7")
        for kind in ("firmware", "software"):
            twin.assign(twin.upload(kind, "pump", f"1.1-{kind}", bytes(60_000)), to=device)
        session = update(device, version=version, offer_wait_s=0.05, show_progress=False, record=tmp_path / "run")
    verdicts = {name: session.follows(name) for name in BOTH}
    assert all(verdicts.values()), verdicts
    assert "operator" in str(verdicts["whole-update"])


def test_the_word_for_a_restart_is_the_clients() -> None:
    """`happened` knows a restart by it."""
    from otakit.client import core  # noqa: PLC0415 - only here

    assert RESTARTS == core.RESTARTS
