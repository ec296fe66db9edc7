"""See and get right the over-the-air updates of ThingsBoard devices over MQTT.

A whole update in five lines, recorded while it runs:

    server = otakit.server()                     # the embedded twin, or the ThingsBoard of OTAKIT_SERVER
    device = server.add_device("pump-7")
    server.assign(server.upload("firmware", "pump", "1.1.0", b"…"), to=device)
    session = otakit.update(device)
    session.chunks; session.plot_chunk_latency(); session.diagram()

A map, from the wire upwards; each module opens with what it knows and what it leaves to others:

    protocol     MQTT packets and ThingsBoard's messages as values; messages.py is the table of all there is to say
    client       the device: vocabulary, machine (a table of transitions), window, disk, driver
    twin         the embedded server: ThingsBoard's rules, its conversation with a device, its REST door
    servers      Twin and ThingsBoard with the same verbs; thingsboard holds the REST calls
    link, faults the path between the two: delay, rate, and what goes wrong on it
    record       a recording is a pcapng capture, written while it happens
    exchange     captured packets become questions with their answers; columns declares every column
    analyse      frames, latencies, plots
    diagrams     PlantUML, offline; the sequence diagram of what happened
    run, session one update, and the story of it; report is the page of it, demo shows all of this
    trial        a seeded run in virtual time: the client's machine against the twin's conversation
    conformance  the twin beside a real ThingsBoard: scenarios, stages to play them on, what differs
    lesson       one exchange at a time, explained
    article      the article's examples and tables, cut from recorded runs and from the code
    sphinxext    PlantUML and recordings as directives of anyone's Sphinx
    settings, doctor, cli    what is configured, what is missing, one verb per task

The names below load their module when they are first used: `import otakit` itself loads nothing else.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from otakit.client.vocabulary import Settings as Settings
    from otakit.diagrams import Diagram as Diagram
    from otakit.diagrams import diagram as diagram
    from otakit.errors import OtakitError as OtakitError
    from otakit.lesson.steps import steps as steps
    from otakit.link import Link as Link
    from otakit.run import start_update as start_update
    from otakit.run import update as update
    from otakit.servers import Credentials as Credentials
    from otakit.servers import Device as Device
    from otakit.servers import ThingsBoard as ThingsBoard
    from otakit.servers import Twin as Twin
    from otakit.servers import server as server
    from otakit.session import Session as Session
    from otakit.session import example as example
    from otakit.session import load as load

__version__ = "0.1.0"

_HOMES = {
    "server": "servers",
    "Twin": "servers",
    "ThingsBoard": "servers",
    "Device": "servers",
    "Credentials": "servers",
    "update": "run",
    "start_update": "run",
    "Settings": "client.vocabulary",
    "Link": "link",
    "steps": "lesson.steps",
    "Session": "session",
    "load": "session",
    "example": "session",
    "diagram": "diagrams",
    "Diagram": "diagrams",
    "OtakitError": "errors",
}
"""Public name to the module that holds it."""

__all__ = [  # noqa: PLE0604 - names of the table, so that the two cannot differ
    *_HOMES,
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Load the module of a public name when the name is first asked for (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'otakit' has no attribute {name!r}; it has {', '.join(_HOMES)}")
    value = getattr(importlib.import_module(f"otakit.{home}"), name)
    globals()[name] = value
    return value


if "IPython" in sys.modules:  # in a notebook %%plantuml is there at once; a script pays nothing
    importlib.import_module("otakit.notebook").register_in_ipython()


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
