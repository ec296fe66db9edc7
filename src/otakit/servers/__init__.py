"""A server and its devices, ready to use: `Twin` and `ThingsBoard` with the same verbs.

`adding`, `uploading`, `readings` and `verbs` hold what they share, `local` starts the twin, `remote` reaches a
ThingsBoard elsewhere, `things` are what the verbs give back; `credentials`, `profiles` and `trust` are what
can be said of devices, `made` is what is to be taken back. Notebooks, the command line and `run` call it.
"""

from otakit.client.credentials import Credentials
from otakit.servers.chosen import server
from otakit.servers.local import Twin
from otakit.servers.profiles import Provisioning, Topics
from otakit.servers.remote import ThingsBoard
from otakit.servers.things import Device, Profile, StoredPackage, kind_of
from otakit.servers.verbs import Server

__all__ = [
    "Credentials",
    "Device",
    "Profile",
    "Provisioning",
    "Server",
    "StoredPackage",
    "ThingsBoard",
    "Topics",
    "Twin",
    "kind_of",
    "server",
]
