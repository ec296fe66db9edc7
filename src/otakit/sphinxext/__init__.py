"""PlantUML in anyone's Sphinx, offline: the directives `uml` and `recording`.

    extensions = ["otakit.sphinxext"]       # in conf.py, where "sphinxcontrib.plantuml" stood

Pages written for sphinxcontrib-plantuml stay as they are. No Java, no Graphviz, nothing is fetched; a mistake
is a warning with the line of the page. Light: neither pandas nor matplotlib is loaded. In reading order:
`including` (text with its ``!include`` files), `advice` (what is drawn but hardly meant), `drawing` (text to a
picture, kept), `directives`, `pictures` (a picture for the builder that asks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ENV_VERSION = 1  # of what the directives leave in Sphinx's own store of read pages


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls for ``extensions = ["otakit.sphinxext"]``."""
    from otakit import __version__  # noqa: PLC0415 - these load Sphinx, which only its user has
    from otakit.sphinxext.directives import RecordingDirective, UmlDirective  # noqa: PLC0415
    from otakit.sphinxext.drawing import MAX_LINES  # noqa: PLC0415
    from otakit.sphinxext.pictures import put_pictures, uml_picture  # noqa: PLC0415

    app.add_node(uml_picture)
    app.add_directive("uml", UmlDirective)
    app.add_directive("recording", RecordingDirective)
    app.add_config_value("uml_cache", None, "", (str, type(None)))
    app.add_config_value("uml_max_lines", MAX_LINES, "env", (int,))
    app.connect("doctree-resolved", put_pictures)
    return {
        "version": __version__,
        "env_version": ENV_VERSION,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
