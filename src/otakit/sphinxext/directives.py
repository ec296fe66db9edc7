"""The directives: `uml` draws text or a file, `recording` draws what happened in a recording.

Knows docutils' and Sphinx's side of it: options, lines of the page, dependencies, warnings. What is wrong is
told as a warning at the line of the page, and the source is shown in place of the picture, so that the build
goes on (and fails where warnings are errors). `pictures` puts the picture in, once a builder asks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StateMachine
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from otakit.diagrams.sequence import sequence_of
from otakit.errors import DiagramError, RecordingError
from otakit.record.pcapng import Reader
from otakit.sphinxext.drawing import Mistake, Said, drawn_from
from otakit.sphinxext.including import Included, Placed
from otakit.sphinxext.pictures import cache_of, uml_picture

logger = logging.getLogger(__name__)


def _align(argument: str) -> str:
    return str(directives.choice(argument, ("left", "center", "right")))


class _Picture(SphinxDirective):
    """What both directives share: a picture with its options, or a warning and the source."""

    option_spec: ClassVar[dict[str, Any]] = {
        "align": _align,
        "alt": directives.unchanged,
        "caption": directives.unchanged,
        "class": directives.class_option,
        "height": directives.length_or_unitless,
        "html_format": directives.unchanged,
        "latex_format": directives.unchanged,
        "max-width": directives.length_or_percentage_or_unitless,
        "name": directives.unchanged,
        "scale": directives.percentage,
        "width": directives.length_or_percentage_or_unitless,
    }
    beside = ""  # name of the file that the lines come from, where it is not the page

    def tell(self, said: Said) -> None:
        """A warning at the line of the page."""
        at = None if self.beside else said.at
        where = f"{self.beside}, line {said.at}: " if self.beside and said.at else ""
        logger.warning("%s%s", where, said.text, location=self._place(at), type="otakit", subtype=said.kind)

    def _place(self, number: int | None) -> str:
        """Document and line of a line of the directive's content; of the directive itself without one."""
        if number is None or not 1 <= number <= len(self.content):
            return "{}:{}".format(*self.get_source_info())
        if isinstance(self.state_machine, StateMachine):  # reStructuredText: each line knows its own place
            source, offset = self.content.items[number - 1]
            return f"{source}:{int(offset or 0) + 1}"
        # MyST counts from the directive
        return f"{self.get_source_info()[0]}:{self.lineno + self.content_offset + number}"

    def pictured(self, lines: list[Placed]) -> list[nodes.Node]:
        """The picture of these lines as nodes of the page."""
        try:
            made, notes = drawn_from(lines, cache_of(self.env), self.config.uml_max_lines)
        except Mistake as mistake:
            self.tell(mistake.said)
            return self.listed("\n".join(line.text for line in lines))
        for note in notes:
            self.tell(note)
        chosen = {name.replace("-", "_"): value for name, value in self.options.items()}
        classes = ["uml", *chosen.pop("class", [])]
        picture = uml_picture(made.text, options=chosen, alt=chosen.pop("alt", made.alt), classes=classes)
        self.set_source_info(picture)
        return [self._framed(picture)]

    def _framed(self, picture: nodes.Element) -> nodes.Element:
        outer: nodes.Element = picture
        if "caption" in self.options:
            text, _ = self.parse_inline(self.options["caption"], lineno=self.lineno)
            caption = nodes.caption(self.options["caption"], "", *text)
            self.set_source_info(caption)
            outer = nodes.figure("", picture, caption, align=self.options.get("align", "default"))
            self.set_source_info(outer)
        self.add_name(outer)
        return outer

    def listed(self, text: str) -> list[nodes.Node]:
        """The source, in place of a picture that could not be made."""
        shown = nodes.literal_block(text[:10_000], text[:10_000], classes=["uml", "not-drawn"], language="text")
        self.set_source_info(shown)
        self.add_name(shown)
        return [shown]

    def file(self, name: str) -> Path:
        """A file named in the page, which from now on is read again when it changes."""
        relative, path = self.env.relfn2path(name)
        self.env.note_dependency(relative)
        return Path(path)


class UmlDirective(_Picture):
    """PlantUML text, or a file with it, as a picture."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """The picture, or its source after a warning."""
        page = Path(self.env.doc2path(self.env.docname)).parent
        if not self.arguments:
            return self._drawn("\n".join(self.content), page)
        if self.content:
            self.tell(Said("a file and text: give one of the two", None))
            return []
        self.beside = self.arguments[0].strip()
        path = self.file(self.beside)
        try:
            text = path.read_text(encoding="utf-8-sig").replace("\r\n", "\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            self.tell(Said(f"`{self.beside}` cannot be read: {why}; correct the name or the file", None))
            return []
        return self._drawn(text, path.parent)

    def _drawn(self, text: str, folder: Path) -> list[nodes.Node]:
        included = Included([Path(self.env.srcdir), *([folder] if self.beside else [])])
        try:
            return self.pictured(included.lines(text, folder))
        except DiagramError as error:
            self.tell(Said(str(error).removeprefix(f"line {error.line}: "), error.line))
            return self.listed(text)
        finally:
            for path in included.files:
                self.env.note_dependency(str(path))


class RecordingDirective(_Picture):
    """A recording's own sequence diagram: what happened."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """The picture, or nothing after a warning."""
        self.beside = self.arguments[0].strip()
        try:
            reader = Reader(self.file(self.beside))
            source = sequence_of(reader.stream()).source
        except RecordingError as error:
            self.tell(Said(f"{error}", None, "recording"))
            return []
        if reader.cut:
            self.tell(Said(f"`{self.beside}`: {reader.cut}", None, "recording"))
        return self.pictured([Placed(line, number) for number, line in enumerate(source.split("\n"), 1)])
