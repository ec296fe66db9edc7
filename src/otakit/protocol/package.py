"""A package as ThingsBoard announces it in shared attributes, read without trust.

Knows the nine attribute keys (`OtaPackageKey`) and which values make sense; refuses to know what the
device does about them. The machine asks it what an answer or an update offers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from otakit.protocol.messages import Kind

KEYS = ("title", "version", "ts", "state", "size", "checksum", "checksum_algorithm", "url", "tag")
"""In the order of ThingsBoard's enum `OtaPackageKey`; without the prefix."""
REQUESTED = ("title", "version", "size", "checksum", "checksum_algorithm", "url", "tag")
"""The seven that a device can receive; ``ts`` and ``state`` are only ever deleted."""
MAX_TEXT = 255  # characters, `BaseOtaPackageService`
MAX_IMAGE_BYTES = 2**31 - 1  # size × index is a Java int on the server (`CaffeineOtaPackageCache`)


def attribute_keys(kind: Kind, keys: tuple[str, ...] = REQUESTED) -> tuple[str, ...]:
    """The keys with their prefix, such as ``fw_title``."""
    return tuple(f"{kind.value}_{key}" for key in keys)


@dataclass(frozen=True, slots=True)
class Package:
    """What the server announces; the bytes themselves are the image.

    Attributes:
        size: bytes of the image; None for a package behind a URL that does not say.
        checksum: hexadecimal text; None likewise.
        algorithm: ThingsBoard's name, one of `checksums.ALGORITHMS`, or whatever the operator typed.
        url: where the image is when ThingsBoard does not store it.
    """

    kind: Kind
    title: str
    version: str
    size: int | None = None
    checksum: str | None = None
    algorithm: str | None = None
    url: str | None = None
    tag: str | None = None

    def attributes(self) -> dict[str, object]:
        """The shared attributes as the server sends them, in its order (`OtaPackageStateService`)."""
        values = {
            "title": self.title,
            "version": self.version,
            "tag": self.tag,
            "url": self.url,
            "size": self.size,
            "checksum_algorithm": self.algorithm,
            "checksum": self.checksum,
        }
        return {f"{self.kind.value}_{key}": value for key, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Nonsense:
    """Attributes that announce nothing usable.

    Attributes:
        field: the key at fault, such as ``fw_size``.
        reason: one sentence: what was expected, what came, what to do.
        incomplete: only some keys were there; asking again may bring the rest.
    """

    field: str
    reason: str
    incomplete: bool = False


def package_of(kind: Kind, shared: Mapping[str, object]) -> Package | Nonsense | None:
    """The package that shared attributes announce; None when they announce none of this kind."""
    found = {key: shared[name] for key in REQUESTED if (name := f"{kind.value}_{key}") in shared}
    if "title" not in found and "version" not in found:
        return _stray(kind, found)
    for key in ("title", "version"):
        if (fault := _text_fault(kind, key, found)) is not None:
            return fault
    for key in ("checksum", "checksum_algorithm", "url", "tag"):
        if key in found and not isinstance(found[key], str):
            return _nonsense(kind, key, found[key], "a text")
    size, url = found.get("size"), found.get("url")
    if "size" in found and (fault := _size_fault(kind, size)) is not None:
        return fault
    if url is None:
        for key in ("size", "checksum", "checksum_algorithm"):
            if key not in found:
                return _missing(kind, key)
    text = {key: str(value) for key, value in found.items() if isinstance(value, str)}
    return Package(
        kind,
        text["title"],
        text["version"],
        size if isinstance(size, int) else None,
        text.get("checksum"),
        text.get("checksum_algorithm"),
        text.get("url"),
        text.get("tag"),
    )


def _stray(kind: Kind, found: Mapping[str, object]) -> Nonsense | None:
    return _missing(kind, "title") if found else None


def _missing(kind: Kind, key: str) -> Nonsense:
    name = f"{kind.value}_{key}"
    return Nonsense(name, f"{name} is missing: the package is announced in part; assign it again", True)


def _nonsense(kind: Kind, key: str, value: object, expected: str) -> Nonsense:
    name = f"{kind.value}_{key}"
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."  # a hostile value must not flood a report
    return Nonsense(name, f"{name} is {shown}: expected {expected}; correct the attribute or assign the package again")


def _text_fault(kind: Kind, key: str, found: Mapping[str, object]) -> Nonsense | None:
    if key not in found:
        return _missing(kind, key)
    value = found[key]
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT or not value.isprintable():
        return _nonsense(kind, key, value, f"a printable text of 1 to {MAX_TEXT} characters")
    return None


def _size_fault(kind: Kind, size: object) -> Nonsense | None:
    whole = isinstance(size, int) and not isinstance(size, bool)
    if not whole or not 1 <= size <= MAX_IMAGE_BYTES:  # type: ignore[operator]  # whole says it is an int
        return _nonsense(kind, "size", size, f"a whole number of bytes from 1 to {MAX_IMAGE_BYTES}")
    return None
