"""Lines that cannot be followed: each is refused, since to pass over it would be to pass over arrows.

Knows which statements of PlantUML draw no arrow; refuses to know those that do (`labels`) and the fragments
(`grammar`). A list of what may be passed over, as the engine's own is a list of what it draws: whatever stands on
neither, ``elseif`` or ``A => B``, would otherwise change the promise without a word.
"""

from __future__ import annotations

import re

from otakit.diagrams.source import Line, Page, statements

_REF = re.compile(r"ref\s+over\b", re.IGNORECASE)
_RETURN = re.compile(r"return\b", re.IGNORECASE)
_BEFORE = re.compile(r"/'.*?'/\s*(?!/?')\S")
_MACRO = re.compile(r"!(?!\s*(?:pragma|theme|assume)\b)|\$\w+\s*(?:\(|=)")
_NO_ARROW = re.compile(
    r"""@(start|end)|$|!
    |(==|\.\.\.|\|\|).*$
    |(create\s+)?(participant|actor|boundary|control|entity|database|collections|queue)\b
    |create\b|(activate|deactivate|destroy|autonumber|autoactivate|footbox|hide|show|mainframe|newpage)\b
    |ignore\s+newpage|box\b|end\s*box\b|[/&]?\s*[hr]?note\b
    |((left|right|center)\s+)?(title|header|footer|caption|legend)\b
    |(skinparam|skin|scale|page|set|url|sprite)\b
    |\{\w+\}\s*<-+>\s*\{\w+\}""",
    re.IGNORECASE | re.VERBOSE,
)


def check_page(page: Page) -> None:
    """Refuses what stands for arrows that are drawn elsewhere, or not at all.

    Raises:
        DiagramError: with the line and what to do.
    """
    for line in page.lines:
        text = line.text.strip()
        if _REF.match(text):
            raise line.error("`ref` stands for arrows that are drawn elsewhere; draw them here, or !include them")
        if _BEFORE.match(text):
            raise line.error("what stands behind a comment is not read; give the comment a line of its own")
    for line in statements(page.lines):
        if _RETURN.match(line.text.strip()):
            raise line.error("`return` does not say who tells whom; draw the answer as an arrow of its own")


def check_statement(line: Line) -> None:
    """Refuses a line that is neither arrow nor fragment, unless it is known to draw no arrow.

    Raises:
        DiagramError: with the line and what to do.
    """
    text = line.text.strip()
    if _MACRO.match(text):
        raise line.error(
            f"`{text[:40]}` is PlantUML's preprocessor, which can draw but not follow; write its lines out"
        )
    if not _NO_ARROW.match(text):
        raise line.error(
            f"`{text[:60]}` cannot be read; arrows are written as TBDev -> TBSrv : Telemetry, fragments alt, else, end"
        )
