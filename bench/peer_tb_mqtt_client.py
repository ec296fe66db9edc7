"""One download by the PyPI client tb-mqtt-client, in an environment of its own.

Run as ``python peer_tb_mqtt_client.py HOST PORT TOKEN CHUNK_BYTES`` in an empty folder (its default handler
writes a file named after the package there). Prints one JSON line: seconds from DOWNLOADING to
DOWNLOADED, processor seconds of the whole process in that time, and the bytes.
"""

from __future__ import annotations

import json
import logging
import sys
import time

from tb_device_mqtt import TBDeviceMqttClient


def main(host: str, port: str, token: str, chunk_bytes: str) -> None:
    """Updates once and reports."""
    logging.disable(logging.CRITICAL)
    client = TBDeviceMqttClient(host, int(port), username=token, chunk_size=int(chunk_bytes))
    client.connect()
    while not client.is_connected() or not client.rate_limits_received:
        time.sleep(0.005)
    client.get_firmware_update()
    _wait(client, "DOWNLOADING")
    began, cpu = time.perf_counter(), time.process_time()
    _wait(client, "DOWNLOADED")
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"seconds": took, "cpu_seconds": spent, "bytes": len(client.firmware_data)}), flush=True)
    _wait(client, "UPDATED", "FAILED")
    print(json.dumps({"state": client.current_firmware_info["fw_state"]}), flush=True)
    client.stop()


def _wait(client: TBDeviceMqttClient, *states: str) -> None:
    """Until the client says one of `states`; it offers no other way to know."""
    while client.current_firmware_info["fw_state"] not in states:
        time.sleep(0.002)


if __name__ == "__main__":
    main(*sys.argv[1:])
