"""Behind a general broker, what the twin does by itself: answers every chunk request with the bytes.

Run as ``python bench/responder.py PORT SIZE``. Requests come on ``d/<n>/v2/fw/request/<id>/chunk/<i>``,
answers go to ``d/<n>/v2/fw/response/<id>/chunk/<i>``, both at QoS 0.
"""

from __future__ import annotations

import asyncio
import json
import sys

from crowded_twin import image_of

from otakit.protocol import packets as p
from otakit.protocol.mqtt import Framer, decode, encode
from otakit.protocol.packets import Version

V3 = Version.MQTT_3_1_1


async def serve(port: int, size: int) -> None:
    """Answers until the broker goes away."""
    image = image_of(size)[:size]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(encode(p.Connect("responder", V3, user_name="responder"), V3))
    writer.write(encode(p.Subscribe(1, (("d/+/v2/fw/request/+/chunk/+", 0),)), V3))
    framer = Framer()
    while data := await reader.read(1 << 18):
        for raw in framer.feed(data):
            packet = decode(raw, V3)
            if isinstance(packet, p.SubAck):
                print(json.dumps({"ready": True}), flush=True)
            elif isinstance(packet, p.Publish):
                at, length = int(packet.topic.rpartition("/")[2]), int(packet.payload)
                topic = packet.topic.replace("/request/", "/response/", 1)
                writer.write(encode(p.Publish(topic, image[at * length : (at + 1) * length]), V3))
        await writer.drain()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
