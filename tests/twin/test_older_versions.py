"""What older versions of ThingsBoard did otherwise, by the knob `version` (sections 10 and 11)."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from otakit.protocol.messages import Kind
from otakit.twin.model import Model
from otakit.twin.rules.entities import Device, OtaPackage
from otakit.twin.settings import SECOND, TwinSettings

NOW = 1_790_000_000 * SECOND
CHECKED = {"algorithm": "SHA256", "checksum": "ab", "size": 7}


class Bench:
    """A model of one version with one device, and what that device was told."""

    def __init__(self, version: str) -> None:
        self.model = Model(TwinSettings(version=version, dispatch_spacing_s=0), random.Random(0), NOW)
        self.device = self.model.save_device(Device("d1"), NOW)
        self.profile_id = self.model.store.default_profile_id

    def package(self, kind: Kind, title: str, **fields: Any) -> OtaPackage:
        draft = OtaPackage(title, "3", kind, self.profile_id, url="https://x", uses_url=True, **fields)
        return self.model.save_package(draft, NOW)

    def shared(self) -> set[str]:
        return set(self.model.store.memories[self.device.id].shared)

    def state(self, key: str = "fw_state") -> object:
        found = self.model.store.memories[self.device.id].telemetry.latest(key)
        return found[1] if found else None

    def settle(self) -> None:
        self.model.advance(NOW + 10 * SECOND)


@pytest.mark.parametrize(
    ("version", "told"), [("4.2.1", False), ("3.9", False), ("4.2.1.1", True), ("4.2.2", True), ("4.3", True)]
)
def test_url_package_without_an_algorithm_was_never_announced(version: str, told: bool) -> None:
    """A null error: the state stays INITIATED and no attribute is written."""
    bench = Bench(version)
    bench.model.assign(bench.device, Kind.FIRMWARE, bench.package(Kind.FIRMWARE, "pump").id, NOW)
    bench.settle()
    assert bench.state() == "INITIATED"
    assert bench.shared() == ({"fw_title", "fw_version", "fw_url"} if told else set())


@pytest.mark.parametrize(("version", "told"), [("4.2.1", False), ("4.3.1.3", True)])
def test_algorithm_of_a_url_package_was_deleted_instead_of_sent(version: str, told: bool) -> None:
    bench = Bench(version)
    bench.model.write_shared(bench.device.id, {"fw_checksum_algorithm": "old"}, NOW)
    bench.model.assign(bench.device, Kind.FIRMWARE, bench.package(Kind.FIRMWARE, "pump", **CHECKED).id, NOW)
    bench.settle()
    assert ("fw_checksum_algorithm" in bench.shared()) is told
    assert {"fw_checksum", "fw_size", "fw_url"} <= bench.shared()


@pytest.mark.parametrize(("version", "right"), [("3.4.1", False), ("3.4.2", True)])
def test_software_of_a_profile_was_taken_for_its_firmware(version: str, right: bool) -> None:
    """Its firmware was queued once more, and no dispatcher took it for software."""
    bench = Bench(version)
    profile = bench.model.store.profile(bench.profile_id)
    firmware, software = bench.package(Kind.FIRMWARE, "pump"), bench.package(Kind.SOFTWARE, "app", **CHECKED)
    profile = bench.model.save_profile(replace(profile, firmware_id=firmware.id), NOW)
    bench.settle()
    bench.model.save_profile(replace(profile, software_id=software.id), NOW)
    assert bench.state("target_fw_title" if right else "target_sw_title") == ("pump" if right else None)
    bench.model.advance(NOW + 20 * SECOND)
    assert ("sw_title" in bench.shared()) is right


def test_software_of_a_profile_without_firmware_was_deleted() -> None:
    bench = Bench("3.4.1")
    bench.model.write_shared(bench.device.id, {"sw_title": "by hand"}, NOW)
    software = bench.package(Kind.SOFTWARE, "app", **CHECKED)
    profile = bench.model.store.profile(bench.profile_id)
    bench.model.save_profile(replace(profile, software_id=software.id), NOW)
    bench.settle()
    assert bench.shared() == set()
