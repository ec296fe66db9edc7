"""ThingsBoard's official REST client works the twin unchanged: a foreign operator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tb_ce_client import ApiException, ThingsboardClient
from tb_ce_client.models.device import Device
from tb_ce_client.models.device_credentials import DeviceCredentials
from tb_ce_client.models.device_profile import DeviceProfile
from tb_ce_client.models.ota_package_id import OtaPackageId
from tb_ce_client.models.save_device_with_credentials_request import SaveDeviceWithCredentialsRequest
from tb_ce_client.models.save_ota_package_info_request import SaveOtaPackageInfoRequest

from otakit.protocol.checksums import checksum_of
from otakit.servers import Twin
from otakit.twin import TwinSettings
from otakit.twin.rest.login import PASSWORD, USER

IMAGE = bytes(i % 251 for i in range(200_000))


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(settings=TwinSettings(dispatch_latency_s=0, dispatch_spacing_s=0, shuffle=False)) as running:
        yield running


@pytest.fixture
def client(twin: Twin) -> Iterator[Any]:
    """The official client, logged in by name and password."""
    with ThingsboardClient(twin.url, USER, PASSWORD) as logged_in:
        yield logged_in


def a_package(client: Any, title: str, version: str, profile_id: Any = None) -> Any:
    """A package, described and filled."""
    profile_id = profile_id or client.get_default_device_profile_info().id
    request = SaveOtaPackageInfoRequest(title=title, version=version, type="FIRMWARE", device_profile_id=profile_id)
    saved = client.save_ota_package_info(request)
    return client.save_ota_package_data(str(saved.id.id), "SHA256", ("image.bin", IMAGE))


def test_official_client_carries_an_update_from_login_to_telemetry(client: Any, twin: Twin) -> None:
    """Login, device, package, upload, assignment, attributes, telemetry: the whole of an operator's day."""
    device = client.save_device(Device(name="official", label="l"))
    package = a_package(client, "pump", "1.10")
    assert (package.checksum, package.data_size, package.has_data) == (checksum_of("SHA256", IMAGE), len(IMAGE), True)

    device.firmware_id = OtaPackageId(entity_type="OTA_PACKAGE", id=package.id.id)
    device = client.save_device(device)
    assert device.firmware_id.id == package.id.id
    twin.ask(lambda model: model.advance(2**62))

    shared = client.get_attributes_by_scope("DEVICE", str(device.id.id), "SHARED_SCOPE")
    assert {row.key if hasattr(row, "key") else row["key"] for row in shared} >= {"fw_title", "fw_version", "fw_size"}
    latest = client.get_latest_timeseries("DEVICE", str(device.id.id), keys="fw_state,target_fw_version")
    assert latest["target_fw_version"][0].value == "1.10"
    history = client.get_timeseries_history("DEVICE", str(device.id.id), 0, 2**52, keys="fw_state", limit="10")
    assert history["fw_state"][0].value == "INITIATED"
    assert "fw_state" in client.get_timeseries_keys("DEVICE", str(device.id.id))


def test_official_client_finds_devices_and_their_tokens(client: Any) -> None:
    made = client.save_device(Device(name="found"))
    assert client.get_tenant_device_by_name("found").id.id == made.id.id
    assert client.get_device_by_id(str(made.id.id)).name == "found"
    assert "found" in [each.name for each in client.get_tenant_devices(page_size=100, page=0).data]
    credentials = client.get_device_credentials_by_device_id(str(made.id.id))
    credentials.credentials_id = "a-token-of-mine"
    assert client.update_device_credentials(credentials).credentials_id == "a-token-of-mine"
    client.delete_device(str(made.id.id))
    with pytest.raises(ApiException) as caught:
        client.get_device_by_id(str(made.id.id))
    assert caught.value.status == 404


def test_official_client_creates_a_device_with_its_token(client: Any, twin: Twin) -> None:
    nobody = {"id": "00000000-0000-4000-8000-000000000000"}  # its model asks for ids that the server fills in
    fields = {"id": nobody, "deviceId": {**nobody, "entityType": "DEVICE"}}
    credentials = DeviceCredentials.from_dict({**fields, "credentialsType": "ACCESS_TOKEN", "credentialsId": "chosen"})
    request = SaveDeviceWithCredentialsRequest(device=Device(name="chosen"), credentials=credentials)
    made = client.save_device_with_credentials(request)
    assert twin.operator.token_of(str(made.id.id)) == "chosen"


def test_official_client_works_profiles_and_packages(client: Any, tmp_path: Path) -> None:
    profile = client.save_device_profile(
        DeviceProfile.from_dict(
            {
                "name": "P", "type": "DEFAULT", "transportType": "DEFAULT",
                "profileData": {"configuration": {"type": "DEFAULT"}, "transportConfiguration": {"type": "DEFAULT"}},
            }
        )
    )  # fmt: skip
    package = a_package(client, "valve", "1", profile.id)
    profile = client.get_device_profile_by_id(str(profile.id.id))
    profile.firmware_id = OtaPackageId(entity_type="OTA_PACKAGE", id=package.id.id)
    assert client.save_device_profile(profile).firmware_id.id == package.id.id
    assert "P" in [each.name for each in client.get_device_profiles(page_size=100, page=0).data]
    listed = client.get_ota_packages_by_device_profile_and_type(str(profile.id.id), "FIRMWARE", page_size=10, page=0)
    assert [each.title for each in listed.data] == ["valve"]
    assert client.get_ota_package_info_by_id(str(package.id.id)).version == "1"
    assert bytes(client.download_ota_package(str(package.id.id))) == IMAGE


def test_official_client_writes_and_deletes_attributes(client: Any) -> None:
    device = client.save_device(Device(name="attributes"))
    client.save_entity_attributes_v2("DEVICE", str(device.id.id), "SHARED_SCOPE", '{"colour":"red"}')
    client.delete_entity_attributes("DEVICE", str(device.id.id), "SHARED_SCOPE", keys="colour")
    assert client.get_attributes_by_scope("DEVICE", str(device.id.id), "SHARED_SCOPE") == []


def test_official_client_refreshes_its_login(twin: Twin) -> None:
    """By the tokens' own times: `iat` and `exp`."""
    with ThingsboardClient(twin.url, USER, PASSWORD) as client:
        before = client.get_token()
        client._auth_manager._do_refresh_token(client._auth_manager._token_info)
        assert client.get_token() != before
        assert client.get_default_device_profile_info().name == "default"


def test_official_client_is_told_what_is_wrong(twin: Twin) -> None:
    with pytest.raises(ApiException) as caught:
        ThingsboardClient(twin.url, USER, "wrong")
    assert caught.value.status == 401
    assert "Invalid username or password" in str(caught.value.body)
