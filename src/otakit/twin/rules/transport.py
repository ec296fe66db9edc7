"""What a device profile says about MQTT: its own topics, its payload type, what follows a format error.

Knows `DeviceSessionCtx.updateDeviceSessionConfiguration` and how ThingsBoard matches its filters
(`MqttTopicFilterFactory`, `MqttTopicMatcher`). Protobuf is not spoken by this twin: a payload that a
profile wants in Protobuf is one that cannot be read, and what would be sent in it is not sent. Chunk
requests and chunks carry none and are the same under every profile. Sparkplug is not spoken either: its
profiles are read as if that switch were off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from otakit.protocol.messages import ATTRIBUTES_TOPIC, TELEMETRY_TOPIC
from otakit.twin.rules.entities import Profile


@dataclass(frozen=True, slots=True)
class ProfileTopics:
    """How the devices of one profile speak.

    Attributes:
        telemetry: filter of the topics of telemetry.
        attributes: filter of the topics of client attributes.
        updates: filter of the topics that SUBSCRIBE may name for attribute updates.
        acks_errors: a payload that cannot be read gets a plain PUBACK.
        reads_json: JSON is taken from the device.
        writes_json: JSON is sent on the long topics.
        is_json: the payload type is JSON.
    """

    telemetry: str = TELEMETRY_TOPIC
    attributes: str = ATTRIBUTES_TOPIC
    updates: str = ATTRIBUTES_TOPIC
    acks_errors: bool = False
    reads_json: bool = True
    writes_json: bool = True
    is_json: bool = True


USUAL = ProfileTopics()


def profile_topics(profile: Profile) -> ProfileTopics:
    """What a profile says; the usual where it is not of type MQTT."""
    data = profile.extra.get("profileData")
    found = data.get("transportConfiguration") if isinstance(data, Mapping) else None
    if not isinstance(found, Mapping) or "MQTT" not in (found.get("type"), profile.transport):
        return USUAL
    payload = found.get("transportPayloadTypeConfiguration")
    payload = payload if isinstance(payload, Mapping) else {}
    is_json = payload.get("transportPayloadType", "JSON") != "PROTOBUF"
    reads_json = is_json or payload.get("enableCompatibilityWithJsonPayloadFormat") is True
    return ProfileTopics(
        telemetry=_filter(found, "deviceTelemetryTopic", TELEMETRY_TOPIC),
        attributes=_filter(found, "deviceAttributesTopic", ATTRIBUTES_TOPIC),
        updates=_filter(found, "deviceAttributesSubscribeTopic", ATTRIBUTES_TOPIC),
        acks_errors=found.get("sendAckOnValidationException") is True,
        reads_json=reads_json,
        writes_json=is_json or (reads_json and payload.get("useJsonPayloadFormatForDefaultDownlinkTopics") is True),
        is_json=is_json,
    )


def accepts(name: str, topic: str) -> bool:
    """Whether a filter of a profile accepts a topic, or the text of a filter that SUBSCRIBE names."""
    if "+" not in name and "#" not in name:
        return name == topic
    return name == "#" or _pattern(name, "($|/.*)").fullmatch(topic) is not None


def matches(name: str, topic: str) -> bool:
    """Whether a granted filter matches the topic of a downlink."""
    return name == topic or _pattern(name, "/.+").fullmatch(topic) is not None


@lru_cache(maxsize=256)
def _pattern(name: str, rest: str) -> re.Pattern[str]:
    pattern = re.escape(name).replace(r"\+", "[^/]+").replace(r"/\#", rest).replace(r"\#", ".+")
    return re.compile(pattern, re.DOTALL)


def _filter(found: Mapping[str, object], name: str, usual: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) and value else usual
