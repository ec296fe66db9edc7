"""The packages' bytes as files, ``images/<package id>``: made lasting before the upload is acknowledged.

Titles are never names of files. Knows names, synchronisation and what is left over from a crash; refuses
to know why an image comes or goes (`keeper`).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection
from pathlib import Path

from otakit.twin.rest.images import FileImage
from otakit.twin.rules.entities import Image, LostImage, OtaPackage

FOLDER = "images"


class Images:
    """The files of one folder; those that are open, by package.

    Attributes:
        folder: also where uploads are written while they come, under names that are no package's.
        open: what is served from.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.open: dict[str, FileImage] = {}
        made = not folder.exists()
        folder.mkdir(exist_ok=True)
        if made:
            sync_folder(folder.parent)

    def found(self, package: OtaPackage) -> Image:
        """The bytes of a package that had them; where they are not as they were, the error that says so."""
        path, size = self.folder / package.id, -1
        with contextlib.suppress(OSError):
            size = path.stat().st_size
        if size == package.size:
            if package.id not in self.open or self.open[package.id].closed:
                self.open[package.id] = FileImage(path)
            return self.open[package.id]
        what = "is missing" if size < 0 else f"has {size} bytes instead of {package.size}"
        return LostImage(
            f"package {package.title!r} {package.version!r}: its image {path} {what}; "
            "put the file back and start the twin again, upload the same image again, or delete the package"
        )

    def has(self, image: FileImage) -> bool:
        """Whether a file has its package's name already."""
        return image in self.open.values()

    def make_lasting(self, package_id: str, image: FileImage) -> bool:
        """Gives an uploaded file its package's name, its bytes first; the name itself lasts after `sync`.

        Returns:
            False where it has been done before.
        """
        if image.path == self.folder / package_id:
            return False
        sync_file(image.path)
        old = self.open.get(package_id)
        if old is not None and old is not image:
            old.close()  # Windows replaces no open file
        image.move(self.folder / package_id)
        self.open[package_id] = image
        return True

    def sync(self) -> None:
        """Makes new names lasting."""
        sync_folder(self.folder)

    def remove(self, package_id: str) -> None:
        """Deletes a package's file."""
        image = self.open.pop(package_id, None)
        if image is not None:
            image.close()
        with contextlib.suppress(OSError):  # what stays is an orphan of the next start
            (self.folder / package_id).unlink(missing_ok=True)

    def remove_orphans(self, packages: Collection[str]) -> None:
        """Deletes what belongs to no package: uploads that a crash cut off, and images it left behind."""
        for path in self.folder.iterdir():
            if path.name not in packages:
                with contextlib.suppress(OSError):  # a folder, or a file that somebody looks into: it does no harm
                    path.unlink()

    def close(self) -> None:
        """Closes all files and keeps them."""
        for image in self.open.values():
            image.close()
        self.open.clear()


def sync_file(path: Path) -> None:
    """Returns when a file's bytes would survive a power cut."""
    with path.open("r+b") as file:
        if sys.platform == "darwin":
            import fcntl  # noqa: PLC0415 - there is none on Windows

            fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)
        else:
            os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Likewise the names in a folder; Windows has no such thing."""
    if os.name != "nt":
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
