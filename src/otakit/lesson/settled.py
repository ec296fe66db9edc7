"""Waiting for what the operator did to reach a device's attributes: a lesson never sleeps.

Knows how the server's attributes tell that an assignment was carried out; refuses to know how it is made.
ThingsBoard writes them after its turn in a queue, 100 devices a minute. Lessons call it.
"""

from __future__ import annotations

import time

from otakit.errors import ResponseTimeout
from otakit.protocol.messages import Kind
from otakit.servers import Device, Server, StoredPackage, kind_of

WITHIN_S = 30.0
LOOK_AGAIN_S = 0.05


def settled(
    server: Server, device: Device, package: StoredPackage | None, *, kind: str = "firmware", within_s: float = WITHIN_S
) -> dict[str, object]:
    """Waits until the shared attributes of a device describe a package, or with None no package any more.

    Args:
        server: that has the device.
        device: whose attributes.
        package: that is expected there.
        kind: ``firmware`` or ``software``, where `package` is None.
        within_s: seconds until it is too late.

    Returns:
        The shared attributes of that kind.

    Raises:
        ResponseTimeout: they did not come to it in time; the text says what stands there.
    """
    chosen, ends = package.kind if package else kind_of(kind), time.monotonic() + within_s
    while True:
        prefix = f"{chosen.value}_"
        found = {key: value for key, value in server.attributes(device).items() if key.startswith(prefix)}
        if _describes(found, package, chosen):
            return found
        if time.monotonic() > ends:
            wanted = f"{package.title} {package.version}" if package else "no package"
            raise ResponseTimeout(f"{device.name}: the attributes do not describe {wanted} in {within_s:g} s: {found}")
        time.sleep(LOOK_AGAIN_S)


def _describes(found: dict[str, object], package: StoredPackage | None, kind: Kind) -> bool:
    if package is None:
        return f"{kind.value}_title" not in found
    # ThingsBoard deletes the stale keys and saves the new ones one by one (`OtaPackageStateService.updateAttributes`)
    wanted = {
        "title": package.title, "version": package.version, "tag": package.tag, "size": package.size,
        "checksum": package.checksum, "checksum_algorithm": package.algorithm, "url": package.url,
    }  # fmt: skip
    return {f"{kind.value}_{name}": value for name, value in wanted.items() if value is not None} == found
