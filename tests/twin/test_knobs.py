"""The twin's knobs: each has ThingsBoard's name beside it, and none takes what cannot be meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest

from otakit.errors import ServerRefused, SettingsError
from otakit.protocol.messages import Kind
from otakit.twin.rules.entities import BytesImage, OtaPackage
from otakit.twin.settings import KNOBS, TwinSettings


def test_each_knob_is_described_and_has_thingsboards_own_name_or_none() -> None:
    names = [field.name for field in fields(TwinSettings)]
    assert list(KNOBS) == names
    assert all(f"        {name}: " in (TwinSettings.__doc__ or "") for name in names)
    assert KNOBS["max_payload_bytes"] == "NETTY_MAX_PAYLOAD_SIZE"


@pytest.mark.parametrize(
    ("knob", "value", "words"),
    [
        ("cache_entries", 0, "must be more than 0, not 0"),
        ("cache_entries", 1.5, "must be a whole number, not 1.5"),
        ("cache_entries", "10", "must be a number, not '10'"),
        ("cache_entries", True, "must be a number, not True"),
        ("cache_ttl_s", float("nan"), "must be a number, not nan"),
        ("cache_ttl_s", float("inf"), "must be a number, not inf"),
        ("dispatch_spacing_s", -1, "must be 0 or more, not -1"),
        ("shuffle", 1, "must be true or false, not 1"),
        ("api_disabled", None, "must be true or false, not None"),
        ("version", "latest", "must be a version such as 4.3.1.3, not 'latest'"),
        ("version", 4.2, "must be a version such as 4.3.1.3, not 4.2"),
        ("device_messages", "20", "must be messages:seconds such as 20:1,600:60, or None for no limit, not '20'"),
        ("tenant_messages", 20, "must be messages:seconds such as 20:1,600:60, or None for no limit, not 20"),
    ],
)
def test_value_that_cannot_be_meant_is_named(knob: str, value: Any, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TwinSettings(**{knob: value})
    assert str(caught.value) == f"TwinSettings: {knob} {words}"


@pytest.mark.parametrize(("version", "older"), [("4.2.1", True), ("4.2", True), ("4.2.1.1", False), ("10.0", False)])
def test_versions_compare_by_their_numbers(version: str, older: bool) -> None:
    assert TwinSettings(version=version).is_before(4, 2, 1, 1) is older


@pytest.mark.parametrize(("most", "shown"), [(300_000, "292 KB"), (299_999, "292 KB"), (2**21, "2 MB")])
def test_quota_of_the_tenant_counts_all_stored_bytes(make: Callable[..., Any], most: int, shown: str) -> None:
    """300,000 bytes are stored already; URLs take no room."""
    with_room = most > 300_000
    if most < 300_000:
        with pytest.raises(ServerRefused, match=f"Ota packages total size exceeds the maximum of {shown}"):
            make(max_ota_bytes=most)
        return
    world = make(max_ota_bytes=most)
    draft = OtaPackage("pump", "9", Kind.FIRMWARE, world.model.store.default_profile_id)
    package = world.model.save_package(draft, world.now)

    def fill() -> Any:
        return world.model.fill_package(package.id, BytesImage(b"x"), algorithm="MD5", checksum="ab")

    if with_room:
        assert fill().size == 1
        assert fill().size == 1  # the same bytes again need no more
    else:
        with pytest.raises(ServerRefused, match=f"Ota packages total size exceeds the maximum of {shown}"):
            fill()
