"""Which packages' bytes the server holds at this moment.

Knows `CaffeineOtaPackageCache`: an entry lives a fixed time after loading and is not renewed by use,
and one too many drops one. The bytes themselves stay where they are; an entry that is gone reads as
nothing, which is what devices meet.
"""

from __future__ import annotations

from otakit.twin.rules.chance import Chance
from otakit.twin.rules.entities import Image, OtaPackage
from otakit.twin.settings import TwinSettings, nanoseconds


class ImageCache:
    """Loaded packages by id."""

    def __init__(self, settings: TwinSettings, chance: Chance) -> None:
        self._entries, self._ttl_ns = settings.cache_entries, nanoseconds(settings.cache_ttl_s)
        self._chance = chance
        self._held: dict[str, tuple[int, Image]] = {}

    def load(self, package: OtaPackage, now: int) -> None:
        """Makes sure that a package's bytes are held; of too many, any one is dropped, this one too."""
        if self.get(package.id, now) is not None or package.image is None:
            return
        self._held = {key: held for key, held in self._held.items() if now - held[0] < self._ttl_ns}
        self._held[package.id] = (now, package.image)
        if len(self._held) > self._entries:
            del self._held[self._chance.one_of(list(self._held))]

    def get(self, package_id: str, now: int) -> Image | None:
        """The bytes, None when they are not held (any more)."""
        held = self._held.get(package_id)
        if held is None:
            return None
        if now - held[0] >= self._ttl_ns:
            del self._held[package_id]
            return None
        return held[1]

    def drop(self, package_id: str) -> None:
        """Forgets a package's bytes."""
        self._held.pop(package_id, None)
