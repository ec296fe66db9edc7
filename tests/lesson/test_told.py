"""Devices that listen while an operator assigns; on a twin that tells one device after the other at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from otakit.analyse import plots
from otakit.errors import ResponseTimeout, SettingsError
from otakit.lesson import told as telling
from otakit.lesson.told import Told, tells, words_of
from otakit.servers import Profile, StoredPackage, Twin
from otakit.twin import TwinSettings

DELETED = {"deleted": ["fw_tag", "fw_url"]}


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(settings=TwinSettings(dispatch_spacing_s=0)) as server:
        yield server


@pytest.fixture(scope="module")
def profile(twin: Twin) -> Profile:
    return twin.add_profile("meters")


@pytest.fixture(scope="module")
def packages(twin: Twin, profile: Profile) -> tuple[StoredPackage, ...]:
    return tuple(twin.upload("firmware", "meter", version, b"meter", profile=profile) for version in ("F1", "F2", "F3"))


@pytest.fixture
def told(twin: Twin, profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.chdir(tmp_path)
    made = Told(twin, profile, D1=twin.add_device("meter-1", profile), D2=twin.add_device("meter-2", profile))
    yield made
    made.close()


def rows(frame: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """Device, version in force, and whether it was told; the order of two messages is the server's choice."""
    return [(device, version, heard != "nothing") for device, version, heard in frame.itertuples(index=False)]


def test_package_of_the_profile_is_told_to_each_device(
    twin: Twin, profile: Profile, packages: tuple[StoredPackage, ...], told: Told
) -> None:
    """By the package and by the keys that it does not use."""
    told.begin()
    twin.assign(packages[0], to=profile)
    assert rows(told.after("F1 to the profile")) == [("D1", "F1", True), ("D2", "F1", True)]
    assert sorted("deleted" in body for body in told.heard("D1")) == [False, True]


def test_device_with_its_own_is_told_nothing_of_its_profile_s(
    twin: Twin, profile: Profile, packages: tuple[StoredPackage, ...], told: Told
) -> None:
    """And of its profile's as soon as its own is cleared."""
    first, second, third = packages
    device = twin.add_device("meter-1")
    told.begin(profile=first, D1=second)
    twin.assign(third, to=profile)
    assert rows(told.after("F3 to the profile")) == [("D1", "F2", False), ("D2", "F3", True)]
    twin.unassign("firmware", from_=device)
    assert rows(told.after("D1's own cleared")) == [("D1", "F3", True), ("D2", "F3", False)]


def test_step_of_the_same_name_is_replaced(packages: tuple[StoredPackage, ...], told: Told) -> None:
    """A cell that is run again."""
    told.begin(profile=packages[0])
    told.after("again")
    told.after("again")
    assert list(told.steps["step"]) == ["again", "again"]
    assert list(told.steps["device"]) == ["D1", "D2"]


def test_moved_device_is_told_of_its_new_profile_s_package_and_begin_brings_it_back(
    twin: Twin, profile: Profile, packages: tuple[StoredPackage, ...], told: Told
) -> None:
    other = twin.add_profile("meters indoors")
    twin.assign(twin.upload("firmware", "meter", "F4", b"meter", profile=other), to=other)
    told.begin(profile=packages[0], D1=packages[1])
    told.move("D1", other)
    assert rows(told.after("D1 moves")) == [("D1", "F4", True), ("D2", "F1", False)]
    told.begin()
    assert twin.operator.device(twin.add_device("meter-1").id)["deviceProfileId"]["id"] == profile.id


def test_unassigned_profile_is_told_as_all_keys_deleted(
    twin: Twin, profile: Profile, packages: tuple[StoredPackage, ...], told: Told
) -> None:
    told.begin(profile=packages[0])
    twin.unassign("firmware", from_=profile)
    assert list(told.after("the profile cleared")["heard"]) == ["all deleted", "all deleted"]
    assert told.steps["in_force"].isna().all()


def test_device_that_is_not_told_is_an_error_that_says_what_came(
    packages: tuple[StoredPackage, ...], told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here because nobody listens any more."""
    monkeypatch.setattr(telling, "WITHIN_S", 5.0)
    told.close()
    with pytest.raises(ResponseTimeout, match="D1: was not told before its connection ended; it heard nothing"):
        told.begin(profile=packages[0])


def test_unknown_device_is_named(told: Told) -> None:
    with pytest.raises(SettingsError, match="no device D3; there are D1, D2"):
        told.begin(D3=None)


@pytest.mark.parametrize(
    ("version", "heard", "expected"),
    [
        ("F1", [{"fw_version": "F1"}, DELETED], True),
        ("F1", [DELETED, {"fw_version": "F1"}], True),
        ("F1", [{"fw_version": "F1"}], False),
        ("F1", [{"fw_version": "F2"}, DELETED], False),
        (None, [DELETED], False),
        (None, [{"deleted": ["fw_title", "fw_tag"]}], True),
    ],
)
def test_both_messages_are_waited_for(version: str | None, heard: list[object], expected: bool) -> None:
    """In either order; an unassignment is one message."""
    assert tells(version, heard) is expected


def test_messages_become_words() -> None:
    assert words_of([{"fw_version": "F1"}, DELETED, {"deleted": ["fw_title"]}]) == "F1, unused deleted, all deleted"
    assert words_of([]) == "nothing"


STEPS = pd.DataFrame(
    [
        ("F2 to D1", "D1", "F2", "F2, unused deleted"),
        ("F2 to D1", "D2", None, "nothing"),
        ("F2 once more", "D1", "F2", "nothing"),
        ("F2 once more", "D2", None, "nothing"),
    ],
    columns=["step", "device", "in_force", "heard"],
)


def test_picture_names_who_was_told_and_what_is_in_force() -> None:
    axes: Any = plots.packages_in_force(STEPS)
    expected = "D1 was told at 1 and D2 at 0 of 2 steps; F2 once more reached nobody"
    assert axes.get_title(loc="left") == expected
    assert expected in plots.alt_text(axes)
    texts = [text.get_text() for text in axes.texts]
    assert (texts.count("F2"), texts.count("none")) == (2, 2)
    assert (texts.count("told"), texts.count("told nothing")) == (1, 3)
    assert plots.png(axes.figure, sharpness=0.3).startswith(b"\x89PNG")


def test_picture_of_no_step_says_so() -> None:
    assert plots.alt_text(plots.packages_in_force(STEPS.iloc[:0])) == "Nothing to show: no step was taken."


def test_messages_that_come_one_by_one_are_gathered(told: Told) -> None:
    """In their order, until all is told."""
    coming = iter([DELETED, {"fw_version": "F1"}, {"fw_version": "F2"}])
    one_by_one = SimpleNamespace(is_connected=True, listen=lambda *_, **__: SimpleNamespace(bodies=[next(coming)]))
    told._lines["D1"], real = one_by_one, told._lines["D1"]  # type: ignore[assignment]  # it only listens
    assert told._until("D1", partial(tells, "F1")) == [DELETED, {"fw_version": "F1"}]
    told._lines["D1"] = real
