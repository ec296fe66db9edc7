"""Several devices of one server in virtual time: who is told when, and one recording of all of them."""

from __future__ import annotations

from random import Random

import pytest

from otakit.captured import CapturedPacket, Note, OpenedConnection
from otakit.client.settings import Settings
from otakit.protocol.messages import Kind, row_of
from otakit.protocol.mqtt import decode
from otakit.protocol.packets import Version
from otakit.trial.memory import MemoryDevice
from otakit.trial.together import Act, Member, Together
from otakit.trial.world import EPOCH_NS
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device
from otakit.twin.settings import TwinSettings

FW = Kind.FIRMWARE


@pytest.fixture(params=[Version.MQTT_3_1_1, Version.MQTT_5], ids=["v3", "v5"])
def pair(request: pytest.FixtureRequest) -> Together:
    """Two devices of the default profile, and a package that nobody has."""
    model = Model(TwinSettings(shuffle=False), Random(1), EPOCH_NS)
    for name in ("a", "b"):
        model.save_device(Device(name, model.store.default_profile_id), EPOCH_NS, token=f"token-{name}")
    model.upload(FW, "pump", "2", bytes(100), EPOCH_NS)
    members = [Member(f"token-{name}", MemoryDevice({FW: ("pump", "1")})) for name in ("a", "b")]
    return Together(model, members, Settings(kinds=(FW,), version=request.param))


def to_all(model: Model, now: int) -> None:
    """The operator assigns the package to the profile."""
    (package,) = model.store.packages.values()
    model.assign(model.store.profile(model.store.default_profile_id), FW, package.id, now)


def told(pair: Together, row: str) -> list[CapturedPacket]:
    version = pair._settings.version
    packets = [entry for entry in pair.entries if isinstance(entry, CapturedPacket)]
    return [each for each in packets if row_of(decode(each.raw, version), each.direction).name == row]


def test_both_devices_are_told_one_after_the_other(pair: Together) -> None:
    """0.6 s lie between them, as between any two of a hundred a minute."""
    pair.round(Act("AttributesResponse", 1, "to all", to_all))
    updates = told(pair, "AttributesUpdate")
    assert [each.connection for each in updates] == [0, 0, 1, 1]
    assert (updates[2].at_ns - updates[0].at_ns) / 1e9 == pytest.approx(0.6, abs=0.01)


def test_the_operator_acts_once_every_device_has_heard(pair: Together) -> None:
    """And the act stands in the recording, at its time."""
    pair.round(Act("AttributesResponse", 1, "to all", to_all))
    acts = [entry for entry in pair.entries if isinstance(entry, Note) and entry.name == "operator"]
    assert [note.fields for note in acts] == [{"did": "to all"}]
    heard = [each.at_ns for each in told(pair, "AttributesResponse")][:2]
    assert acts[0].at_ns == max(heard)


def test_packets_and_connections_are_numbered_as_in_one_recording(pair: Together) -> None:
    """In the order in which they passed; each device has an address of its own."""
    pair.round(Act("AttributesResponse", 1, "to all", to_all))
    packets = [entry for entry in pair.entries if isinstance(entry, CapturedPacket)]
    assert [each.number for each in packets] == list(range(1, len(packets) + 1))
    assert [each.at_ns for each in packets] == sorted(each.at_ns for each in packets)
    opened = [entry for entry in pair.entries if isinstance(entry, OpenedConnection)]
    assert [each.number for each in opened] == [0, 1, 2, 3]
    assert len({each.client for each in opened}) == 4
    assert {each.client[0] for each in opened} == {"192.0.2.7", "192.0.2.8"}


def test_what_was_installed_in_one_round_runs_in_the_next(pair: Together) -> None:
    """Memory and server are the same; time goes on."""
    pair.round(Act("AttributesResponse", 1, "to all", to_all))
    before = pair.now
    pair.round()
    assert pair.now > before
    assert all(member.memory.running[FW] == ("pump", "2") for member in pair._members)
    assert len(told(pair, "ChunkRequest")) == 2


def test_an_act_whose_time_never_comes_is_an_error(pair: Together) -> None:
    """A story that does not happen must not become a recording."""
    with pytest.raises(AssertionError, match="the round ended before the operator's turn: never"):
        pair.round(Act("ChunkResponse", 9, "never", to_all))
