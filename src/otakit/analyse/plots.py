"""Frame → matplotlib Axes: the pictures of a session.

Each function takes frames as `columns.COLUMNS` declares them and returns Axes whose title is the finding;
as the last value of a notebook's cell they show themselves, with a text made from the data (`alt_text`).
The family `plots*` are the only files that import matplotlib, and none touches pyplot.
"""

from otakit.analyse.plots_latency import chunk_latency, latency_by_index, latency_distribution, latency_over_time
from otakit.analyse.plots_packets import packets_over_time
from otakit.analyse.plots_style import alt_text, png
from otakit.analyse.plots_timeline import status_timeline

__all__ = [
    "alt_text",
    "chunk_latency",
    "latency_by_index",
    "latency_distribution",
    "latency_over_time",
    "packets_over_time",
    "png",
    "status_timeline",
]
