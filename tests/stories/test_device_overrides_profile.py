"""The device's own package goes before its profile's."""

from __future__ import annotations

from typing import Any

from otakit.protocol.messages import Kind

FW, SW = Kind.FIRMWARE, Kind.SOFTWARE


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
