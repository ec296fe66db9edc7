"""See and get right the over-the-air updates of ThingsBoard devices over MQTT."""

__version__ = "0.1.0"
