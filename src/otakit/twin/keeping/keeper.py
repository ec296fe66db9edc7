"""The promise: what was acknowledged is there after any end of the process, and nothing is half there.

`Keeper.keep` is called before an acknowledgement leaves. It makes uploaded images lasting, then writes all
that changed in one transaction. Where that fails, the model goes back to what is on the disk, and the
answer is an error. The dispatcher's queue is not kept, as ThingsBoard's in-memory queue is not: devices
that waited in it stay QUEUED until they are assigned anew.
"""

from __future__ import annotations

import random
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from otakit.errors import SettingsError
from otakit.twin.keeping.database import Database
from otakit.twin.keeping.images import FOLDER, Images, sync_folder
from otakit.twin.keeping.tables import Tables
from otakit.twin.model import Model
from otakit.twin.rest.images import FileImage
from otakit.twin.rules.changes import Changes
from otakit.twin.rules.entities import LostImage
from otakit.twin.rules.store import GENERAL, refused
from otakit.twin.settings import TwinSettings

KEY_BYTES = 64


def open_kept(folder: Path, settings: TwinSettings, seed: int, now: int) -> tuple[Model, Keeper]:
    """The model that a folder holds, and who keeps it; both new where the folder is.

    Args:
        folder: made where it is missing.
        settings: the model's knobs; not kept.
        seed: with the number of this run it decides ids, tokens and open orders, so that no run repeats another's.
        now: nanoseconds since the epoch.

    Raises:
        SettingsError: the folder cannot be used; the text says why and what to do.
    """
    keeper = Keeper(folder)
    try:
        return keeper.begin(settings, seed, now), keeper
    except BaseException:
        keeper.close()
        raise


class Keeper:
    """Keeps one model in one folder.

    Attributes:
        images: the packages' files.
        key: signs logins, so that they outlive this process.
        lost: a sentence for each package whose image is not as it was.
        failures: how often what had changed could not be kept and was taken back.
        on_failure: called then, so that nobody is told that it were kept.
    """

    def __init__(self, folder: Path) -> None:
        try:
            made = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if made:
                sync_folder(folder.parent)
            self.images = Images(folder / FOLDER)
        except OSError as error:
            raise SettingsError(f"{folder} cannot hold a twin's data ({error}); give another folder") from error
        self._database = Database(folder)
        self._tables, self._changes = Tables(self._database.sql), Changes()
        self._model: Model
        self.key = b""
        self.lost: list[str] = []
        self.failures = 0
        self.on_failure: Callable[[], None] = lambda: None

    def begin(self, settings: TwinSettings, seed: int, now: int) -> Model:
        """The model as it was kept, and from now on every change of it noted."""
        self._database.wait_for_disk(always=settings.synchronous_commit)
        run = int(self._tables.fact("runs") or 0) + 1
        source = random.Random(seed if run == 1 else f"{seed}/{run}")  # noqa: S311 - repeatable
        self._model = Model(settings, source, now)
        with self._database.transaction():
            self._tables.put_fact("runs", run)
            if run == 1:
                self._write_first()
        self.key = bytes(self._tables.fact("key"))
        self._restore()
        self.images.remove_orphans(self._model.store.packages)
        return self._model

    @property
    def pending(self) -> bool:
        """Whether something changed that is not kept yet."""
        return bool(self._changes.rows)

    def keep(self) -> None:
        """Keeps what changed; it is on the disk when this returns.

        Raises:
            ServerRefused: it could not be kept, and the model is what it was when it last could.
        """
        rows, store = self._changes.rows, self._model.store
        if not rows:
            return
        packages = [str(row[1]) for row in rows if row[0] == "package"]
        try:
            self._keep_images(packages)
            with self._database.transaction():
                self._tables.write(rows, store)
        except (OSError, sqlite3.Error) as error:
            self.failures += 1
            self._take_back(packages)
            self.on_failure()
            raise refused(f"Nothing was saved: {error}; see to the disk of the twin's data", GENERAL) from error
        rows.clear()
        for package_id in packages:
            if package_id not in store.packages:
                self.images.remove(package_id)

    def close(self) -> None:
        """Lets go of the folder, and of what was not kept; safe to call twice."""
        if self.pending:
            self._drop_uploads(list(self._model.store.packages))
        self.images.close()
        self._database.close()

    def _keep_images(self, package_ids: list[str]) -> None:
        """An image before the row that names it: a crash between the two leaves an orphan, never a gap."""
        made = False
        for package_id in package_ids:
            package = self._model.store.packages.get(package_id)
            if package is not None and isinstance(package.image, FileImage):
                made |= self.images.make_lasting(package_id, package.image)
        if made:
            self.images.sync()

    def _take_back(self, package_ids: list[str]) -> None:
        """What could not be kept never was."""
        self._drop_uploads(package_ids)
        try:
            self._restore()
        except (OSError, sqlite3.Error) as error:  # the rows stay noted: nothing is acknowledged until this works
            raise refused(f"The twin's data cannot be read: {error}", GENERAL) from error
        for package_id in package_ids:
            package = self._model.store.packages.get(package_id)
            if package is None or package.image is None:
                self.images.remove(package_id)

    def _drop_uploads(self, package_ids: list[str]) -> None:
        for package_id in package_ids:
            package = self._model.store.packages.get(package_id)
            if package is not None and isinstance(package.image, FileImage) and not self.images.has(package.image):
                package.image.remove()

    def _write_first(self) -> None:
        """A new folder: the ids of a fresh tenant, its default profile, the key of its logins."""
        store = self._model.store
        self._tables.put_fact("tenant_id", store.tenant_id)
        self._tables.put_fact("user_id", store.user_id)
        self._tables.put_fact("key", secrets.token_bytes(KEY_BYTES))
        self._tables.write({("profile", store.default_profile_id): True}, store)

    def _restore(self) -> None:
        """The model becomes what is on the disk."""
        contents, with_image = self._tables.contents()
        for package_id in with_image:
            package = contents.packages[package_id]
            contents.packages[package_id] = replace(package, image=self.images.found(package))
        images = [package.image for package in contents.packages.values()]
        self.lost = [image.reason for image in images if isinstance(image, LostImage)]
        self._model.store.restore(contents)
        self._changes.rows.clear()
        self._model.store.observe(self._changes)
