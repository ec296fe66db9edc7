"""Scenario 42 of section 19."""

from __future__ import annotations

from otakit.conformance.stage import Stage
from otakit.protocol.messages import ATTRIBUTES_TOPIC, TELEMETRY_TOPIC
from otakit.protocol.packets import PubAck

TOPIC = "my/tm"
TRANSPORT = {
    "type": "MQTT",
    "deviceTelemetryTopic": TOPIC,
    "deviceAttributesTopic": ATTRIBUTES_TOPIC,
    "deviceAttributesSubscribeTopic": ATTRIBUTES_TOPIC,
    "sparkplug": False,
    "sparkplugAttributesMetricNames": [],
    "transportPayloadTypeConfiguration": {"transportPayloadType": "JSON"},
    "sendAckOnValidationException": False,
}


def test_scenario_42_topics_of_the_profile(stage: Stage) -> None:
    """A profile's own telemetry topic takes the place of the long one; the short one and the updates stay."""
    fx = stage.fixture()
    data = {"configuration": {"type": "DEFAULT"}, "transportConfiguration": TRANSPORT}
    profile = fx.make_profile("M", transportType="MQTT", profileData=data)
    own = fx.make_device("M1", profile)
    package = fx.make_package("5.0", deviceProfileId=profile["id"])
    device = stage.device(fx.token_of(own), listens=True)
    reasons = {TOPIC: 0, TELEMETRY_TOPIC: 0x90 if stage.is_five else 0, "v2/t": 0}
    for value, (topic, reason) in enumerate(reasons.items()):
        number = device.publishes(topic, {f"level{value}": value})
        assert device.expect() == [PubAck(number or 0, reason)]
    keys = [f"level{value}" for value in range(3)]
    stage.until(lambda: fx.latest("level2", device=own)["level2"] == 2, "what came last is stored")
    assert fx.latest(*keys, device=own) == {"level0": 0, "level1": None, "level2": 2}

    fx.assign(package, own)
    versions = [body.get("fw_version") for body in device.updates(2)]
    assert sorted(versions, key=str) == ["5.0", None]
