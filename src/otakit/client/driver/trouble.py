"""Why a connection failed, in sentences a person can act on.

Turns exceptions, first bytes and reason codes into text; refuses to decide what follows from it.
"""

from __future__ import annotations

import errno
import socket
import ssl

from otakit.client.settings import Settings
from otakit.protocol.packets import PacketType, Version
from otakit.reasons import reason_text

TLS_ALERT = 0x15
TLS_MAJOR = 3
CONNACK_BYTE = 0x20
PROTOCOL_ERROR, KEEP_ALIVE_TIMEOUT = 0x82, 0x8D


def cannot_connect(host: str, port: int, error: Exception, settings: Settings) -> str:
    """TCP or TLS could not be set up."""
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{where}: the server's certificate is not trusted ({error.verify_message}); give a TLS context with its CA"
        )
    if isinstance(error, ssl.SSLError) or (isinstance(error, OSError) and error.errno == 0):
        return f"{where} does not answer in TLS ({_said(error)}): is it the plain port (1883)? Then connect without TLS"
    if isinstance(error, socket.gaierror):
        return f"host {host!r} is not known ({error.strerror}); check its name"
    if isinstance(error, TimeoutError):
        return f"{where} did not answer in {settings.connect_deadline_s:g} s; check host, port and firewall"
    if isinstance(error, ConnectionRefusedError):
        return f"{where} refused the connection: no server listens there; check host and port, start the server"
    if isinstance(error, ConnectionResetError) or getattr(error, "errno", None) == errno.EPIPE:
        return f"{where} closed the connection at once; check that it is an MQTT port"
    return f"{where} cannot be reached ({_said(error)}); check host, port and network"


def _said(error: Exception) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__


def connack_code(head: bytes) -> int | None:
    """The code in a CONNACK among the first bytes received; None when they are none."""
    return head[3] if len(head) >= 4 and head[0] == CONNACK_BYTE else None


def refusal(host: str, port: int, head: bytes, version: Version) -> str:
    """The connection ended before CONNECT was accepted."""
    where = f"{host}:{port}"
    code = connack_code(head)
    if code is not None:
        meaning = reason_text(PacketType.CONNACK, code, version)
        shown = f"0x{code:02X}" if version is Version.MQTT_5 else str(code)
        return f"{where} answered CONNECT with {shown}, {meaning}; check the access token and the server"
    if len(head) >= 2 and head[0] == TLS_ALERT and head[1] == TLS_MAJOR:
        return f"{where} answers in TLS: connect with a TLS context, or to the plain port (1883)"
    if not head:
        return (
            f"{where} closed the connection without an answer to CONNECT: it may want TLS, be no MQTT server, or not "
            f"speak MQTT {version.label}; check the port"
        )
    return f"{where} answered CONNECT with {head[:8].hex(' ')}…, which is no MQTT; check the port"


def server_left(error: OSError | None, code: int | None = None) -> str:
    """The connection ended after it worked."""
    if code is not None:
        return f"the server disconnected with 0x{code:02X}, {reason_text(PacketType.DISCONNECT, code, Version.MQTT_5)}"
    if error is not None:
        return f"the connection broke ({_said(error)})"
    return "the server closed the connection"


def paho_left(code: int, keep_alive_s: int) -> str:
    """Paho ended the connection by itself, with its own idea of a reason code."""
    if code == KEEP_ALIVE_TIMEOUT:
        return f"the server did not answer PINGREQ in {keep_alive_s} s"
    return no_mqtt("a protocol error") if code == PROTOCOL_ERROR else "the server closed the connection"


def no_mqtt(what: Exception | str) -> str:
    """Bytes came that paho cannot read."""
    said = what if isinstance(what, str) else type(what).__name__
    return f"the server sent bytes that are no MQTT ({said}); check host and port"
