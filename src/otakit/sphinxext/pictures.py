"""A drawn diagram as an image of the page: SVG where the builder takes it, PNG for LaTeX.

Knows builders and sizes. In HTML it is an ``<img>`` with an SVG file of its own in ``_images``, and a link to
that file: an image has one alternative text for who listens, no id or style of it can meet those of the page,
a theme scales it down on a phone, and the link opens it at full size with its text selectable. Inline SVG
would have none of these, and an ``<object>`` no alternative text. The ground is white in either theme,
because arrows are dark. PlantUML's links are drawn as plain text by the engine, so none are lost in an image.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from otakit.diagrams.picture import png_of
from otakit.errors import DiagramError
from otakit.sphinxext.drawing import Drawn, drawn, keep

logger = logging.getLogger(__name__)

SVG, PNG = "image/svg+xml", "image/png"


class uml_picture(nodes.General, nodes.Element):  # type: ignore[misc]  # noqa: N801 - docutils has no types, and names nodes so
    """A diagram that was drawn when its page was read; waits for a builder. Raw source: the merged text."""


def cache_of(env: BuildEnvironment) -> Path:
    """Where pictures are kept: beside Sphinx's own read pages, or in `uml_cache`, below the source folder."""
    return Path(env.srcdir, env.config.uml_cache) if env.config.uml_cache else Path(env.doctreedir, "otakit-uml")


def put_pictures(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Each diagram becomes an image in the form that this builder can show."""
    for node in list(doctree.findall(uml_picture)):
        if node["options"].get(f"{app.builder.format}_format") == "none":
            left_out = node.parent if isinstance(node.parent, nodes.figure) else node
            left_out.parent.remove(left_out)
        else:
            node.replace_self(_image(app, node, docname))


def _image(app: Sphinx, node: uml_picture, docname: str) -> nodes.Node:
    wanted = node["options"].get(f"{app.builder.format}_format", "")
    cache = cache_of(app.env)
    picture = drawn(node.rawsource, cache)  # from the cache, unless somebody has emptied it meanwhile
    takes = app.builder.supported_image_types
    try:
        path = _file(picture, cache, PNG if takes and (SVG not in takes or wanted == "png") else SVG)
    except DiagramError as error:
        logger.warning("%s", error, location=node, type="otakit", subtype="uml")
        return nodes.literal_block(node.rawsource, node.rawsource, language="text")
    app.env.images.add_file(docname, str(path))
    image = nodes.image(uri=str(path), candidates={"*": str(path)}, alt=node["alt"], classes=node["classes"])
    image.update_basic_atts(node)
    image.source, image.line = node.source, node.line
    image.attributes.update(sizes(node["options"], picture.size))
    if "align" in node["options"] and not isinstance(node.parent, nodes.figure):
        image["align"] = node["options"]["align"]
    return image


def _file(picture: Drawn, cache: Path, form: str) -> Path:
    ending = "png" if form == PNG else "svg"
    path = cache / f"uml-{picture.digest}.{ending}"
    if not path.is_file():
        keep(path, png_of(picture.svg) if form == PNG else f"{picture.svg}\n".encode())
    return path


def sizes(options: dict[str, Any], natural: tuple[float, float]) -> dict[str, str]:
    """Width and height of the image: as asked, else the diagram's own in pixels.

    The own size is said because a PNG has twice as many pixels as it shall take room, and because Sphinx
    links an image of a said size to its file.
    """
    factor = options.get("scale", 100) / 100
    asked: dict[str, str] = {name: _scaled(options[name], factor) for name in ("width", "height") if name in options}
    if asked:
        return asked
    width = natural[0] * factor
    most = options.get("max_width", "")
    if most.endswith("%"):
        return {"width": most} if width > 600 else {"width": f"{width:.0f}px"}
    if found := re.fullmatch(r"([\d.]+)(?:px)?", most):
        width = min(width, float(found[1]))
    return {"width": f"{width:.0f}px"}


def _scaled(length: str, factor: float) -> str:
    found = re.fullmatch(r"([\d.]+)\s*(\D*)", length)
    if factor == 1 or found is None:
        return length
    return f"{float(found[1]) * factor:g}{found[2]}"
