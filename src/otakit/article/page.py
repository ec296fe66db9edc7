"""The article's page: examples, tables and lesson links put in where its source asks for them, and its two forms.

Knows the few directives of ``docs/article/ota-updates.rst.in`` and the ``uml`` directives of the page; every
other line is passed on as it is. Refuses to know files: recordings and diagrams come in as functions. Pure.

================================== ====================================================================
in the source                      in the page
================================== ====================================================================
``.. example:: RECORDING``         a block with the packets that its lines choose (`cut.Choice`)
``.. made-table:: NAME RECORDING`` a table of `tables.TABLES`; examples in it come from the recordings
``.. worked-example:: RECORDING``  the table *action → what each device receives*
``.. lesson:: 04 05``              links to lessons
================================== ====================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from otakit.article.cut import Choice, Recorded
from otakit.article.tables import TABLES
from otakit.article.worked import worked_example
from otakit.errors import SettingsError

Recordings = Callable[[str], Recorded]
_DIRECTIVE = re.compile(r"(?P<indent> *)\.\. (?P<name>example|made-table|worked-example|lesson):: (?P<argument>.+)")
_UML = re.compile(r"\.\. uml:: \S*?(?P<name>[\w-]+)\.puml")
_LESSON = re.compile(r"`(?P<title>[^`<]+) <\.\./notebooks/(?P<stem>[\w-]+)\.ipynb>`__")
LESSONS: Mapping[str, tuple[str, str]] = {
    "00": ("00-start-here", "Watch one update, start to end"),
    "01": ("01-connect-and-read-packets", "Connect and read the first packets"),
    "02": ("02-request-firmware-attributes", "Request the firmware attributes"),
    "03": ("03-subscribe-to-attribute-updates", "Subscribe to attribute updates"),
    "04": ("04-request-firmware-chunks", "Request firmware chunks"),
    "05": ("05-report-the-firmware-status", "Report the firmware status"),
    "06": ("06-verify-the-image-before-trusting-it", "Verify the image before trusting it"),
    "07": ("07-update-software-beside-firmware", "Update software beside firmware"),
    "08": ("08-let-a-device-override-its-profile", "Let a device override its profile"),
    "09": ("09-draw-the-run", "Draw the run and hold it against the article"),
    "10": ("10-read-a-recording", "Read a recording"),
    "11": ("11-measure-chunk-latency", "Measure chunk latency, live"),
}
"""File and title of each lesson by its number."""


# from the source to the page


def resolved(source: str, recording: Recordings) -> str:
    """The page that a source describes.

    Args:
        source: reStructuredText with the directives above.
        recording: gives a recording by the name of its file, without the ending.

    Raises:
        SettingsError: a directive asks for what is not there; names the line.
    """
    lines, made = source.split("\n"), list[str]()
    at = 0
    while at < len(lines):
        found = _DIRECTIVE.fullmatch(lines[at])
        if found is None:
            made.append(lines[at])
            at += 1
            continue
        content = _content(lines[at + 1 :], found["indent"])
        try:
            block = _MAKERS[found["name"]](found["argument"].strip(), content, recording)
        except (SettingsError, KeyError, StopIteration, AssertionError) as error:
            raise SettingsError(f"line {at + 1}: {lines[at].strip()}: {error}") from error
        made += [f"{found['indent']}{line}".rstrip() for line in block]
        at += 1 + len(content)
    return "\n".join(made)


def _content(lines: Sequence[str], indent: str) -> list[str]:
    """The lines of a directive: those behind it that are indented further, up to an empty one."""
    content = []
    for line in lines:
        if not line.startswith(f"{indent}   ") or not line.strip():
            break
        content.append(line.strip())
    return content


def _example(name: str, content: Sequence[str], recording: Recordings) -> list[str]:
    body = recording(name).example([Choice.of(line) for line in content])
    return [".. code-block:: text", "", *(f"   {line}" for line in body)]


def _table(argument: str, _content: Sequence[str], recording: Recordings) -> list[str]:
    name, *recordings = argument.split()
    return TABLES[name](*map(recording, recordings))


def _worked(name: str, _content: Sequence[str], recording: Recordings) -> list[str]:
    return worked_example(recording(name))


def _lessons(numbers: str, _content: Sequence[str], _recording: Recordings) -> list[str]:
    chosen = [(number, *LESSONS[number]) for number in numbers.split()]
    links = [f"`{number} {title} <../notebooks/{stem}.ipynb>`__" for number, stem, title in chosen]
    return [f"**{'Lesson' if len(links) == 1 else 'Lessons'}:** {', '.join(links)}."]


_MAKERS: Mapping[str, Callable[[str, Sequence[str], Recordings], list[str]]] = {
    "example": _example,
    "made-table": _table,
    "worked-example": _worked,
    "lesson": _lessons,
}


# from the page to what another project takes


def handed_over(page: str, uml: Callable[[str, str], Iterable[str]]) -> str:
    """The page without anything that only this project has.

    Args:
        page: as `resolved` made it.
        uml: gives the lines in place of a ``uml`` directive, from the diagram's name and its caption.
    """
    made, lines = list[str](), page.split("\n")
    at = 0
    while at < len(lines):
        found = _UML.fullmatch(lines[at])
        if found is None:
            made.append(_LESSON.sub(r"*\g<title>* (``\g<stem>.ipynb`` of otakit)", lines[at]))
            at += 1
            continue
        options = _content(lines[at + 1 :], "")
        caption = next((line.removeprefix(":caption: ") for line in options if line.startswith(":caption: ")), "")
        made += uml(found["name"], caption)
        at += 1 + len(options)
    return "\n".join(made)


def diagrams_of(page: str) -> list[str]:
    """Names of the diagrams of a page, in order."""
    return [found["name"] for found in map(_UML.fullmatch, page.split("\n")) if found]


def inline(source: str, caption: str) -> list[str]:
    """A ``uml`` directive with PlantUML text in it, as Sphinx's PlantUML extensions read it."""
    text = [line.rstrip() for line in source.strip().split("\n")]
    body = [line for line in text if not line.startswith(("@startuml", "@enduml"))]
    while body and not body[0]:
        del body[0]
    return [".. uml::", f"   :caption: {caption}", "", *(f"   {line}".rstrip() for line in body)]


def linked(path: str, caption: str, alt: str) -> list[str]:
    """A figure that shows a picture's file."""
    return [f".. figure:: {path}", f"   :alt: {alt}", "", f"   {caption}"]
