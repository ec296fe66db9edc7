"""One update of one device: client, recording and progress, put together."""

from otakit.run.handle import Handle
from otakit.run.peer import Peer, peer_at, peer_of
from otakit.run.start import own_path, recording_path, settings_from, start_update, update

__all__ = [
    "Handle",
    "Peer",
    "own_path",
    "peer_at",
    "peer_of",
    "recording_path",
    "settings_from",
    "start_update",
    "update",
]
