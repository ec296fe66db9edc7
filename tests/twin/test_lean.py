"""What one connection costs in memory, and that nothing of it is left behind."""

from __future__ import annotations

import gc
import random
import tracemalloc

from otakit.protocol import packets as p
from otakit.protocol.messages import Kind
from otakit.protocol.mqtt import encode
from otakit.twin.conversation import Conversation
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device
from otakit.twin.settings import SECOND, TwinSettings

NOW = 1_790_000_000 * SECOND
MOST_BYTES = 1638
"""1.6 KiB for each device that is connected, subscribed and in the middle of a download."""
SAID = (
    p.Subscribe(1, (("v1/devices/me/attributes", 1), ("v1/devices/me/attributes/response/+", 1),
                    ("v2/fw/response/+/chunk/+", 0), ("v2/fw/error", 1))),
    p.Publish("v1/devices/me/telemetry", b'{"current_fw_title":"pump","current_fw_version":"1.9"}', 1, 2),
    p.Publish("v1/devices/me/attributes/request/1", b'{"sharedKeys":"fw_title,fw_version"}', 1, 3),
    p.Publish("v2/fw/request/1/chunk/0", b"4096"),
)  # fmt: skip


def a_model(devices: int) -> Model:
    model = Model(TwinSettings(dispatch_spacing_s=0), random.Random(0), NOW)
    for number in range(devices):
        model.save_device(Device(f"d{number}"), NOW, f"token{number}")
    package = model.upload(Kind.FIRMWARE, "pump", "1.10", bytes(100_000), NOW)
    profile = model.store.profile(model.store.default_profile_id)
    model.assign(profile, Kind.FIRMWARE, package.id, NOW)
    model.advance(NOW + SECOND)
    return model


def a_talk(model: Model, number: int) -> Conversation:
    talk = Conversation(model, NOW + SECOND)
    heard = b""
    for packet in (p.Connect(f"c{number}", user_name=f"token{number}"), *SAID):
        raw = encode(packet)
        for piece in (raw[:3], raw[3:]):  # as TCP may cut it
            talk.receive(piece, NOW + SECOND)
        heard = b"".join(talk.take())
    assert len(heard) > 4096
    return talk


def test_connection_in_the_middle_of_a_download_is_lean() -> None:
    """What is remembered of the device itself is not the connection's: it was there before."""
    count = 400
    model = a_model(count)
    for number in range(count):
        a_talk(model, number).lost()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        talks = [a_talk(model, number) for number in range(count)]
        gc.collect()
        each = (tracemalloc.get_traced_memory()[0] - before) / len(talks)
    finally:
        tracemalloc.stop()
    assert 300 < each <= MOST_BYTES


def test_lost_connections_leave_nothing_behind() -> None:
    """No circle waits for the collector either."""
    model = a_model(20)
    gc.collect()
    others = {id(each) for each in gc.get_objects() if isinstance(each, Conversation)}  # of other tests
    gc.disable()
    try:
        for number in range(20):
            a_talk(model, number).lost()
        model.sessions.take_woken()
        left = [each for each in gc.get_objects() if isinstance(each, Conversation) and id(each) not in others]
    finally:
        gc.enable()
    assert left == []
    assert len(model.sessions) == 0
