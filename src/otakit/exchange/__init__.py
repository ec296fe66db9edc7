"""Captured packets → exchanges, chunks, statuses and updates: the waist of otakit.

All that stands before it produces captured packets, all that stands after it only reads them.
`Exchanges.feed` takes entries as they come; the modules in reading order: decoded (one packet),
question (one exchange), pairing (what answers what), offers (what attributes and telemetry say),
updates (values), story (when an update begins and ends), said (one line for people).
"""

from otakit.exchange.decoded import DecodedPacket
from otakit.exchange.pairing import Exchanges
from otakit.exchange.question import Exchange
from otakit.exchange.said import said, size
from otakit.exchange.updates import Chunk, Status, Update

__all__ = ["Chunk", "DecodedPacket", "Exchange", "Exchanges", "Status", "Update", "said", "size"]
