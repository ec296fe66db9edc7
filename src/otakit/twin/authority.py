"""The local authority: its own certificate, the server's, and those of devices.

Made once and kept in one folder, so that a device needs the authority's certificate only once. Knows
X.509 and files (private keys are readable by their owner only, where the system knows owners); refuses
to know sockets and the rules of ThingsBoard. `cryptography` is imported when an authority is made:
plain MQTT needs none of it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from otakit.errors import SettingsError
from otakit.settings import config_folder

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    Pair = tuple[x509.Certificate, EllipticCurvePrivateKey]

INSTALL = "TLS needs two libraries that are not installed; run: pip install 'otakit[tls]'"
CA_FILE, CA_KEY = "otakit-ca.crt", "otakit-ca.key"
SERVER_FILE, SERVER_KEY = "server.crt", "server.key"
DEVICES = "devices"
CA_DAYS, SERVER_DAYS, DEVICE_DAYS = 3650, 397, 3650
RENEW_DAYS = 30
"""A server certificate that ends sooner is made anew."""
BACKDATED = dt.timedelta(days=1)
"""A device's clock may be a little behind."""


def own_folder(data: Path | None) -> Path:
    """Where the authority lives: beside a twin's kept data, else in the user's configuration."""
    return data / "tls" if data is not None else config_folder() / "tls"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its private key, as PEM files; the key never in a repr."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of this machine.

    Args:
        folder: where it is kept; made when it is not there.

    Attributes:
        ca_file: its own certificate, for devices to trust.

    Raises:
        SettingsError: the libraries are missing, or its files cannot be read or written.
    """

    def __init__(self, folder: Path | str) -> None:
        try:
            import cryptography  # noqa: F401, PLC0415 - whether it is there, in one clear line
        except ImportError as error:
            raise SettingsError(INSTALL) from error
        self.folder = Path(folder)
        self.ca_file = self.folder / CA_FILE
        try:
            for each in (self.folder.parent, self.folder):  # the parent may be a twin's data
                each.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._ca: Pair = self._kept(CA_FILE, CA_KEY) or self._make_ca()
        except OSError as error:
            raise SettingsError(f"{self.folder}: cannot keep an authority ({error.strerror}); choose --data") from error

    def server(self, names: Iterable[str]) -> KeyPair:
        """A server certificate for these names and addresses; renewed when it lacks one or is near its end.

        One that somebody else's authority signed was put there on purpose and is left alone.

        Raises:
            SettingsError: its files cannot be read.
        """
        wanted = sorted(set(names))
        files = KeyPair(self.folder / SERVER_FILE, self.folder / SERVER_KEY)
        kept = self._kept(SERVER_FILE, SERVER_KEY)
        if kept is not None and kept[0].issuer != self._ca[0].subject:
            return files
        known = _names_of(kept[0]) if kept is not None else set()
        if kept is None or not set(wanted) <= known or _is_near_end(kept[0]) or not self._signed(kept[0]):
            self._write(files, self._issue(wanted[0], SERVER_DAYS, sorted(set(wanted) | known)))
        return files

    def device(self, name: str) -> tuple[bytes, bytes]:
        """The certificate (common name = the device's name) and key of a device, as PEM; made once.

        Raises:
            SettingsError: its files cannot be read.
        """
        files = self.device_files(name)
        return files.certificate.read_bytes(), files.key.read_bytes()

    def device_files(self, name: str) -> KeyPair:
        """As `device`: the files."""
        plain = safe_name(name)
        files = KeyPair(self.folder / DEVICES / f"{plain}.crt", self.folder / DEVICES / f"{plain}.key")
        files.key.parent.mkdir(exist_ok=True)
        kept = self._kept(f"{DEVICES}/{plain}.crt", f"{DEVICES}/{plain}.key")
        if kept is None or not self._signed(kept[0]) or _is_near_end(kept[0]):
            self._write(files, self._issue(name, DEVICE_DAYS))
        return files

    def _make_ca(self) -> Pair:
        pair = _made("otakit local authority", CA_DAYS, issuer=None)
        self._write(KeyPair(self.ca_file, self.folder / CA_KEY), pair)
        return pair

    def _issue(self, name: str, days: int, names: Iterable[str] | None = None) -> Pair:
        return _made(name, days, issuer=self._ca, names=names)

    def _signed(self, certificate: x509.Certificate) -> bool:
        try:
            certificate.verify_directly_issued_by(self._ca[0])
        except Exception:  # noqa: BLE001 - whichever way it is not ours
            return False
        return True

    def _kept(self, certificate: str, key: str) -> Pair | None:
        from cryptography import x509  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        files = self.folder / certificate, self.folder / key
        if not all(file.exists() for file in files):
            return None
        try:
            found = x509.load_pem_x509_certificate(files[0].read_bytes())
            secret = load_pem_private_key(files[1].read_bytes(), None)
        except (ValueError, TypeError) as error:
            raise SettingsError(f"{files[0]} and {files[1]}: not a certificate and its key; delete both") from error
        if found.public_key() != secret.public_key():
            raise SettingsError(f"{files[0]} and {files[1]} do not belong together; delete both")
        return found, secret  # type: ignore[return-value]  # an own server certificate may have an RSA key

    def _write(self, files: KeyPair, pair: Pair) -> None:
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        certificate, key = pair
        # the key first: a certificate that is there promises that its key is
        _replace(files.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
        _replace(files.certificate, certificate.public_bytes(Encoding.PEM), 0o644)


def safe_name(name: str) -> str:
    """A name as a file may be called on every system, no two alike."""
    plain = re.sub(r"[^\w.-]+", "-", name, flags=re.ASCII).strip(".-")[:60]
    # what Windows keeps for itself, and what looks like a name made here
    taken = re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?|.*-[0-9a-f]{8}", plain)
    if plain and plain == name == plain.lower() and not taken:
        return plain
    import hashlib  # noqa: PLC0415 - only for names that a file cannot have

    return f"{plain or 'device'}-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"


def _made(name: str, days: float, issuer: Pair | None, names: Iterable[str] | None = None) -> Pair:
    """A certificate with a new key: an authority's without an issuer, a server's with names, else a device's."""
    from cryptography import x509  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())  # what every ESP32 and every TLS library speaks
    subject = x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "otakit twin"),
        x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
    ])  # fmt: skip
    now = dt.datetime.now(dt.UTC)
    signer = issuer or (None, key)
    is_ca = issuer is None
    parent = signer[0].subject if signer[0] is not None else subject
    builder = (
        x509.CertificateBuilder(parent, subject, key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(is_ca, 0 if is_ca else None), critical=True)
        .add_extension(_usage(is_ca=is_ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer[1].public_key()), critical=False
        )
    )  # fmt: skip
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
    if not is_ca:
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if names is None else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(signer[1], hashes.SHA256()), key


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    from cryptography import x509  # noqa: PLC0415 - as above

    others = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only"), False
    )
    return x509.KeyUsage(
        digital_signature=not is_ca, key_cert_sign=is_ca, crl_sign=is_ca, decipher_only=False, **others
    )


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(certificate: x509.Certificate) -> set[str]:
    from cryptography import x509  # noqa: PLC0415 - as above

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(each.value) for each in found if isinstance(each, x509.DNSName | x509.IPAddress)}


def _is_near_end(certificate: x509.Certificate) -> bool:
    left = certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
    return left < dt.timedelta(days=RENEW_DAYS)


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Whole or not at all; born with its owner's rights only, since a key that was readable once is no key."""
    number, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
        with contextlib.suppress(NotImplementedError, PermissionError):  # a system without owners
            new.chmod(mode)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
