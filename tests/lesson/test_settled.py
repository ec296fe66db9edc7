"""Waiting for an assignment without a sleep in the notebook."""

from __future__ import annotations

import pytest

from otakit.errors import ResponseTimeout
from otakit.lesson.settled import settled
from otakit.servers import Device, Twin


def test_returns_when_the_attributes_describe_the_package(twin: Twin, device: Device) -> None:
    """All keys of it, and no key of another."""
    package = twin.upload("firmware", "pump", "1.2.0", b"settled", tag="blue")
    twin.assign(package, to=device)
    found = settled(twin, device, package)
    assert (found["fw_version"], found["fw_tag"], found["fw_size"]) == ("1.2.0", "blue", 7)


def test_returns_when_no_package_is_left(twin: Twin, device: Device) -> None:
    """Other attributes do not matter."""
    twin.write_attributes(device, {"interval": 30})
    twin.unassign("firmware", from_=device)
    assert settled(twin, device, None) == {}


def test_says_what_stands_there_when_it_does_not_come(twin: Twin, device: Device) -> None:
    """After the time that was given."""
    package = twin.upload("firmware", "pump", "1.2.1", b"never assigned")
    with pytest.raises(ResponseTimeout, match=r"pump-7: the attributes do not describe pump 1\.2\.1 in 0\.1 s"):
        settled(twin, device, package, within_s=0.1)
