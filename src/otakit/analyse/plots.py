"""Frame → matplotlib Axes: the pictures of a session.

Each function takes frames as `columns.COLUMNS` declares them and returns Axes whose title is the finding;
as the last value of a notebook's cell they show themselves, with a text made from the data (`alt_text`).
The family `plots*` are the only files that import matplotlib, and none touches pyplot.
"""

from otakit.analyse.plots_bits import changed_bits
from otakit.analyse.plots_bytes import packet_bytes
from otakit.analyse.plots_chunk_map import chunk_map
from otakit.analyse.plots_in_force import packages_in_force
from otakit.analyse.plots_lanes import chunk_lanes
from otakit.analyse.plots_latency import chunk_latency, latency_by_index, latency_distribution, latency_over_time
from otakit.analyse.plots_packets import packets_over_time
from otakit.analyse.plots_style import alt_text, png
from otakit.analyse.plots_timeline import status_timeline
from otakit.analyse.plots_updates import updates_over_time

__all__ = [
    "alt_text",
    "changed_bits",
    "chunk_lanes",
    "chunk_latency",
    "chunk_map",
    "latency_by_index",
    "latency_distribution",
    "latency_over_time",
    "packages_in_force",
    "packet_bytes",
    "packets_over_time",
    "png",
    "status_timeline",
    "updates_over_time",
]
