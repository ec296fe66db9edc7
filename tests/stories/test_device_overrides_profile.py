"""The device's own package goes before its profile's: who receives what after each of the operator's actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from otakit.protocol.messages import Kind
from otakit.protocol.packets import Version
from otakit.run import update
from otakit.servers import Twin
from otakit.twin.settings import TwinSettings

FW = Kind.FIRMWARE
AT_ONCE = TwinSettings(dispatch_spacing_s=0, dispatch_latency_s=0)


def test_the_devices_own_package_goes_before_its_profiles(story: Any) -> None:
    """Assigned to the profile, then to the device, then the device's cleared: what counts each time."""
    profile = story.model.store.profile(story.model.store.default_profile_id)
    of_profile, own = story.upload(version="3.0.0"), story.upload(version="4.0.0")
    story.model.assign(profile, FW, of_profile.id, 0)
    story.model.assign(story.entity, FW, own.id, 0)
    story.model.advance(10**12)
    assert story.run().run.device.running[FW] == ("pump", "4.0.0")
    again = story.run(operator=[(0.5, lambda model, now: model.assign(story.entity, FW, None, now))])
    assert again.history() == ["ALREADY_CURRENT", "UPDATED"]
    assert again.run.device.running[FW] == ("pump", "3.0.0")


@pytest.mark.parametrize("version", [Version.MQTT_3_1_1, Version.MQTT_5], ids=["v3", "v5"])
def test_each_device_receives_what_is_its_own_or_else_its_profiles(tmp_path: Path, version: Version) -> None:
    """The worked example of the article: one profile, two devices, five actions, over TCP."""
    with Twin(seed=7, settings=AT_ONCE) as twin:
        profile = twin.add_profile("pumps")
        first, second = (twin.add_device(name, profile) for name in ("pump-1", "pump-2"))
        f1, f2, f3 = (
            twin.upload("firmware", "pump", v, v.encode() * 99, profile=profile) for v in ("1.1", "1.2", "1.3")
        )

        def runs() -> list[str]:
            for device in (first, second):
                update(device, version=version, offer_wait_s=0.05, show_progress=False, record=tmp_path / device.name)
            return [running[1] for device in (first, second) if (running := device.running())]

        twin.assign(f1, to=profile)
        assert runs() == ["1.1", "1.1"]
        twin.assign(f2, to=first)
        assert runs() == ["1.2", "1.1"]
        twin.assign(f3, to=profile)
        assert runs() == ["1.2", "1.3"]
        twin.unassign("firmware", from_=first)
        assert runs() == ["1.3", "1.3"]
        told = len(twin.telemetry(first)["target_fw_version"])
        twin.assign(f3, to=first)
        assert runs() == ["1.3", "1.3"]
        assert len(twin.telemetry(first)["target_fw_version"]) == told  # nobody was told: it had that already
