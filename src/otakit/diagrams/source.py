"""PlantUML text as lines that know where they came from; what the engine would not tell, told before it runs.

Knows the outer grammar only: where a diagram begins and ends, which lines are text inside a note, which
blocks must be closed. Refuses to know how a diagram looks. `plantuml.render` prepares text with it,
`labels` reads arrows through it. The engine draws an unclosed group, drops a second page and passes
control characters on, all without a word (tried): that is why these checks are here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from otakit.errors import DiagramError

MAX_BYTES = 1_000_000
MAX_LINES = 20_000
MAX_LINE_CHARACTERS = 4_000
NOT_IN_THE_ENGINE = frozenset(
    {"salt", "ditaa", "math", "latex", "dot", "packet", "board", "chen", "files", "git", "bytefield", "creole"}
)

# XML 1.0 has no room for these (section 2.2), and the engine would pass them into the picture
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_START = re.compile(r"@start(\w+)", re.ASCII)
_INCLUDE = re.compile(r"!\s*(include\w*|import)\b\s*(.*)", re.IGNORECASE)
_FAR_THEME = re.compile(r"!\s*theme\s.*\sfrom\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a source.

    Attributes:
        number: one-based, in the text the user wrote.
        file: name of the included file it stands in; empty for the text itself.
    """

    number: int
    text: str
    file: str = ""

    def error(self, text: str) -> DiagramError:
        """An error about this line."""
        return DiagramError(f"{text} (in {self.file})" if self.file else text, self.number)


@dataclass(frozen=True, slots=True)
class Page:
    """The lines of one picture, from ``@start…`` to ``@end…``."""

    lines: tuple[Line, ...]
    kind: str

    @property
    def text(self) -> list[str]:
        """The lines as the engine takes them."""
        return [line.text for line in self.lines]


def cleaned(source: str) -> tuple[list[Line], list[str]]:
    """The lines without what no picture can carry, and warnings about what was taken out.

    Raises:
        DiagramError: the source is empty or above a limit.
    """
    if len(source.encode(errors="replace")) > MAX_BYTES:
        raise DiagramError(f"the source is longer than {MAX_BYTES:,} bytes; split it")
    text = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text, removed = _CONTROL.subn("", text)
    lines = [Line(number, line) for number, line in enumerate(text.split("\n"), 1)]
    if len(lines) > MAX_LINES:
        raise DiagramError(f"the source has {len(lines):,} lines, more than {MAX_LINES:,}; split it")
    for line in lines:
        if len(line.text) > MAX_LINE_CHARACTERS:
            raise line.error(f"{len(line.text):,} characters in one line, more than {MAX_LINE_CHARACTERS:,}; break it")
    if not any(line.text.strip() for line in lines):
        raise DiagramError("the source is empty; write at least one arrow, such as A -> B")
    warned = [f"{removed} control character{'s' * (removed != 1)} removed"] if removed else []
    return lines, warned


def included(lines: list[Line], read: Callable[[str], list[Line]] | None, depth: int = 0) -> list[Line]:
    """The lines with included files in place of ``!include``.

    Args:
        lines: the lines of a source.
        read: gives the lines of a file below the root that is allowed; None refuses every include.
        depth: how deep the include that asks already is.

    Raises:
        DiagramError: an include that is not allowed, not found, nested or grown beyond the limits.
    """
    result: list[Line] = []
    for line in lines:
        if _FAR_THEME.match(line.text.strip()):
            raise line.error("a theme from a file or an address is not read; use one of the engine's own")
        if (found := _INCLUDE.match(line.text.strip())) is None:
            result.append(line)
            continue
        if read is None or found[1].lower() != "include" or "://" in found[2] or found[2].startswith("<"):
            raise line.error(f"`{line.text.strip()[:60]}` is not read: nothing outside this text is; paste it here")
        if depth >= 8:
            raise line.error("includes are nested deeper than eight files; does a file include itself?")
        try:
            inner = read(found[2].strip().strip('"'))
        except DiagramError as error:
            raise line.error(str(error)) from error
        result += included([one for one in inner if not re.match(r"\s*@(start|end)", one.text)], read, depth + 1)
        if len(result) > MAX_LINES:
            raise line.error(f"with its includes the source has more than {MAX_LINES:,} lines")
    return result


def joined(lines: list[Line]) -> list[Line]:
    """Lines that end in a backslash put together with the next, since the engine would count them as one."""
    result: list[Line] = []
    open_line = False
    for line in lines:
        if open_line:
            last = result[-1]
            result[-1] = Line(last.number, last.text[:-1] + line.text, last.file)
        else:
            result.append(line)
        text = result[-1].text
        open_line = text.endswith("\\") and not text.endswith("\\\\")
    return result


def pages(lines: list[Line]) -> list[Page]:
    """The diagrams of a source: each ``@start`` block, each cut again at ``newpage``.

    A text without ``@startuml`` is one diagram, as in a Sphinx directive or a notebook cell.

    Raises:
        DiagramError: text outside a diagram, a diagram that does not end, a kind that the engine does not draw.
    """
    if not any(_START.match(line.text.strip()) for line in lines):
        if (end := next((line for line in lines if line.text.strip().startswith("@end")), None)) is not None:
            raise end.error("this ends a diagram that never began; write @startuml before it")
        first, last = lines[0], lines[-1]
        lines = [Line(first.number, "@startuml"), *lines, Line(last.number, "@enduml")]
    found: list[Page] = []
    for block, kind in _blocks(lines):
        found += _cut(block) if kind == "uml" else [Page(tuple(block), kind)]
    return found


def _blocks(lines: list[Line]) -> Iterator[tuple[list[Line], str]]:
    start: Line | None = None
    block: list[Line] = []
    kind = ""
    for line in lines:
        text = line.text.strip()
        if (opens := _START.match(text)) is not None:
            if start is not None:
                raise start.error(f"`{start.text.strip()}` has no @end{kind} before the next diagram begins")
            start, block, kind = line, [], opens[1].lower()
            if kind in NOT_IN_THE_ENGINE:
                raise line.error(f"`@start{kind}` is not supported by the engine that runs offline")
        if start is None:
            if text and not text.startswith("'"):
                raise line.error("text outside a diagram; put it between @startuml and @enduml")
            continue
        block.append(line)
        if text.startswith("@end"):
            if text != f"@end{kind}":
                raise line.error(f"`{text}` ends what `{start.text.strip()}` began; write @end{kind}")
            yield block, kind
            start = None
    if start is not None:
        raise start.error(f"`{start.text.strip()}` is never ended; write @end{kind}")


_KEPT = re.compile(
    r"(participant|actor|boundary|control|entity|database|collections|queue|skinparam|hide|show|!|autonumber\b)"
)


def _cut(block: list[Line]) -> list[Page]:
    """Cuts at ``newpage``; later pages keep the participants and the look of those before."""
    cuts = [line for line in statements(block) if re.match(r"newpage\b", line.text.strip())]
    if not cuts:
        return [Page(tuple(block), "uml")]
    result, head, body = [], [], block[:1]
    numbers = {id(line) for line in cuts}
    for line in block[1:]:
        if id(line) in numbers:
            result.append(Page((*body, Line(line.number, "@enduml", line.file)), "uml"))
            head += [one for one in statements(body) if _KEPT.match(one.text.strip()) and one not in head]
            title = line.text.strip()[len("newpage") :].strip()
            body = [block[0], *head, *([Line(line.number, f"title {title}", line.file)] if title else [])]
        else:
            body.append(line)
    return [*result, Page(tuple(body), "uml")]


# ---- lines that say something, and blocks that must be closed ------------------------------------------------

_TEXT_BLOCKS = tuple(
    (re.compile(opens, re.IGNORECASE), re.compile(closes, re.IGNORECASE), say)
    for opens, closes, say in (  # what opens a block of free text, what closes it, and how to say so
        (r"/?\s*([hr]?note)\s+(left|right|over|across|top|bottom|as|on\s+link)\b[^:]*$",
         r"end\s*[hr]?note\b", "end note"),
        (r"(ref)\s+over\s[^:]*$", r"end\s*ref\b", "end ref"),
        (r"(legend)(\s+(left|right|center|top|bottom))*\s*$", r"end\s*legend\b", "end legend"),
        (r"(?:(?:left|right|center)\s+)?(title|header|footer|caption)\s*$",
         r"end\s*(title|header|footer|caption)\b", "end"),
        (r"(<style>)\s*$", r"</style>", "</style>"),
        (r"(skinparam|sprite)\b.*\{\s*$", r"\}\s*$", "}"),
        (r"(participant|actor|boundary|control|entity|database|collections|queue)\s[^\[]*\[\s*$", r"\]", "]"),
    )
)  # fmt: skip


def statements(lines: list[Line] | tuple[Line, ...]) -> Iterator[Line]:
    """The lines that are neither comment nor free text inside a note, a legend, a title or a style.

    Raises:
        DiagramError: such a block is never closed.
    """
    held: tuple[Line, re.Pattern[str], str] | None = None  # the open block: its line, what closes it, how to say so
    depth = 0
    for line in lines:
        text = line.text.strip()
        if held is not None:
            depth += ("{" in text) - ("}" in text) if held[2] == "}" else 0
            if held[1].match(text) and (held[2] != "}" or depth <= 0):
                held = None
        elif text.startswith("/'"):
            held = None if "'/" in text[2:] else (line, re.compile(r".*'/"), "'/")
        elif text and not text.startswith("'"):
            plain = re.sub(r'"[^"]*"|::', "", text)  # a colon inside quotes opens no text of a note
            if (block := next((block for block in _TEXT_BLOCKS if block[0].match(plain)), None)) is None:
                yield line
            else:
                held, depth = (line, block[1], block[2]), 1
    if held is not None:
        raise held[0].error(f"`{held[0].text.strip()[:40]}` is never closed; write `{held[2]}`")
