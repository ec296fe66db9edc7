"""The operator's suite: profiles, devices, how they prove who they are, and updates of them."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from otakit.client.credentials import Credentials
from otakit.conformance.operator_part import DISPATCH_S, IMAGE, named, part, refuses, same
from otakit.errors import SettingsError
from otakit.protocol.messages import Kind
from otakit.run import update
from otakit.servers import Device, Profile, Provisioning, Server, Topics


@part
def profile_is_added_once(server: Server) -> None:
    """The second time it is only found."""
    name = named("profile")
    same(server.add_profile(name), server.add_profile(name))


@part
def profile_with_topics_differs_by_its_topics(server: Server) -> None:
    """What is not said is not compared."""
    name, topics = named("topics"), Topics(telemetry="my/telemetry", forgives_format_errors=True)
    profile = server.add_profile(name, topics=topics)
    same(server.add_profile(name, topics=topics), profile)
    same(server.add_profile(name), profile)
    refuses(
        SettingsError,
        "deviceTelemetryTopic 'my/telemetry' instead of 'v1/devices/me/telemetry'",
        lambda: server.add_profile(name, topics=Topics(forgives_format_errors=True)),
    )


@part
def profile_with_provisioning_differs_by_its_secret(server: Server) -> None:
    """Which the error names and does not show."""
    name, key, secret = named("profile"), named("key"), named("secret")
    profile = server.add_profile(name, provisioning=Provisioning(key, secret))
    same(server.add_profile(name, provisioning=Provisioning(key, secret)), profile)
    refuses(
        SettingsError,
        "another provision device secret",
        lambda: server.add_profile(name, provisioning=Provisioning(key, "x")),
        secret,
    )
    refuses(
        SettingsError,
        "provision type 'ALLOW_CREATE_NEW_DEVICES' instead of 'CHECK_PRE_PROVISIONED_DEVICES'",
        lambda: server.add_profile(name, provisioning=Provisioning(key, secret, creates=False)),
    )


@part
def device_is_added_once(server: Server) -> None:
    """And it differs by its profile."""
    name, profile = named("device"), server.add_profile(named("profile"))
    device = server.add_device(name, profile)
    same(server.add_device(name, profile), device)
    same(server.add_device(name), device)
    refuses(SettingsError, "not 'default'", lambda: server.add_device(name, _default(server)))


@part
def device_has_the_token_it_was_given(server: Server) -> None:
    """Another one is named as the difference and not shown."""
    name, token = named("device"), secrets.token_hex(10)
    device = server.add_device(name, credentials=token)
    same(device.token, token)
    same(server.add_device(name, credentials=token), device)
    refuses(
        SettingsError, "other credentials: user_name", lambda: server.add_device(name, credentials="another"), token
    )


@part
def device_has_the_basic_credentials_it_was_given(server: Server) -> None:
    """Client id, user name and password, or some of them."""
    name, user, password = named("device"), named("user"), secrets.token_hex(10)
    proof = Credentials.basic(client_id=named("client"), user_name=user, password=password)
    device = server.add_device(name, credentials=proof)
    same(device.credentials, proof)
    same(server.add_device(name, credentials=proof), device)
    same(server.add_device(name).credentials, proof)
    other = Credentials.basic(client_id=proof.client_id, user_name=user, password=named("other"))
    refuses(SettingsError, "password", lambda: server.add_device(name, credentials=other), password)
    refuses(
        SettingsError,
        "type (MQTT basic credentials, not access token)",
        lambda: server.add_device(name, credentials="t"),
    )


@part
def credentials_are_changed_on_purpose(server: Server) -> None:
    """Twice is as good as once."""
    device, proof = server.add_device(named("device")), Credentials.basic(user_name=named("user"))
    server.change_credentials(device, proof)
    server.change_credentials(device, proof)
    same(server.add_device(device.name).credentials, proof)
    refuses(SettingsError, "no access token", lambda: device.token)


@part
def device_comes_by_itself(server: Server) -> None:
    """With key and secret, once; a wrong secret is named and not shown."""
    name, key, secret = named("device"), named("key"), named("secret")
    profile = server.add_profile(named("profile"), provisioning=Provisioning(key, secret))
    device = server.provision(name, key, secret)
    same(server.provision(name, key, secret), device)
    same(server.add_device(name, profile), device)
    refuses(SettingsError, "check both", lambda: server.provision(named("device"), key, "wrong"), secret)
    proof = Credentials.basic(user_name=named("user"), password=secrets.token_hex(8))
    same(server.provision(named("device"), key, secret, credentials=proof).credentials, proof)


@part
def device_with_a_token_is_updated(server: Server) -> None:
    """From the assignment to UPDATED."""
    _updated(server, server.add_device(named("device")))


@part
def device_with_basic_credentials_is_updated(server: Server) -> None:
    """With client id, user name and password in CONNECT."""
    proof = Credentials.basic(client_id=named("client"), user_name=named("user"), password=secrets.token_hex(8))
    _updated(server, server.add_device(named("device"), credentials=proof))


def _updated(server: Server, device: Device) -> None:
    package = server.upload("firmware", named("package"), "v1.10", IMAGE)
    server.assign(package, to=device)
    server.wait_for(device, "INITIATED", within_s=DISPATCH_S)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "update.pcapng"
        session = update(device, record=path, kinds=(Kind.FIRMWARE,), show_progress=False)
        same(dict(session.outcome or {}).get("firmware"), "UPDATED")
        recorded = path.read_bytes()
        for secret in (device.credentials.password, device.credentials.user_name):
            same(secret is not None and secret.encode() in recorded, False)
    statuses = server.wait_for(device, "UPDATED")
    same(statuses[0], "QUEUED")
    same(device.running(), (package.title, package.version))


def _default(server: Server) -> Profile:
    found = server.operator.default_profile()
    return Profile(found["name"], found["id"]["id"])
