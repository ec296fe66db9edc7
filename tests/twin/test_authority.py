"""The local authority: made once, kept safe, its certificates good for the names that are used."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from otakit.errors import SettingsError
from otakit.twin import authority as authorities
from otakit.twin.authority import Authority, own_folder, safe_name
from otakit.twin.listening import addresses_of, names_of

NAMES = ["127.0.0.1", "localhost", "::1", "pump.local"]


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    """An authority in a folder of its own."""
    return Authority(tmp_path)


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def names_in(path: Path) -> set[str]:
    found = read(path).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(each.value) for each in found}


def test_authority_is_made_once(ca: Authority) -> None:
    """A device that trusts it today trusts the twin of tomorrow."""
    before = ca.ca_file.read_bytes()
    assert Authority(ca.folder).ca_file.read_bytes() == before
    assert read(ca.ca_file).extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_server_certificate_is_for_every_name(ca: Authority) -> None:
    files = ca.server(NAMES)
    assert names_in(files.certificate) == set(NAMES)
    read(files.certificate).verify_directly_issued_by(read(ca.ca_file))


def test_server_certificate_is_kept_until_a_name_is_missing(ca: Authority) -> None:
    """A new one keeps the old names: what was typed into a device goes on working."""
    before = ca.server(NAMES).certificate.read_bytes()
    assert ca.server(NAMES[:2]).certificate.read_bytes() == before
    assert names_in(ca.server(["192.0.2.7"]).certificate) == {*NAMES, "192.0.2.7"}


def test_server_certificate_is_renewed_near_its_end(ca: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorities, "SERVER_DAYS", authorities.RENEW_DAYS - 1)
    before = read(ca.server(NAMES).certificate)
    monkeypatch.undo()
    after = read(ca.server(NAMES).certificate)
    assert after.not_valid_after_utc > before.not_valid_after_utc + dt.timedelta(days=300)


def test_server_certificate_of_an_authority_that_is_gone_is_made_anew(ca: Authority) -> None:
    ca.server(NAMES)
    ca.ca_file.unlink()
    new = Authority(ca.folder)
    read(new.server(NAMES).certificate).verify_directly_issued_by(read(new.ca_file))


def test_server_certificate_that_somebody_else_signed_is_left_alone(ca: Authority, tmp_path: Path) -> None:
    """It was put there on purpose."""
    files, elsewhere = ca.server(NAMES), tmp_path / "else"
    elsewhere.mkdir()
    pair = authorities._made("their own", 10, issuer=None)
    ca._write(files, pair)
    before = files.certificate.read_bytes()
    assert ca.server(["192.0.2.7"]).certificate.read_bytes() == before


def test_device_certificate_is_made_once_and_named_after_the_device(ca: Authority) -> None:
    certificate, key = ca.device("pump-7")
    assert (certificate, key) == ca.device("pump-7")
    found = x509.load_pem_x509_certificate(certificate)
    assert found.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == "pump-7"
    found.verify_directly_issued_by(read(ca.ca_file))


@pytest.mark.skipif(sys.platform == "win32", reason="owners and modes are POSIX's")
def test_private_keys_are_their_owner_s_only(ca: Authority) -> None:
    """Whatever the process lets others read otherwise."""
    before = os.umask(0)
    try:
        ca.server(NAMES)
        ca.device("pump-7")
    finally:
        os.umask(before)
    keys = list(ca.folder.rglob("*.key"))
    assert len(keys) == 3
    assert {file.stat().st_mode & 0o777 for file in keys} == {0o600}


@pytest.mark.skipif(sys.platform == "win32", reason="owners and modes are POSIX's")
def test_folders_that_are_made_are_their_owner_s_only(tmp_path: Path) -> None:
    """That of a twin's data too: the authority may come before what is kept there."""
    ca = Authority(tmp_path / "data" / "tls")
    assert {folder.stat().st_mode & 0o777 for folder in (ca.folder, ca.folder.parent)} == {0o700}


@pytest.mark.parametrize("file", ["otakit-ca.crt", "otakit-ca.key"])
def test_broken_file_is_named(ca: Authority, file: str) -> None:
    (ca.folder / file).write_text("nothing")
    with pytest.raises(SettingsError, match=r"otakit-ca.*delete both"):
        Authority(ca.folder)


def test_key_of_another_certificate_is_refused(ca: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    (ca.folder / "otakit-ca.key").write_bytes((other.folder / "otakit-ca.key").read_bytes())
    with pytest.raises(SettingsError, match="do not belong together"):
        Authority(ca.folder)


def test_missing_library_is_one_line_that_says_how_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(SettingsError, match=r"pip install 'otakit\[tls\]'"):
        Authority(tmp_path)


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="file"):
        Authority(tmp_path / "file" / "tls")


def test_authority_lives_beside_kept_data_or_in_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTAKIT_CONFIG_DIR", str(tmp_path / "settings"))
    assert own_folder(None) == tmp_path / "settings" / "tls"
    assert own_folder(tmp_path / "data") == tmp_path / "data" / "tls"


@given(st.text(max_size=80))
def test_name_of_a_file_is_safe_on_every_system(name: str) -> None:
    """No path, no reserved word, no letter that a file system folds."""
    safe = safe_name(name)
    assert 1 <= len(safe) <= 80
    assert safe.isascii()
    assert not set(safe) & set('/\\:*?"<>| ')
    assert safe not in {".", "..", "con", "nul"}
    assert not safe.startswith(".")
    assert safe == safe_name(name)


@given(st.sets(st.text(alphabet="aA.- é/", max_size=6), min_size=2, max_size=2))
def test_two_names_have_two_files(names: set[str]) -> None:
    """Also where the system takes A for a."""
    one, other = names
    assert safe_name(safe_name(one)) != safe_name(one) or safe_name(one) == one
    assert safe_name(one).lower() != safe_name(other).lower()


def test_names_cover_what_a_client_may_type() -> None:
    assert {"localhost", "127.0.0.1", "::1", "192.0.2.7"} <= set(names_of("192.0.2.7"))
    assert not {"0.0.0.0", "::"} & set(names_of("0.0.0.0")) | set(addresses_of("0.0.0.0")) & {"0.0.0.0"}
