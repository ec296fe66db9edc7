"""ThingsBoard's behaviour in a process of ours: its MQTT conversation, its rules, its REST door.

`model` and `conversation` are pure and run in virtual time; `server` and `rest` put them on sockets.
"""

from otakit.twin.settings import TwinSettings

__all__ = ["TwinSettings"]
