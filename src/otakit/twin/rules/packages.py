"""What a package must be to be saved, filled, assigned and deleted.

Knows `BaseOtaPackageDataValidator`, `AbstractHasOtaPackageValidator` and their messages; refuses to know
how bytes arrive. Raises `ServerRefused` with ThingsBoard's own text, status and errorCode.
"""

from __future__ import annotations

from dataclasses import replace

from otakit.protocol.messages import Kind
from otakit.twin.rules.entities import Device, Image, OtaPackage, Profile, package_id
from otakit.twin.rules.store import GENERAL, Store, check_text, refused

IMMUTABLE = {
    "kind": "type",
    "title": "otaPackage title",
    "version": "otaPackage version",
    "tag": "otaPackage tag",
    "profile_id": "otaPackage deviceProfile",
    "file_name": "otaPackage file name",
    "content_type": "otaPackage content type",
    "algorithm": "otaPackage content type",  # ThingsBoard's own words for these two
    "checksum": "otaPackage content type",
    "size": "otaPackage data size",
    "url": "otaPackage URL",
}


def check_package(store: Store, draft: OtaPackage) -> None:
    """The rules for a package's description.

    Raises:
        ServerRefused: with the first rule broken.
    """
    for name, value in (("title", draft.title), ("version", draft.version)):
        if not value.strip():
            raise refused(f"OtaPackage {name} should be specified!")
        check_text("otaPackage", name, value)
    check_text("otaPackage", "tag", draft.tag)
    check_text("otaPackage", "url", draft.url)
    if draft.profile_id is not None and draft.profile_id not in store.profiles:
        raise refused("OtaPackage is referencing to non-existent device profile!")
    if draft.uses_url and not (draft.url or "").strip():
        raise refused("Ota package URL should be specified!")
    for other in store.packages.values():
        if other.id != draft.id and (other.title, other.version) == (draft.title, draft.version):
            raise refused("OtaPackage with such title and version already exists!")
    if draft.id:
        _check_unchanged(store.package(draft.id), draft)


def _check_unchanged(old: OtaPackage, new: OtaPackage) -> None:
    for name, words in IMMUTABLE.items():
        before = getattr(old, name)
        if (before is not None or name == "tag") and before != getattr(new, name):
            raise refused(f"Updating {words} is prohibited!")


def filled(
    package: OtaPackage,
    image: Image,
    *,
    algorithm: str,
    checksum: str,
    expected: str | None,
    file_name: str | None,
    content_type: str | None,
) -> OtaPackage:
    """The package with its bytes.

    Args:
        package: as it was saved.
        image: the bytes that were uploaded.
        algorithm: how `checksum` was computed from them.
        checksum: what they have.
        expected: what the operator said they should have.
        file_name: what the upload called the file.
        content_type: what it called the content.

    Raises:
        ServerRefused: the upload breaks a rule.
    """
    if package.url:
        raise refused("Updating otaPackage URL is prohibited!")
    for value, words in ((file_name, "file name"), (content_type, "content type"), (image.size, "data")):
        if not value:
            raise refused(f"OtaPackage {words} should be specified!")
    if package.profile_id is None:  # a null dereference in BaseOtaPackageDataValidator.validateUpdate
        raise refused("Cannot invoke DeviceProfileId.equals because deviceProfileId is null", GENERAL)
    if expected and expected != checksum:
        raise refused("Wrong otaPackage file!")
    new = replace(
        package,
        image=image,
        algorithm=algorithm,
        checksum=checksum,
        size=image.size,
        file_name=file_name,
        content_type=content_type,
    )
    _check_unchanged(package, new)
    return new


def check_quota(store: Store, new: OtaPackage, most: int) -> None:
    """Whether the tenant has room for a package that has just got its bytes.

    Raises:
        ServerRefused: all stored bytes together, with these, are more than `most`; 0 is no limit.
    """
    old = store.packages.get(new.id)
    if not most or (old is not None and old.image is not None):  # it has them already
        return
    there = sum(each.size or 0 for each in store.packages.values() if each.image is not None)
    if there + (new.size or 0) > most:
        raise refused(f"Ota packages total size exceeds the maximum of {_displayed(most)}")


def _displayed(size: int) -> str:
    """`FileUtils.byteCountToDisplaySize`: whole units, rounded down."""
    for name, unit in (("EB", 2**60), ("PB", 2**50), ("TB", 2**40), ("GB", 2**30), ("MB", 2**20), ("KB", 2**10)):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} bytes"


def check_assigned(store: Store, target: Device | Profile) -> None:
    """Whether the packages set on a device or a profile may be.

    Raises:
        ServerRefused: with the first rule broken.
    """
    for kind in Kind:
        identifier = package_id(target, kind)
        if identifier is None:
            continue
        word, package = kind.word, store.packages.get(identifier)
        if package is None:
            raise refused(f"Can't assign non-existent {word}!")
        if package.kind is not kind:
            raise refused(f"Can't assign {word} with type: {package.kind.name}")
        if not package.has_data:
            raise refused(f"Can't assign {word} with empty data!")
        profile_id = target.id if isinstance(target, Profile) else target.profile_id
        if package.profile_id is None or profile_id is None:  # validation runs before the default is filled in
            raise refused("Cannot invoke DeviceProfileId.equals because deviceProfileId is null", GENERAL)
        if package.profile_id != profile_id:
            raise refused(f"Can't assign {word} with different deviceProfile!")


def check_unused(store: Store, package: OtaPackage) -> None:
    """Whether a package may be deleted.

    Raises:
        ServerRefused: a device or a profile has it.
    """
    word = "otaPackage" if package.kind is Kind.FIRMWARE else "software"
    users = (("devices", store.devices.values()), ("device profile", store.profiles.values()))
    for words, targets in users:
        if any(package_id(target, package.kind) == package.id for target in targets):
            raise refused(f"The {word} referenced by the {words} cannot be deleted!")
