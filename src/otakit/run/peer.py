"""Who is updated: a device, where its server is, and what installs on it.

Knows how a device from ``server.add_device``, or one behind any MQTT address, becomes a client; refuses to
run it. `run.start` and the stepping lessons ask it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from otakit.captured import Address, Watcher
from otakit.client.credentials import Credentials
from otakit.client.disk import Installer, TwoSlotDevice
from otakit.client.driver import Client
from otakit.client.vocabulary import Progress, Settings
from otakit.protocol.messages import Kind
from otakit.servers import Device, Server
from otakit.servers.trust import device_tls
from otakit.settings import mqtt_address


@dataclass
class Peer:
    """Who is updated: a device, where its server is, and what installs on it.

    Attributes:
        name: for files and messages.
        address: of the server's MQTT door.
        folder: where images are kept.
        hardware: what is updated.
        installer: the user's own, heard before the hardware; None for the hardware alone.
        server: for what only the operator's side knows; None for a server without a REST door.
    """

    name: str
    address: Address
    credentials: Credentials = field(repr=False)
    folder: Path
    hardware: TwoSlotDevice
    installer: Installer | None = None
    tls: ssl.SSLContext | None = None
    server: Server | None = None
    device: Device | None = None

    def client(
        self,
        settings: Settings,
        watcher: Watcher,
        address: Address | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Client:
        """The client that plays this device; `address` where a link stands in front of the server."""
        return Client(
            *(address or self.address),
            credentials=self.credentials,
            folder=self.folder,
            settings=settings,
            installer=self.installer,
            hardware=self.hardware,
            watcher=watcher,
            tls=self.tls,
            on_progress=on_progress,
        )


def peer_of(device: Device | Peer, installer: Installer | None = None) -> Peer:
    """What `update` needs to know of a device.

    Args:
        device: from ``server.add_device``, or already a `Peer`.
        installer: the user's own, heard before the device's.
    """
    if isinstance(device, Device):
        where = (device.name, device.server.mqtt, device.credentials, device.folder, device.hardware)
        device = Peer(*where, tls=device.tls, server=device.server, device=device)
    return replace(device, installer=installer) if installer is not None else device


def peer_at(
    server: str,
    token: str | Credentials,
    *,
    folder: str | Path,
    name: str = "device",
    running: Mapping[Kind, tuple[str, str]] | None = None,
    ca_file: str | Path | None = None,
) -> Peer:
    """A device of one's own on any server, without a REST door.

    Args:
        server: ``host``, ``host:port``, ``mqtt://host:port`` or ``mqtts://host:port``.
        token: its access token, or `Credentials` of another type.
        folder: where images and the two simulated slots are kept.
        name: for files and messages.
        running: title and version that it runs at first.
        ca_file: certificates to trust with mqtts, in place of the system's.

    Raises:
        SettingsError: an address or a certificate file that cannot be used.
    """
    host, port, wants_tls = mqtt_address(server)
    own = Path(folder)
    own.mkdir(parents=True, exist_ok=True)
    hardware = TwoSlotDevice(own, dict(running or {Kind.FIRMWARE: (name, "1.0.0")}))
    shown = Credentials.token(token) if isinstance(token, str) else token
    return Peer(name, (host, port), shown, own, hardware, tls=device_tls(name, shown, wants_tls, ca_file))
