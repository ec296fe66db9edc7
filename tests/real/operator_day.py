"""An operator's whole day with the official REST client, whichever version the path brings; prints what came of it.

Run as a process of its own, so that two versions never meet: URL, user, password and API key as arguments,
one JSON object on standard output. Knows nothing of otakit.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from tb_ce_client import ApiException, ThingsboardClient
from tb_ce_client.models.device import Device
from tb_ce_client.models.device_credentials import DeviceCredentials
from tb_ce_client.models.device_profile import DeviceProfile
from tb_ce_client.models.ota_package_id import OtaPackageId
from tb_ce_client.models.save_device_with_credentials_request import SaveDeviceWithCredentialsRequest
from tb_ce_client.models.save_ota_package_info_request import SaveOtaPackageInfoRequest

IMAGE = bytes(i % 251 for i in range(200_000))
NOBODY = "00000000-0000-4000-8000-000000000000"
PLAIN = {"type": "DEFAULT"}
CREDENTIALS = {
    "ACCESS_TOKEN": {"credentialsId": "a-token-of-mine"},
    "MQTT_BASIC": {"credentialsValue": '{"clientId":"cid-1","userName":"user-1","password":"p"}'},
    "X509_CERTIFICATE": {"credentialsValue": "-----BEGIN CERTIFICATE-----\nTUlJ\n-----END CERTIFICATE-----"},
}


def refusal(call: Callable[[], Any]) -> list[Any]:
    """Status and errorCode, or the text, of the exception that a call ends in."""
    try:
        call()
    except ApiException as error:
        try:
            return [error.status, json.loads(error.body)["errorCode"]]
        except (TypeError, ValueError, KeyError):
            return [error.status, str(error.body)]
    return ["no refusal"]


def logins(url: str, user: str, password: str, api_key: str) -> dict[str, Any]:
    """Login, refresh, a wrong password, a key in place of both."""
    with ThingsboardClient(url, user, password) as client:
        before = client.get_token()
        client._auth_manager._do_refresh_token(client._auth_manager._token_info)
        refreshed = client.get_token() != before
    with ThingsboardClient(url, api_key=api_key) as client:
        by_key = client.get_default_device_profile_info().name
    return {
        "refreshed": refreshed,
        "by key": by_key,
        "wrong password": refusal(lambda: ThingsboardClient(url, user, "wrong")),
    }


def a_profile(client: Any, **fields: Any) -> Any:
    """A profile for MQTT with topics of its own."""
    transport = {"type": "MQTT", "deviceTelemetryTopic": "my/tm", "deviceAttributesTopic": "my/at"}
    data = {"configuration": PLAIN, "transportConfiguration": transport}
    body = {"name": "P", "type": "DEFAULT", "transportType": "MQTT", "profileData": data, **fields}
    return client.save_device_profile(DeviceProfile.from_dict(body))


def profiles(client: Any) -> dict[str, Any]:
    """Created, found, listed, deleted."""
    made = a_profile(client, name="short-lived")
    identifier = str(made.id.id)
    listed = client.get_device_profiles(page_size=100, page=0, sort_property="name", sort_order="DESC").data
    client.delete_device_profile(identifier)
    return {
        "transport": made.transport_type if isinstance(made.transport_type, str) else made.transport_type.value,
        "listed": [each.name for each in listed],
        "gone": refusal(lambda: client.get_device_profile_by_id(identifier)),
        "default stays": refusal(
            lambda: client.delete_device_profile(str(client.get_default_device_profile_info().id.id))
        ),
    }


def devices(client: Any) -> dict[str, Any]:
    """Created with credentials of three kinds, which are read back; found by name, listed, changed, deleted."""
    ids = {}
    for kind, fields in CREDENTIALS.items():
        entity: dict[str, Any] = {
            "id": {"id": NOBODY},
            "deviceId": {"id": NOBODY, "entityType": "DEVICE"},
        }  # its model asks for them
        entity["credentialsId"] = "computed where it follows from the value"
        first = DeviceCredentials.from_dict({**entity, "credentialsType": kind, **fields})
        request = SaveDeviceWithCredentialsRequest(device=Device(name=kind), credentials=first)
        ids[kind] = str(client.save_device_with_credentials(request).id.id)
    there = {kind: client.get_device_credentials_by_device_id(identifier) for kind, identifier in ids.items()}
    changed = there["ACCESS_TOKEN"]
    changed.credentials_id = "another-token"
    stale = client.get_device_by_id(ids["MQTT_BASIC"])
    client.save_device(client.get_device_by_id(ids["MQTT_BASIC"]))
    report = {
        "ids": {kind: each.credentials_id for kind, each in there.items() if kind != "ACCESS_TOKEN"},
        "changed": client.update_device_credentials(changed).credentials_id,
        "taken": refusal(lambda: client.save_device(Device(name="x"), access_token="another-token")),
        "same name": refusal(lambda: client.save_device(Device(name="MQTT_BASIC"))),
        "stale": refusal(lambda: client.save_device(stale)),
        "found": client.get_tenant_device_by_name("MQTT_BASIC").name,
        "searched": [each.name for each in client.get_tenant_devices(page_size=9, page=0, text_search="x509").data],
    }
    for identifier in ids.values():
        client.delete_device(identifier)
    return {**report, "gone": refusal(lambda: client.get_device_by_id(ids["MQTT_BASIC"]))}


def a_package(client: Any, profile: Any, **fields: Any) -> Any:
    """A package, described."""
    request = {"title": "pump", "version": "1.10", "type": "FIRMWARE", **fields}
    draft = SaveOtaPackageInfoRequest.from_dict(request)
    draft.device_profile_id = profile.id
    return client.save_ota_package_info(draft)


def packages(client: Any, profile: Any) -> dict[str, Any]:
    """Described, filled, listed, downloaded; what the rules refuse."""
    made = a_package(client, profile)
    identifier = str(made.id.id)
    filled = client.save_ota_package_data(identifier, "SHA256", ("image.bin", IMAGE))
    listed = client.get_ota_packages_by_device_profile_and_type(str(profile.id.id), "FIRMWARE", page_size=9, page=0)
    return {
        "first": made.has_data,
        "checksum": filled.checksum,
        "info": client.get_ota_package_info_by_id(identifier).data_size,
        "listed": [each.title for each in listed.data],
        "downloaded": bytes(client.download_ota_package(identifier)) == IMAGE,
        "twice": refusal(lambda: a_package(client, profile)),
        "other bytes": refusal(lambda: client.save_ota_package_data(identifier, "SHA256", ("image.bin", b"x"))),
        "algorithm": refusal(lambda: client.save_ota_package_data(identifier, "SHA1", ("image.bin", IMAGE))),
        "nobody": refusal(lambda: client.get_ota_package_info_by_id(NOBODY)),
    }


def latest(client: Any, identifier: str, keys: str) -> dict[str, Any]:
    """The newest values of a device, as they are."""
    found = client.get_latest_timeseries("DEVICE", identifier, keys=keys, use_strict_data_types=True)
    return {key: rows[0].value for key, rows in found.items()}


def update(client: Any, profile: Any) -> dict[str, Any]:
    """Assigned, dispatched, seen in telemetry and attributes, in use, taken back."""
    package = client.get_ota_packages(page_size=1, page=0, text_search="pump").data[0]
    device = client.save_device(Device(name="pump-7", device_profile_id=profile.id))
    device.firmware_id = OtaPackageId(entity_type="OTA_PACKAGE", id=package.id.id)
    device = client.save_device(device)
    identifier, until = str(device.id.id), time.monotonic() + 20
    while latest(client, identifier, "fw_state")["fw_state"] != "INITIATED" and time.monotonic() < until:
        pass
    report = {
        "latest": latest(client, identifier, "fw_state,target_fw_version"),
        "shared": shared(client, identifier),
        "keys": client.get_timeseries_keys("DEVICE", identifier),
        "in use": refusal(lambda: client.delete_ota_package(str(package.id.id))),
    }
    device.firmware_id = None
    client.save_device(device)
    return {**report, "left": shared(client, identifier), "deleted": client.delete_ota_package(str(package.id.id))}


def shared(client: Any, identifier: str) -> dict[str, Any]:
    """A device's shared attributes, unread: one version's model drops keys, the other's call gives nothing back."""
    answer = client.get_attributes_by_scope_without_preload_content("DEVICE", identifier, "SHARED_SCOPE")
    return {row["key"]: row["value"] for row in json.loads(answer.data)}


def telemetry(client: Any) -> dict[str, Any]:
    """Values written, read as history and aggregated; attributes of two scopes written and deleted."""
    identifier = str(client.get_tenant_device_by_name("pump-7").id.id)
    for second in range(4):
        body = json.dumps({"ts": 1000 * second, "values": {"n": second}})
        client.save_entity_telemetry("DEVICE", identifier, "ANY", body)
    read = client.get_timeseries_history
    rows = read("DEVICE", identifier, 0, 3000, keys="n", order_by="ASC", use_strict_data_types=True)["n"]
    sums = read("DEVICE", identifier, 0, 4000, keys="n", interval=2000, agg="SUM", use_strict_data_types=True)["n"]
    client.save_device_attributes(identifier, "SHARED_SCOPE", '{"colour":"red","size":"1.0"}')
    client.save_entity_attributes_v2("DEVICE", identifier, "SERVER_SCOPE", '{"s":1}')
    client.delete_entity_attributes("DEVICE", identifier, "SHARED_SCOPE", keys="colour")
    return {
        "history": [[row.ts, row.value] for row in rows],
        "sums": [[row.ts, row.value] for row in sums],
        "shared": shared(client, identifier),
        "no keys": refusal(lambda: client.delete_device_attributes(identifier, "SHARED_SCOPE")),
        "no object": refusal(lambda: client.save_device_attributes(identifier, "SHARED_SCOPE", "[]")),
        "nobody": refusal(lambda: client.get_timeseries_keys("DEVICE", NOBODY)),
        "no id": refusal(lambda: client.get_timeseries_keys("DEVICE", "x")),
    }


def main(url: str, user: str, password: str, api_key: str) -> None:
    """The day, hour by hour."""
    report: dict[str, Any] = {"version": version("tb-ce-client"), "logins": logins(url, user, password, api_key)}
    with ThingsboardClient(url, user, password) as client:
        report["profiles"] = profiles(client)
        report["devices"] = devices(client)
        profile = a_profile(client)
        report["packages"] = packages(client, profile)
        report["update"] = update(client, profile)
        report["telemetry"] = telemetry(client)
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
