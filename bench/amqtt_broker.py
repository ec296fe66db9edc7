"""A general MQTT broker (amqtt) in a process of its own: prints its port, serves until standard input ends."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import sys

from amqtt.broker import Broker


async def serve() -> None:
    """Serves everybody, without a login."""
    logging.disable(logging.CRITICAL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    bind = {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 0}
    broker = Broker({"listeners": {"default": bind}, "plugins": plugins})
    await broker.start()
    print(json.dumps({"port": port}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await broker.shutdown()


asyncio.run(serve())
