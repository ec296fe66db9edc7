"""The client on a real connection: paho-mqtt, one thread for socket, step and send.

`tap` lets a watcher see the bytes, `wire` is one connection, `loop` turns events into actions and back,
`device` is what people call.
"""

from otakit.client.driver.device import Client

__all__ = ["Client"]
