"""MQTT control packets: values to bytes and back, versions 3.1, 3.1.1 and 5.

The face of `framing` (bytes to whole packets), `decode` and `encode`. Knows the wire format and
nothing of ThingsBoard or of sockets: `Framer` is fed with slices of any size and gives whole packets,
`decode` reads one, `decode_head` reads what is left of one that a recording cut short.
"""

from otakit.protocol.decode import decode, decode_head
from otakit.protocol.encode import encode
from otakit.protocol.framing import Framer, header_length, packet_type, publish_layout

__all__ = ["Framer", "decode", "decode_head", "encode", "header_length", "packet_type", "publish_layout"]
