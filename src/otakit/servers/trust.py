"""TLS as devices and operators speak it: whom they trust, and the certificate that a device shows."""

from __future__ import annotations

import ssl
from pathlib import Path

from otakit.client.credentials import X509, Credentials
from otakit.errors import SettingsError


def trusting(ca_file: str | Path | None = None) -> ssl.SSLContext:
    """TLS that trusts the certificates of a file, or the system's without one.

    Raises:
        SettingsError: the file cannot be read.
    """
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"certificates {ca_file}: cannot be read ({error}); give a PEM file") from error


def device_tls(
    name: str, credentials: Credentials, wants_tls: bool, ca_file: str | Path | None
) -> ssl.SSLContext | None:
    """How a device speaks TLS, its own certificate shown where it has one; None for plain TCP.

    Raises:
        SettingsError: a certificate without TLS, or files that cannot be used.
    """
    if not wants_tls:
        if credentials.type == X509:
            raise SettingsError(
                f"device {name!r} shows a client certificate, but this server's MQTT address has no TLS; give "
                "mqtt='mqtts://host:8883', or Twin(tls=True)"
            )
        return None
    context = trusting(ca_file)
    if credentials.type == X509:
        if credentials.certificate_file is None:
            raise SettingsError(
                f"device {name!r} has a client certificate, and the server does not give it away; add the device with "
                "credentials=Credentials.certificate(certificate_file, key_file)"
            )
        _show(context, credentials)
    return context


def _show(context: ssl.SSLContext, credentials: Credentials) -> None:
    certificate, key = credentials.certificate_file, credentials.key_file
    try:
        # an empty password: a key that needs one is an error here, not a prompt
        context.load_cert_chain(str(certificate), key, password="")
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"client certificate {certificate}, key {key or 'in the same file'}: cannot be used ({error}); "
            "give PEM files of a certificate and its unencrypted key"
        ) from error


def pem_of(credentials: Credentials) -> str:
    """The device's own certificate, the first of its file, as PEM.

    Raises:
        SettingsError: the file cannot be read, or holds none.
    """
    try:
        text = Path(str(credentials.certificate_file)).read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"client certificate {credentials.certificate_file}: cannot be read ({error}); give a PEM file"
        ) from error
    start, end = text.find("-----BEGIN CERTIFICATE-----"), text.find("-----END CERTIFICATE-----")
    if not 0 <= start < end:
        raise SettingsError(f"client certificate {credentials.certificate_file}: holds no PEM certificate; give one")
    return text[start : end + len("-----END CERTIFICATE-----")] + "\n"


def bare(pem: str) -> str:
    """The base64 of a PEM certificate in one line: what ThingsBoard keeps of it."""
    return "".join(line for line in pem.splitlines() if not line.startswith("-----")).strip()
