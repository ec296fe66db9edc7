"""Shared attributes announce a package, nothing, or nonsense with a reason; never an exception."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.protocol.messages import Kind
from otakit.protocol.package import KEYS, REQUESTED, Nonsense, Package, attribute_keys, package_of

FW, SW = Kind
GOOD = {"fw_title": "pump", "fw_version": "1.10", "fw_size": 200_000, "fw_checksum_algorithm": "SHA256",
        "fw_checksum": "e24b"}  # fmt: skip
PACKAGE = Package(FW, "pump", "1.10", 200_000, "e24b", "SHA256")


def test_a_whole_announcement_is_a_package() -> None:
    """And a package announces itself with the same attributes."""
    assert package_of(FW, GOOD) == PACKAGE
    assert PACKAGE.attributes() == GOOD


def test_one_kind_does_not_see_the_other() -> None:
    """Both travel in one answer."""
    both = {**GOOD, "sw_title": "app", "sw_version": "2", "sw_url": "https://host/x"}
    assert package_of(FW, both) == PACKAGE
    assert package_of(SW, both) == Package(SW, "app", "2", url="https://host/x")


def test_nothing_is_no_package() -> None:
    """Unrelated attributes announce none."""
    assert package_of(FW, {}) is None
    assert package_of(FW, {"target": 3, "sw_title": "x"}) is None


@pytest.mark.parametrize("missing", ["fw_title", "fw_version", "fw_size", "fw_checksum", "fw_checksum_algorithm"])
def test_an_announcement_in_part_is_named_as_such(missing: str) -> None:
    """A request that races an assignment may see it half written; asking again may bring the rest."""
    found = package_of(FW, {key: value for key, value in GOOD.items() if key != missing})
    assert isinstance(found, Nonsense)
    assert (found.field, found.incomplete) == (missing, True)


def test_a_size_alone_is_an_announcement_in_part() -> None:
    """The title is what is missing first."""
    found = package_of(FW, {"fw_size": 5})
    assert found == Nonsense("fw_title", found.reason, True) if isinstance(found, Nonsense) else False


@pytest.mark.parametrize("size", [0, -1, True, False, 1.0, 2.5, 2**31, 2**63, 10**400, "200000", None, [], {"a": 1}])
def test_a_size_that_cannot_be_is_named(size: object) -> None:
    """Zero, negative, a truth value, a fraction, a text, beyond Java's int."""
    found = package_of(FW, {**GOOD, "fw_size": size})
    assert isinstance(found, Nonsense)
    assert found.field == "fw_size"
    assert len(found.reason) < 250
    assert not found.incomplete


@pytest.mark.parametrize("size", [1, 2**31 - 1])
def test_sizes_at_the_ends_of_the_range_are_taken(size: int) -> None:
    """One byte, and the last that ThingsBoard's chunk arithmetic can reach."""
    assert package_of(FW, {**GOOD, "fw_size": size}) == Package(FW, "pump", "1.10", size, "e24b", "SHA256")


@pytest.mark.parametrize("key", ["fw_title", "fw_version"])
@pytest.mark.parametrize(
    "value", ["", " ", "a\nb", "a\0b", "x" * 10_000, "x" * 256, 7, None, ["pump"], "\ud800", "a\u202eb"]
)
def test_a_title_or_version_that_cannot_be_is_named(key: str, value: object) -> None:
    """Empty, too long, with line breaks, invisible marks or halves of characters, or no text at all."""
    found = package_of(FW, {**GOOD, key: value})
    assert isinstance(found, Nonsense)
    assert found.field == key
    assert len(found.reason) < 250
    assert "\n" not in found.reason


@pytest.mark.parametrize("title", ["../x", "水泵", "x" * 255, "a/b\\c", "CON"])
def test_a_title_is_text_and_no_path(title: str) -> None:
    """What looks like a path is a title like any other; no file is ever named after it."""
    found = package_of(FW, {**GOOD, "fw_title": title})
    assert isinstance(found, Package)
    assert found.title == title


@pytest.mark.parametrize("key", ["fw_checksum", "fw_checksum_algorithm", "fw_url", "fw_tag"])
@pytest.mark.parametrize("value", [7, None, ["x"], {"a": 1}, True])
def test_other_texts_that_are_none_are_named(key: str, value: object) -> None:
    """An operator may write shared attributes by hand."""
    found = package_of(FW, {**GOOD, key: value})
    assert isinstance(found, Nonsense)
    assert found.field == key


def test_a_package_behind_a_url_need_not_say_more() -> None:
    """Size and checksum are optional there; a size that is given must make sense."""
    bare: dict[str, Any] = {"fw_title": "pump", "fw_version": "1.11", "fw_url": "https://host/x"}
    assert package_of(FW, bare) == Package(FW, "pump", "1.11", url="https://host/x")
    found = package_of(FW, {**bare, "fw_size": 0})
    assert isinstance(found, Nonsense)
    assert found.field == "fw_size"


@given(st.dictionaries(
    st.sampled_from([f"fw_{key}" for key in KEYS]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.lists(st.integers()),
), st.sampled_from(Kind))  # fmt: skip
def test_any_values_are_a_package_or_nothing_or_nonsense(shared: dict[str, object], kind: Kind) -> None:
    """Whatever JSON can hold."""
    found = package_of(kind, shared)
    assert found is None or isinstance(found, Package | Nonsense)


def test_seven_keys_are_asked_for_and_nine_exist() -> None:
    """`fw_ts` and `fw_state` are only ever deleted."""
    assert set(KEYS) - set(REQUESTED) == {"ts", "state"}
    assert attribute_keys(SW)[:2] == ("sw_title", "sw_version")
