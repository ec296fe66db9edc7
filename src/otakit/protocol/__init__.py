"""MQTT and the update protocol as values: bytes, packets, messages, packages, checksums. Pure."""
