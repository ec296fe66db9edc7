"""What a folder keeps of a twin: everything that was acknowledged, over any end of the process."""

from __future__ import annotations

import errno
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from otakit.errors import ImageError, OtakitError, ServerRefused, SettingsError
from otakit.protocol.checksums import checksum_of
from otakit.protocol.messages import Kind
from otakit.twin.keeping import Keeper, database, images, open_kept
from otakit.twin.model import Model
from otakit.twin.rest.images import FileImage
from otakit.twin.rules.entities import Device, OtaPackage, Profile, with_package
from otakit.twin.rules.telemetry import Attribute
from otakit.twin.settings import TwinSettings

NOW = 1_790_000_000_000_000_000
SECOND = 10**9
uploads: list[FileImage] = []


@pytest.fixture(autouse=True)
def _closed_uploads() -> Iterator[None]:
    """The REST door answers an upload only when it is kept; here some never are."""
    yield
    while uploads:
        uploads.pop().close()


def opened(folder: Path, *, seed: int = 0, now: int = NOW) -> tuple[Model, Keeper]:
    return open_kept(folder, TwinSettings(dispatch_spacing_s=0), seed, now)


@contextmanager
def kept(folder: Path, **fields: Any) -> Iterator[tuple[Model, Keeper]]:
    """A model that is kept as long as the block lasts; nothing is kept at its end that was not before."""
    model, keeper = opened(folder, **fields)
    try:
        yield model, keeper
    finally:
        keeper.close()


def stored(model: Model, keeper: Keeper, version: str, content: bytes = b"image") -> OtaPackage:
    """A package as the REST door stores it: its bytes in an upload's file, at first."""
    package = model.save_package(OtaPackage("pump", version, Kind.FIRMWARE, model.store.default_profile_id), NOW)
    return filled(model, keeper, package.id, content)


def filled(model: Model, keeper: Keeper, package_id: str, content: bytes) -> OtaPackage:
    path = keeper.images.folder / model.chance.new_id()
    path.write_bytes(content)
    uploads.append(FileImage(path))
    return model.fill_package(package_id, uploads[-1], algorithm="MD5", checksum=checksum_of("MD5", content))


def everything(model: Model) -> dict[str, Any]:
    """All that a restart must not change, in its order."""
    store = model.store
    memories = {
        device_id: (
            [list(scope.items()) for scope in (memory.shared, memory.client, memory.server)],
            [(key, memory.telemetry.latest(key)) for key in memory.telemetry.keys],
            {key: memory.telemetry.between(key, -(2**63), 2**63) for key in memory.telemetry.keys},
        )
        for device_id, memory in store.memories.items()
    }
    packages = [replace(each, image=None) for each in store.packages.values()]
    bytes_ = [each.image and each.image.read(0, each.image.size) for each in store.packages.values()]
    ids = (store.tenant_id, store.user_id, store.default_profile_id)
    entities = [list(table.items()) for table in (store.profiles, store.devices, store.credentials)]
    return {"ids": ids, "entities": entities, "packages": packages, "bytes": bytes_, "memories": memories}


def test_new_folder_holds_a_fresh_tenant(tmp_path: Path) -> None:
    """The same as the twin that forgets has with this seed."""
    with kept(tmp_path / "a" / "b", seed=3) as (model, keeper):
        assert model.store.tenant_id == Model(TwinSettings(), random.Random(3), NOW).store.tenant_id
        assert len(keeper.key) == 64


def test_everything_is_there_again(tmp_path: Path) -> None:
    """Values of every kind, keys that are no Unicode text, times before 1970 and after us all."""
    with kept(tmp_path) as (model, keeper):
        profile = model.save_profile(Profile("P", extra={"profileData": {"a": [1, None, "x"]}}), NOW)
        device = model.save_device(Device("d", profile.id, extra={"additionalInfo": {"b": 1}}), NOW)
        other, package = model.save_device(Device("e"), NOW), stored(model, keeper, "1")
        model.assign(other, Kind.FIRMWARE, package.id, NOW)
        values: dict[str, Any] = {"i": 2**62, "f": 1.5, "s": "x\ud800", "b": True, "o": {"k": [1]}, "k\ud800": "'"}
        model.write_telemetry(device.id, [(-(2**63), values), (2**63 - 1, values)])
        model.write_shared(device.id, values, NOW)
        before, key = everything(model), keeper.key
        keeper.keep()
    with kept(tmp_path) as (model, keeper):
        assert (everything(model), keeper.key, keeper.pending) == (before, key, False)
        assert model.store.device_of_token(model.store.credentials[device.id].credentials_id) == device


def test_what_was_not_kept_is_not_there(tmp_path: Path) -> None:
    """Nothing leaves before `keep`, so nobody was told of it."""
    with kept(tmp_path) as (model, keeper):
        before = everything(model)
        stored(model, keeper, "1")
        assert keeper.pending
    with kept(tmp_path) as (model, keeper):
        assert everything(model) == before
        assert list(keeper.images.folder.iterdir()) == []


def test_no_run_repeats_the_ids_and_tokens_of_another(tmp_path: Path) -> None:
    """Also where nothing was kept in between, and with the same seed."""
    made = []
    for number in range(3):
        with kept(tmp_path, seed=1) as (model, keeper):
            device = model.save_device(Device(f"d{number}"), NOW)
            made += [device.id, model.store.credentials[device.id].credentials_id]
            if number == 1:
                keeper.keep()
    assert len(set(made)) == 6


def test_telemetry_that_was_deleted_and_written_again_stands_behind_the_others(tmp_path: Path) -> None:
    with kept(tmp_path) as (model, keeper):
        telemetry = model.store.memories[model.save_device(Device("d"), NOW).id].telemetry
        telemetry.write(1, {"a": 1, "b": 1})
        keeper.keep()
        telemetry.delete(["a"])
        telemetry.write(2, {"a": 2})
        keeper.keep()
    with kept(tmp_path) as (model, _):
        (memory,) = model.store.memories.values()
        assert memory.telemetry.keys == ["b", "a"]
        assert memory.telemetry.between("a", 0, 9) == [(2, 2)]


def test_deletions_are_kept_too(tmp_path: Path) -> None:
    """Attributes, devices with all that was remembered of them, packages and profiles."""
    with kept(tmp_path) as (model, keeper):
        profile = model.save_profile(Profile("P"), NOW)
        stays, goes = (model.save_device(Device(name, profile.id), NOW) for name in ("stays", "goes"))
        for device in (stays, goes):
            model.write_shared(device.id, {"a": 1, "b": 2}, NOW)
            model.write_telemetry(device.id, [(1, {"t": 1})])
        package, other = stored(model, keeper, "1"), model.save_profile(Profile("Q"), NOW)
        keeper.keep()
        model.delete_device(goes.id)
        model.delete_package(package.id)
        model.delete_profile(other.id)
        model.delete_shared(stays.id, ["a"])
        keeper.keep()
    with kept(tmp_path) as (model, keeper):
        assert [device.name for device in model.store.devices.values()] == ["stays"]
        assert ([each.name for each in model.store.profiles.values()], model.store.packages) == (["default", "P"], {})
        assert list(model.store.memories[stays.id].shared) == ["b"]
        rows = [keeper._database._one(f"SELECT count(*) FROM {name}") for name in ("attribute", "series", "history")]
        assert rows == [1, 1, 1]


def test_attribute_that_was_deleted_and_written_again_stands_behind_the_others(tmp_path: Path) -> None:
    with kept(tmp_path) as (model, keeper):
        device = model.save_device(Device("d"), NOW)
        model.write_shared(device.id, {"a": 1, "b": 2}, NOW)
        keeper.keep()
        model.delete_shared(device.id, ["a"])
        model.write_shared(device.id, {"a": 3}, NOW)
        keeper.keep()
    with kept(tmp_path) as (model, _):
        assert [(key, each.value) for key, each in model.store.memories[device.id].shared.items()] == [
            ("b", 2),
            ("a", 3),
        ]


def test_waiting_dispatches_are_lost_as_thingsboards_are(tmp_path: Path) -> None:
    """Its queue is in memory: devices stay QUEUED (section 10)."""
    with kept(tmp_path) as (model, keeper):
        package, device = stored(model, keeper, "1"), model.save_device(Device("d"), NOW)
        model.assign(device, Kind.FIRMWARE, package.id, NOW)
        keeper.keep()
    with kept(tmp_path, now=NOW + SECOND) as (model, _):
        model.advance(NOW + 10 * SECOND)
        memory = model.store.memories[device.id]
        assert memory.telemetry.latest("fw_state") == (NOW // 10**6, "QUEUED")
        assert memory.shared == {}


# images


def test_image_is_a_file_named_by_its_package(tmp_path: Path) -> None:
    """And never by its title."""
    with kept(tmp_path) as (model, keeper):
        package = stored(model, keeper, "../../1", b"bytes")
        keeper.keep()
        assert (tmp_path / "images" / package.id).read_bytes() == b"bytes"
    with kept(tmp_path) as (model, _):
        image = model.store.package(package.id).image
        assert image is not None
        assert image.read(1, 3) == b"yte"


def test_image_lasts_before_the_row_that_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes, then its name, then the row: a power cut between two of them leaves an orphan, never a gap."""
    done: list[str] = []
    for name in ("sync_file", "sync_folder"):
        monkeypatch.setattr(images, name, lambda path, name=name: done.append(f"{name} {path.name[:6]}"))
    with kept(tmp_path / "data") as (model, keeper):
        done.clear()
        move, write = FileImage.move, keeper._tables.write

        def moved(*given: Any) -> None:
            done.append("move")
            move(*given)

        def written(*given: Any) -> None:
            done.append("write")
            write(*given)

        monkeypatch.setattr(FileImage, "move", moved)
        monkeypatch.setattr(keeper._tables, "write", written)
        stored(model, keeper, "1")
        keeper.keep()
    assert [each.partition(" ")[0] for each in done] == ["sync_file", "move", "sync_folder", "write"]
    assert done[2] == "sync_folder images"


def test_image_goes_when_its_deletion_is_kept(tmp_path: Path) -> None:
    """Not before, or a crash would leave a package without its bytes."""
    with kept(tmp_path) as (model, keeper):
        package = stored(model, keeper, "1")
        keeper.keep()
        model.delete_package(package.id)
        assert (tmp_path / "images" / package.id).exists()
        keeper.keep()
        assert not (tmp_path / "images" / package.id).exists()


def test_same_image_again_takes_the_place_of_the_old_file(tmp_path: Path) -> None:
    with kept(tmp_path) as (model, keeper):
        package = stored(model, keeper, "1")
        keeper.keep()
        filled(model, keeper, package.id, b"image")
        keeper.keep()
        assert [path.name for path in keeper.images.folder.iterdir()] == [package.id]
        assert everything(model)["bytes"] == [b"image"]


def test_orphans_are_removed_at_the_start(tmp_path: Path) -> None:
    with kept(tmp_path) as (model, keeper):
        package = stored(model, keeper, "1")
        keeper.keep()
        (keeper.images.folder / "half an upload").write_bytes(b"x")
        (keeper.images.folder / "a folder").mkdir()
    with kept(tmp_path) as (model, keeper):
        assert {path.name for path in keeper.images.folder.iterdir()} == {package.id, "a folder"}


@pytest.mark.parametrize(("left", "words"), [(None, "is missing"), (b"im", "has 2 bytes instead of 5")])
def test_image_that_is_not_as_it_was_is_one_clear_error(tmp_path: Path, left: bytes | None, words: str) -> None:
    """It names the package and what to do; the others are served, and a device is told FAILURE."""
    with kept(tmp_path) as (model, keeper):
        lost, fine = stored(model, keeper, "1"), stored(model, keeper, "2")
        device = model.save_device(Device("d", model.store.default_profile_id, firmware_id=lost.id), NOW)
        keeper.keep()
    path = tmp_path / "images" / lost.id
    path.unlink() if left is None else path.write_bytes(left)
    with kept(tmp_path) as (model, keeper):
        (text,) = keeper.lost
        assert text.startswith(
            f"package 'pump' '1': its image {path} {words}; put the file back and start the twin again"
        )
        assert model.package_now(device.id, Kind.FIRMWARE, NOW) == "FAILURE"
        with pytest.raises(ImageError, match="package 'pump' '1'"):
            assert model.store.package(lost.id).image.size  # type: ignore[union-attr]  # raises
        assert model.store.package(fine.id).image.read(0, 9) == b"image"  # type: ignore[union-attr]  # there
        filled(model, keeper, lost.id, b"image")
        keeper.keep()
    with kept(tmp_path) as (model, keeper):
        assert (keeper.lost, everything(model)["bytes"]) == ([], [b"image", b"image"])


# folders that cannot be used


def test_second_twin_on_one_folder_is_refused(tmp_path: Path) -> None:
    with kept(tmp_path), pytest.raises(SettingsError, match="is in use by another twin; end that one first"):
        opened(tmp_path)
    with kept(tmp_path):
        pass


def test_newer_schema_is_refused(tmp_path: Path) -> None:
    with kept(tmp_path) as (_, keeper):
        keeper._database.sql.execute("PRAGMA user_version = 2")
    with pytest.raises(SettingsError, match=r"newer otakit \(schema 2, this one knows 1\)"):
        opened(tmp_path)


def test_foreign_database_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / database.NAME)
    other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(SettingsError, match="is no twin's"):
        opened(tmp_path)


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    with pytest.raises(SettingsError, match="give another folder"):
        opened(tmp_path / "f")
    with pytest.raises(SettingsError, match="give another folder"):
        opened(tmp_path / "f" / "g")


@pytest.mark.parametrize("at", [0, 0.3, 0.6])
def test_damaged_database_is_one_clear_error(tmp_path: Path, at: float) -> None:
    with kept(tmp_path) as (model, keeper):
        for number in range(50):
            model.save_device(Device(f"d{number}"), NOW)
        keeper.keep()
    path = tmp_path / database.NAME
    raw = bytearray(path.read_bytes())
    start = int(len(raw) * at) // 4096 * 4096
    raw[start : start + 4096] = b"\x55" * 4096
    path.write_bytes(raw)
    with pytest.raises(SettingsError, match=r"is damaged.*put back a copy of the whole folder"):
        opened(tmp_path)


@pytest.mark.skipif("os.name == 'nt'", reason="Windows has no such permissions")
def test_nobody_else_may_read_the_tokens(tmp_path: Path) -> None:
    with kept(tmp_path / "data") as (model, keeper):
        model.save_device(Device("d"), NOW)
        keeper.keep()
        for path in (tmp_path / "data").glob("twin.sqlite*"):
            assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(("waits", "level"), [(True, 2), (False, 1)])
def test_waiting_for_the_disk_is_a_setting(tmp_path: Path, waits: bool, level: int) -> None:
    """Without it a killed process still loses nothing, and a power cut may take back the last commits."""
    _, keeper = open_kept(tmp_path, TwinSettings(synchronous_commit=waits), 0, NOW)
    assert keeper._database._one("PRAGMA synchronous") == level
    keeper.close()


# disks that refuse


def test_full_disk_is_an_error_and_nothing_half_done(tmp_path: Path) -> None:
    """The model is what the disk has; with room again all goes on."""
    with kept(tmp_path) as (model, keeper):
        device, failures = model.save_device(Device("d"), NOW), []
        keeper.keep()
        keeper.on_failure = lambda: failures.append(1)
        before = everything(model)
        pages = keeper._database._one("PRAGMA page_count")
        keeper._database.sql.execute(f"PRAGMA max_page_count = {pages}")
        model.write_telemetry(device.id, [(1, {f"k{number}": "x" * 1000}) for number in range(50)])
        stored(model, keeper, "1")
        with pytest.raises(ServerRefused, match="Nothing was saved: database or disk is full") as caught:
            keeper.keep()
        assert (caught.value.status, caught.value.error_code, failures, keeper.failures) == (500, 2, [1], 1)
        assert (everything(model), keeper.pending, list(keeper.images.folder.iterdir())) == (before, False, [])
        keeper._database.sql.execute("PRAGMA max_page_count = 100000")
        package = stored(model, keeper, "1")
        keeper.keep()
    with kept(tmp_path) as (model, _):
        assert list(model.store.packages) == [package.id]


def test_image_that_finds_no_room_takes_its_package_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with kept(tmp_path) as (model, keeper):
        package = model.save_package(OtaPackage("pump", "1", Kind.FIRMWARE, model.store.default_profile_id), NOW)
        keeper.keep()
        monkeypatch.setattr(images, "sync_file", full)
        filled(model, keeper, package.id, b"image")
        with pytest.raises(ServerRefused, match="No space left on device"):
            keeper.keep()
        assert (model.store.package(package.id).has_data, list(keeper.images.folder.iterdir())) == (False, [])


# whatever is done

names = st.sampled_from(["a", "b", "c"])
keys = st.sampled_from(["x", "y", "z\ud800"])
json_values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


class AnyOperations(RuleBasedStateMachine):
    """Any operations of operators and devices, with restarts and kills anywhere between them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="otakit-kept-"))
        self.now, self.version = NOW, 0
        self.model, self.keeper = opened(self.folder)
        self.safe = everything(self.model)

    def teardown(self) -> None:
        self.keeper.close()
        while uploads:
            uploads.pop().close()
        shutil.rmtree(self.folder)

    def refused_at_most(self, action: Any) -> None:
        """The rules may refuse it; what they say is tested elsewhere."""
        with suppress(OtakitError):
            action()

    def some(self, table: str, data: st.DataObject) -> Any:
        return data.draw(st.sampled_from(list(getattr(self.model.store, table).values())))

    @rule(name=names, data=st.data())
    def save_device(self, name: str, data: st.DataObject) -> None:
        profile = self.some("profiles", data)
        old = self.model.store.device_named(name)
        draft = replace(old, label=f"{self.now}", profile_id=profile.id) if old else Device(name, profile.id)
        self.refused_at_most(lambda: self.model.save_device(draft, self.now))

    @rule(name=names)
    def save_profile(self, name: str) -> None:
        self.refused_at_most(lambda: self.model.save_profile(Profile(name, extra={"n": name}), self.now))

    @rule(data=st.data(), content=st.binary(min_size=1, max_size=9))
    def store_package(self, data: st.DataObject, content: bytes) -> None:
        self.version += 1
        draft = OtaPackage("t", f"{self.version}", Kind.FIRMWARE, self.some("profiles", data).id)
        filled(self.model, self.keeper, self.model.save_package(draft, self.now).id, content)

    @precondition(lambda self: self.model.store.devices)
    @rule(data=st.data(), key=keys, value=json_values, scope=st.sampled_from(["shared", "client", "server"]))
    def write_attribute(self, data: st.DataObject, key: str, value: Any, scope: str) -> None:
        device = self.some("devices", data)
        getattr(self.model.store.memories[device.id], scope).update({key: Attribute(value, self.now)})

    @precondition(lambda self: self.model.store.devices)
    @rule(data=st.data(), key=keys)
    def delete_attribute(self, data: st.DataObject, key: str) -> None:
        self.model.delete_shared(self.some("devices", data).id, [key])

    @precondition(lambda self: self.model.store.devices)
    @rule(data=st.data(), key=keys, value=json_values, ts=st.integers(-3, 3))
    def write_telemetry(self, data: st.DataObject, key: str, value: Any, ts: int) -> None:
        self.model.write_telemetry(self.some("devices", data).id, [(ts, {key: value})])

    @precondition(lambda self: self.model.store.devices)
    @rule(data=st.data(), key=keys)
    def delete_telemetry(self, data: st.DataObject, key: str) -> None:
        self.model.store.memories[self.some("devices", data).id].telemetry.delete([key])

    @precondition(lambda self: self.model.store.devices and self.model.store.packages)
    @rule(data=st.data())
    def assign(self, data: st.DataObject) -> None:
        device, package = self.some("devices", data), self.some("packages", data)
        draft = with_package(device, Kind.FIRMWARE, package.id)
        self.refused_at_most(lambda: self.model.save_device(draft, self.now))

    @rule(data=st.data(), table=st.sampled_from(["device", "profile", "package"]))
    def delete(self, data: st.DataObject, table: str) -> None:
        there = getattr(self.model.store, f"{table}s")
        if there:
            identifier = data.draw(st.sampled_from(list(there)))
            self.refused_at_most(lambda: getattr(self.model, f"delete_{table}")(identifier))

    @rule()
    def time_passes(self) -> None:
        self.now += SECOND
        self.model.advance(self.now)

    @rule()
    def acknowledge(self) -> None:
        self.keeper.keep()
        self.safe = everything(self.model)

    @rule()
    def restart(self) -> None:
        """What was acknowledged is there; what was not is gone."""
        self.keeper.close()
        self.model, self.keeper = opened(self.folder, now=self.now)
        assert everything(self.model) == self.safe

    @invariant()
    def nothing_is_lost_from_sight(self) -> None:
        assert self.keeper.failures == 0


AnyOperations.TestCase.settings = hypothesis_settings(max_examples=40, stateful_step_count=30)
TestAnyOperations = AnyOperations.TestCase
