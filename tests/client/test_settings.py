"""Settings that cannot work are refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from otakit.client.settings import Settings
from otakit.errors import SettingsError
from otakit.protocol.messages import Kind
from otakit.protocol.packets import Version

BAD: list[dict[str, Any]] = [
    {"version": Version.MQTT_3_1},
    {"kinds": ()},
    {"kinds": (Kind.FIRMWARE, Kind.FIRMWARE)},
    {"chunk_bytes": 0},
    {"chunk_bytes": 2**31},
    {"window": 0},
    {"chunk_qos": 2},
    {"keep_alive_s": 0},
    {"chunk_deadline_s": 0},
    {"chunk_retries": -1},
    {"updates": 0},
    {"offline_limit_s": -5},
]


@pytest.mark.parametrize("values", BAD, ids=str)
def test_a_setting_out_of_range_is_named_with_what_it_may_be(values: dict[str, Any]) -> None:
    """Whoever wrote it sees the name and the value."""
    name = next(iter(values))
    with pytest.raises(SettingsError, match=f"setting {name}="):
        Settings(**values)


def test_the_defaults_are_what_the_lessons_say() -> None:
    """4 KiB, a window of 8, QoS 0."""
    plain = Settings()
    assert (plain.chunk_bytes, plain.window, plain.chunk_qos) == (4096, 8, 0)
