"""A server and its devices, ready to use: `Twin` and `ThingsBoard` with the same verbs.

`verbs` holds what they share, `local` starts the twin, `remote` reaches a ThingsBoard elsewhere, `things`
are what the verbs give back. Notebooks, the command line and `run` call it.
"""

from otakit.servers.chosen import server
from otakit.servers.local import Twin
from otakit.servers.remote import ThingsBoard
from otakit.servers.things import Device, Profile, StoredPackage, kind_of
from otakit.servers.verbs import Server

__all__ = ["Device", "Profile", "Server", "StoredPackage", "ThingsBoard", "Twin", "kind_of", "server"]
