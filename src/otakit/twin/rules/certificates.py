"""What of a certificate matters to ThingsBoard: its text, its hash, its name, its time.

Refuses to parse: whoever has a library for that passes a `ReadCertificate` in. Without one, nobody's
certificate expires and none has a name.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_FRAME = re.compile(r"-----(?:BEGIN|END) CERTIFICATE-----|[\r\n]")


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself.

    Attributes:
        common_name: the CN of its subject.
        valid_from_ns: nanoseconds since the epoch.
        valid_to_ns: likewise.
    """

    common_name: str | None
    valid_from_ns: int
    valid_to_ns: int

    def is_valid(self, now: int) -> bool:
        """Whether now is within its time."""
        return self.valid_from_ns <= now <= self.valid_to_ns


ReadCertificate = Callable[[bytes], CertificateFacts | None]
"""Takes a certificate in DER; None when it cannot be read."""


def unread(_der: bytes) -> CertificateFacts | None:
    """Reads no certificate."""
    return None


def sha3(text: str) -> str:
    """`EncryptionUtil.getSha3Hash`: SHA3-256 in hex, of the text without PEM's frame and line breaks."""
    return hashlib.sha3_256(bare(text).encode(errors="replace")).hexdigest()


def bare(pem: str) -> str:
    """PEM without its frame and its line breaks (`certTrimNewLines`)."""
    return _FRAME.sub("", pem)


def base64_of(der: bytes) -> str:
    """A certificate's base64, as ThingsBoard stores and hashes it."""
    return base64.b64encode(der).decode()


def der_of(text: str) -> bytes:
    """The bytes of what `bare` gives; empty when it is no base64."""
    try:
        return base64.b64decode(bare(text), validate=True)
    except ValueError:
        return b""
