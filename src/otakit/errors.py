"""Every exception that otakit raises on purpose.

A text says what was expected, what came, where, and what to do about it. Edges translate foreign
exceptions into these and keep the cause; pure code raises only for our own misuse, never for what a
peer sent to the update machine (that is an event which ends in FAILED with a reason).

OtakitError
├─ ProtocolError ── LocalProtocolError (we did) · RemoteProtocolError (they did)
│                                                  └─ ServerRefused (a REST call, with its status)
├─ ImageError ───── ChecksumMismatch
├─ RecordingError ─ UnknownFormat · BrokenRecord (at offset)
├─ TransportError (also ConnectionError) · ResponseTimeout (also TimeoutError)
├─ SettingsError (also ValueError; a name, an option, a file that cannot be used as asked)
└─ DiagramError (line and text)
"""

from __future__ import annotations


class OtakitError(Exception):
    """Base of all errors of this package."""


class ProtocolError(OtakitError):
    """MQTT's or ThingsBoard's rules were broken."""


class LocalProtocolError(ProtocolError):
    """We were asked to send what the protocol does not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer sent what the protocol does not allow.

    Attributes:
        reason_code: the MQTT 5 reason code that names the fault (OASIS MQTT 5, section 2.4).
    """

    def __init__(self, text: str, reason_code: int = 0x81) -> None:
        super().__init__(text)
        self.reason_code = reason_code


class ServerRefused(RemoteProtocolError):
    """A REST call was answered with an error.

    Attributes:
        status: HTTP status code.
        error_code: ThingsBoard's own ``errorCode``, or None when the body had none.
    """

    def __init__(self, text: str, status: int, error_code: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.error_code = error_code


class ImageError(OtakitError):
    """An image cannot be used: missing, empty, too large, of the wrong size."""


class ChecksumMismatch(ImageError):
    """The bytes received are not the bytes announced."""


class RecordingError(OtakitError):
    """A recording cannot be read or written."""


class UnknownFormat(RecordingError):
    """The file is no recording and no capture that otakit reads."""


class BrokenRecord(RecordingError):
    """A recording is damaged.

    Attributes:
        offset: byte offset of the damaged block in the file.
    """

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.offset = offset


class TransportError(OtakitError, ConnectionError):
    """A connection could not be made, or was lost."""


class ResponseTimeout(OtakitError, TimeoutError):
    """A peer did not answer in time."""


class SettingsError(OtakitError, ValueError):
    """A setting, a name or a file cannot be used as asked."""


class DiagramError(OtakitError):
    """A diagram's source is wrong.

    Attributes:
        line: one-based line number in the source, or None when it concerns the whole.
    """

    def __init__(self, text: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {text}" if line is not None else text)
        self.line = line
