"""Reads certificates with the library `cryptography`, for the pure rules that only want a name and a time.

An edge in so far as that library is an extra: without it nothing here can be called, and nothing else of
the twin needs it.
"""

from __future__ import annotations

from otakit.twin.rules.certificates import CertificateFacts

_SECOND = 1_000_000_000


def read_certificate(der: bytes) -> CertificateFacts | None:
    """What a certificate in DER says of itself; None when it cannot be read."""
    from cryptography import x509  # noqa: PLC0415 - an extra, wanted only where TLS is

    try:
        found = x509.load_der_x509_certificate(der)
        names = found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        start, end = found.not_valid_before_utc, found.not_valid_after_utc
    except ValueError:
        return None
    name = str(names[0].value) if names else None
    return CertificateFacts(name, round(start.timestamp()) * _SECOND, round(end.timestamp()) * _SECOND)
