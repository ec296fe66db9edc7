"""What earlier runs left on a server: devices, packages and profiles by the beginning of their names.

Knows the operator's lists; refuses to touch anything that is named otherwise. A run removes what it made by
itself; this is for the one that was killed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from otakit.conformance.remote import PREFIX
from otakit.errors import OtakitError
from otakit.thingsboard import Operator

LISTS = (
    ("device", "/api/tenant/devices", "name"),
    ("deviceProfile", "/api/deviceProfiles", "name"),
    ("otaPackage", "/api/otaPackages", "title"),
)
"""In the order in which they can be deleted, with the list and the member that has the name."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One entity of an earlier run."""

    what: str
    name: str
    id: str


def leftovers(operator: Operator, prefix: str = PREFIX) -> list[Leftover]:
    """Everything of earlier runs, in the order in which it can be removed."""
    return list(_found(operator, prefix))


def _found(operator: Operator, prefix: str) -> Iterator[Leftover]:
    for what, path, member in LISTS:
        for entity in operator.pages(path, textSearch=prefix):
            if str(entity[member]).startswith(prefix):
                yield Leftover(what, str(entity[member]), entity["id"]["id"])


def remove(operator: Operator, found: list[Leftover]) -> list[str]:
    """Removes them; what could not be removed, in words."""
    failed = []
    for each in found:
        try:
            if each.what == "deviceProfile":
                _free(operator, each.id)
            operator.delete(each.what, each.id)
        except OtakitError as error:
            failed.append(f"{each.what} {each.name}: {error}")
    return failed


def _free(operator: Operator, profile_id: str) -> None:
    """A profile that still names a package holds it back."""
    profile = operator.profile(profile_id)
    if profile.get("firmwareId") or profile.get("softwareId"):
        operator.save_profile({**profile, "firmwareId": None, "softwareId": None})
