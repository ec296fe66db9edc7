"""How a CONNECT is refused: the code of CONNACK, and of MQTT 5's DISCONNECT behind it.

Knows `ReturnCodeResolver` and `onValidateDeviceResponse`: the code tells what was presented, never what was
wrong with it. Refuses to know who is refused.
"""

from __future__ import annotations

from otakit.protocol import packets as p
from otakit.protocol.packets import Version
from otakit.twin.rules.credentials import Refusal

CODES = {
    Refusal.CERTIFICATE: (5, 0x87, 0x87),
    Refusal.OTHER_TRANSPORT: (3, 0x88, 0x89),
    Refusal.NO_CORE: (3, 0x88, 0x89),
    Refusal.RATE: (3, 0x9F, 0x96),
}
"""CONNACK's code in MQTT 3, in MQTT 5, and there DISCONNECT's behind it."""
UNAVAILABLE_TO_CERTIFICATE = 0x83


def refusal_codes(why: Refusal, packet: p.Connect, *, has_certificate: bool) -> tuple[int, int]:
    """CONNACK's code, and DISCONNECT's for who speaks MQTT 5."""
    if why is not Refusal.NOT_KNOWN:
        three, five, goodbye = CODES[why]
        if has_certificate and why in (Refusal.OTHER_TRANSPORT, Refusal.NO_CORE):
            goodbye = UNAVAILABLE_TO_CERTIFICATE
    elif packet.user_name is not None or packet.password is not None:
        three, five, goodbye = 5, 0x86, 0x86
    elif packet.client_id.strip():
        three, five, goodbye = 2, 0x85, 0x85
    else:
        three, five, goodbye = 5, 0x87, 0x87
    return five if packet.version is Version.MQTT_5 else three, goodbye
