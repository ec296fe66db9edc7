"""A device on tb-mqtt-client, used as its own example does: it updates until it is ended.

python tb_mqtt_device.py HOST PORT TOKEN     (in an empty folder: its default handler writes a file there)
"""

from __future__ import annotations

import logging
import sys
import threading
import time

from tb_device_mqtt import TBDeviceMqttClient

CHUNK = 4096


def main(host: str, port: str, token: str) -> None:
    """Connects and asks for the update; everything else is the library's."""
    logging.disable(logging.CRITICAL)
    client = TBDeviceMqttClient(host, int(port), username=token, chunk_size=CHUNK)
    client.connect()
    while not client.is_connected() or not client.rate_limits_received:  # it offers no other way to know
        time.sleep(0.005)
    client.get_firmware_update()
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
