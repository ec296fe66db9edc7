"""The operator's talk with ThingsBoard: some fifteen REST calls, the same for the twin and a real server."""

from otakit.thingsboard.calls import Entity
from otakit.thingsboard.operator import Operator

__all__ = ["Entity", "Operator"]
