"""What may be saved, filled, assigned and deleted, with ThingsBoard's own words for what may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from otakit.errors import ServerRefused, SettingsError
from otakit.protocol.checksums import ALGORITHMS, checksum_of
from otakit.protocol.messages import Kind
from otakit.twin.rules.entities import BytesImage, Device, OtaPackage, Profile
from otakit.twin.settings import TwinSettings


@pytest.fixture
def one(make: Callable[..., Any]) -> Any:
    """A world; the protocol version plays no part here."""
    return make()


THERE = "OtaPackage with such title and version already exists!"


def package(world: Any, **fields: Any) -> OtaPackage:
    profile = world.model.store.default_profile_id
    return OtaPackage(**{"title": "t", "version": "1", "kind": Kind.FIRMWARE, "profile_id": profile, **fields})


def refusal(call: Callable[[], object]) -> tuple[int, int | None, str]:
    with pytest.raises(ServerRefused) as caught:
        call()
    return caught.value.status, caught.value.error_code, str(caught.value)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"title": ""}, "OtaPackage title should be specified!"),
        ({"version": " "}, "OtaPackage version should be specified!"),
        ({"title": "x" * 256}, "Validation error: title length must be equal or less than 255"),
        ({"title": "<b>x</b>"}, "Validation error: otaPackage title is malformed"),
        ({"uses_url": True}, "Ota package URL should be specified!"),
        ({"title": "pump", "version": "1.10"}, THERE),
        ({"title": "pump", "version": "1.11", "kind": Kind.SOFTWARE}, THERE),
        ({"profile_id": "nope"}, "OtaPackage is referencing to non-existent device profile!"),
    ],
)  # fmt: skip
def test_package_that_breaks_a_rule_is_refused(one: Any, fields: dict[str, Any], text: str) -> None:
    assert refusal(lambda: one.model.save_package(package(one, **fields), one.now)) == (400, 31, text)


@pytest.mark.parametrize(
    ("change", "word"), [({"title": "x"}, "title"), ({"version": "9"}, "version"), ({"kind": Kind.SOFTWARE}, "type")]
)
def test_what_a_package_is_cannot_be_changed(one: Any, change: dict[str, Any], word: str) -> None:
    text = refusal(lambda: one.model.save_package(replace(one.a, **change), one.now))[2]
    assert text.startswith("Updating")
    assert word in text


def fill(world: Any, saved: OtaPackage, content: bytes = b"123456789", algorithm: str = "SHA256", **fields: Any) -> Any:
    checksum = checksum_of(algorithm, content)
    return world.model.fill_package(saved.id, BytesImage(content), algorithm=algorithm, checksum=checksum, **fields)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_upload_is_stored_with_its_checksum(one: Any, algorithm: str) -> None:
    saved = fill(one, one.model.save_package(package(one), one.now), algorithm=algorithm)
    assert (saved.checksum, saved.size, saved.has_data) == (checksum_of(algorithm, b"123456789"), 9, True)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"expected": checksum_of("SHA256", b"123456789").upper()}, "Wrong otaPackage file!"),
        ({"content": b""}, "OtaPackage data should be specified!"),
        ({"file_name": ""}, "OtaPackage file name should be specified!"),
        ({"content_type": None}, "OtaPackage content type should be specified!"),
    ],
)
def test_upload_that_breaks_a_rule_is_refused(one: Any, fields: dict[str, Any], text: str) -> None:
    saved = one.model.save_package(package(one), one.now)
    assert refusal(lambda: fill(one, saved, **fields)) == (400, 31, text)


def test_same_bytes_again_pass_and_others_do_not(one: Any) -> None:
    saved = fill(one, one.model.save_package(package(one), one.now))
    assert fill(one, saved).checksum == saved.checksum
    assert refusal(lambda: fill(one, saved, b"other"))[0] == 400


def test_package_without_a_profile_makes_the_server_stumble(one: Any) -> None:
    """A null dereference in its validators: 500."""
    saved = one.model.save_package(package(one, profile_id=None), one.now)
    assert refusal(lambda: fill(one, saved))[:2] == (500, 2)


@pytest.mark.parametrize(
    ("fields", "kind", "text"),
    [
        ({}, Kind.FIRMWARE, "Can't assign firmware with empty data!"),
        ({"kind": Kind.SOFTWARE, "url": "https://x"}, Kind.FIRMWARE, "Can't assign firmware with type: SOFTWARE"),
        ({"url": "https://x"}, Kind.SOFTWARE, "Can't assign software with type: FIRMWARE"),
    ],
)
def test_assignment_that_breaks_a_rule_is_refused(one: Any, fields: dict[str, Any], kind: Kind, text: str) -> None:
    saved = one.model.save_package(package(one, **fields), one.now)
    assert refusal(lambda: one.assign(saved, kind=kind)) == (400, 31, text)


def test_package_of_another_profile_or_none_at_all_cannot_be_assigned(one: Any) -> None:
    other = one.model.save_profile(Profile("P2"), one.now)
    device = one.add_device("d2", profile_id=other.id)
    assert refusal(lambda: one.assign(one.a, device))[2] == "Can't assign firmware with different deviceProfile!"
    assert refusal(lambda: one.assign(replace(one.a, id="x")))[2] == "Can't assign non-existent firmware!"


def test_assigned_package_cannot_be_deleted(one: Any) -> None:
    one.assign(one.a)
    text = "The otaPackage referenced by the devices cannot be deleted!"
    assert refusal(lambda: one.model.delete_package(one.a.id))[2] == text
    one.assign(None)
    one.model.delete_package(one.a.id)
    assert refusal(lambda: one.model.store.package(one.a.id))[:2] == (404, 32)


def test_save_is_a_full_replace(one: Any) -> None:
    """A device without its firmwareId is unassigned."""
    one.assign(one.a)
    one.model.save_device(Device("d1", id=one.device.id), one.now)
    assert one.shared() == {}


def test_older_version_of_a_device_is_a_conflict_and_none_is_not(one: Any) -> None:
    device = one.model.store.device(one.device.id)
    one.model.save_device(device, one.now)
    assert refusal(lambda: one.model.save_device(device, one.now)) == (
        409, 35, "Device was already changed by someone else",
    )  # fmt: skip
    assert one.model.save_device(replace(device, version=None), one.now).version == 3


def test_names_and_tokens_are_unique(one: Any) -> None:
    assert refusal(lambda: one.add_device("d1"))[2] == "Device with such name already exists!"
    token = one.token()
    assert refusal(lambda: one.model.save_device(Device("d2"), one.now, token))[0] == 400
    assert one.model.store.device_named("d2") is None


def test_credentials_need_their_own_id(one: Any) -> None:
    mine = one.model.store.credentials[one.device.id]
    text = "Credentials for this device are already specified!"
    assert refusal(lambda: one.model.save_credentials(replace(mine, id="")))[2] == text
    one.model.save_credentials(replace(mine, credentials_id="new"))
    assert one.model.device_of_token("new").id == one.device.id
    assert one.model.device_of_token(mine.credentials_id) is None


def test_profile_goes_with_its_packages_unless_it_is_used(one: Any) -> None:
    other = one.model.save_profile(Profile("P2"), one.now)
    saved = one.model.save_package(package(one, profile_id=other.id), one.now)
    device = one.add_device("d2", profile_id=other.id)
    assert refusal(lambda: one.model.delete_profile(other.id))[0] == 400
    one.model.delete_device(device.id)
    one.model.delete_profile(other.id)
    assert saved.id not in one.model.store.packages
    assert "Default" in refusal(lambda: one.model.delete_profile(one.model.store.default_profile_id))[2]


def test_device_type_names_a_profile_and_makes_it(one: Any) -> None:
    made = one.add_device("d2", profile_name="pumps")
    assert one.model.store.profile_named("pumps").id == made.profile_id


def test_knob_that_cannot_be_meant_is_named() -> None:
    with pytest.raises(SettingsError, match="cache_entries must be more than 0, not 0"):
        TwinSettings(cache_entries=0)
    with pytest.raises(SettingsError, match="dispatch_spacing_s must be 0 or more, not -1"):
        TwinSettings(dispatch_spacing_s=-1)
