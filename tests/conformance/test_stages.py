"""The stages themselves: what they claim for a scenario, and what they leave behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import otakit
from otakit.conformance.fixture import IMAGE_A
from otakit.conformance.memory import MemoryStage
from otakit.conformance.peer import Peer
from otakit.conformance.remote import PREFIX, RemoteStage
from otakit.conformance.stage import NotApplicable
from otakit.errors import OtakitError, SettingsError
from otakit.protocol import packets as p
from otakit.record.recorder import Recorder
from otakit.servers import Twin

LISTS = ("/api/tenant/devices", "/api/deviceProfiles", "/api/otaPackages")


@pytest.fixture
def memory() -> Iterator[MemoryStage]:
    with MemoryStage() as stage:
        yield stage


@pytest.fixture(scope="module")
def foreign() -> Iterator[Twin]:
    """A server that somebody else started."""
    with Twin() as twin:
        yield twin


@pytest.fixture
def remote(foreign: Twin) -> Iterator[Callable[..., RemoteStage]]:
    """Stages on it, closed in the end."""
    made: list[RemoteStage] = []

    def make(**more: object) -> RemoteStage:
        made.append(RemoteStage(foreign.url, "{}:{}".format(*foreign.mqtt), "tenant@thingsboard.org", "tenant", **more))  # type: ignore[arg-type]  # a test's own words
        return made[-1]

    yield make
    for stage in made:
        stage.close()


def test_needs_come_before_the_twin_starts(memory: MemoryStage) -> None:
    """A knob that comes too late would be silently without effect."""
    memory.needs(inactivity_s=10)
    memory.stranger()
    with pytest.raises(SettingsError, match="first line"):
        memory.needs(inactivity_s=20)


def test_virtual_time_stops_at_what_is_due(memory: MemoryStage) -> None:
    """An answer is heard at its time, not at the deadline."""
    memory.needs(core_delay_s=3)
    fx = memory.fixture()
    fx.assign(fx.a)
    device, began = memory.device(), memory.now()
    device.chunk(1, 0, 10)
    assert memory.now() - began == 3_000_000_000


@pytest.mark.parametrize(
    "claim",
    [
        lambda peer: peer.expect(2),
        lambda peer: peer.expect(lambda packets: len(packets) > 1),
        lambda peer: peer.silent(),
        lambda peer: peer.stays(),
        lambda peer: peer.closed(),
        lambda peer: peer.updates(1),
    ],
)
def test_claim_that_does_not_hold_says_what_came(memory: MemoryStage, claim: Callable[[Peer], object]) -> None:
    """One PUBACK is there, and each of these claims is wrong about it."""
    device = memory.device()
    device.publishes("v1/devices/me/telemetry", {"level": 1})
    with pytest.raises(AssertionError, match="PubAck"):
        claim(device)


def test_end_that_nobody_expected_is_no_silence(memory: MemoryStage) -> None:
    """Silence means: nothing comes, and the connection stays."""
    device = memory.device()
    device.publishes("v1/devices/me/telemetry", "not json")
    with pytest.raises(AssertionError, match="closed"):
        device.silent()


def test_everything_that_passed_is_in_the_transcript(memory: MemoryStage) -> None:
    """Packets of all connections, ends and HTTP calls, in one order; texts of it hold no token."""
    token = memory.fixture().token
    device = memory.device()
    device.publishes("v1/devices/me/telemetry", "not json")
    device.closed()
    memory.http("GET", f"/api/v1/{token}/attributes")
    kinds = [type(event).__name__ for event in memory.transcript().events]
    assert kinds[-6:] == ["Called", "Passed", "Passed", "Passed", "Closed", "Called"]
    assert [type(said.packet) for said in memory.transcripts()[0]] == [p.Connect, p.ConnAck, p.Publish]
    assert token not in repr(memory.transcript()) + repr(memory.transcripts())
    assert memory.transcript().names == {token: "token of D"}


def test_watcher_makes_a_recording_of_it(memory: MemoryStage, tmp_path: Path) -> None:
    """The packets of a scenario open like those of any session."""
    recorder = Recorder(tmp_path / "scenario.pcapng")
    memory.watchers.append(recorder)
    fx = memory.fixture()
    fx.assign(fx.a)
    memory.device().chunk(1, 0, 10)
    recorder.close()
    names = list(otakit.load(recorder.path).packets["message"])
    assert names == ["Connect", "ConnAck", "ChunkRequest", "PubAck", "ChunkResponse"]


def test_foreign_server_names_the_setting_that_it_would_need(remote: Callable[..., RemoteStage]) -> None:
    """It cannot be configured for a scenario; its own values may fit, and may be told."""
    stage = remote()
    stage.needs(dispatch_spacing_s=0.6)
    with pytest.raises(NotApplicable, match=r"TB_TRANSPORT_SESSIONS_INACTIVITY_TIMEOUT for inactivity_s = 10"):
        stage.needs(inactivity_s=10)
    remote(configured={"inactivity_s": 10}).needs(inactivity_s=10)
    assert not stage.can_pass(3600)
    with pytest.raises(NotApplicable, match="3600 s"):
        stage.passes(3600)


def test_foreign_server_is_left_as_it_was(foreign: Twin, remote: Callable[..., RemoteStage]) -> None:
    """Names are its own, and what was made is gone again, assigned as it is, also when the scenario failed."""
    before = [foreign.operator.pages(path) for path in LISTS]

    def fails(stage: RemoteStage) -> None:
        fx = stage.fixture()
        fx.assign_profile(fx.a)
        fx.assign(fx.a)
        assert stage.device().chunk(1, 0, 10) == IMAGE_A[:10]
        for path, name in zip(LISTS, ("name", "name", "title"), strict=True):
            assert [row for row in foreign.operator.pages(path) if row[name].startswith(PREFIX)]
        raise AssertionError("the scenario's own")

    with pytest.raises(AssertionError, match="the scenario's own"), remote() as stage:
        fails(stage)
    assert [foreign.operator.pages(path) for path in LISTS] == before
    assert stage.server_version
    assert stage.server_version.startswith("4.")


def test_what_cannot_be_removed_is_named(foreign: Twin, remote: Callable[..., RemoteStage]) -> None:
    """Everything else is removed all the same."""
    stage = remote()
    profile = stage.fixture().profile
    stranger = foreign.operator.save_device({"name": "not ours", "deviceProfileId": profile["id"]})
    device = stage.fixture().device
    with pytest.raises(OtakitError, match=f"delete by hand: deviceProfile {profile['id']['id']}"):
        stage.close()
    names = [row["name"] for row in foreign.operator.pages("/api/tenant/devices")]
    assert stranger["name"] in names
    assert device["name"] not in names
    foreign.operator.delete("device", stranger["id"]["id"])
    foreign.operator.delete("deviceProfile", profile["id"]["id"])


def test_what_is_printed_of_a_stage_shows_no_secret(remote: Callable[..., RemoteStage]) -> None:
    """Neither the password nor a token is in it."""
    stage = remote()
    token = stage.fixture().token
    shown = repr(stage) + repr(stage.fixture()) + repr(stage._calls) + json.dumps(stage.label)
    assert token not in shown
    assert "'tenant'" not in shown
