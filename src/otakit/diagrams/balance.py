"""Groups and branches that a diagram opens and must close: the engine draws an unclosed one without a word.

Knows pairs of words; refuses to know what they draw. `plantuml.render` asks after the engine has said what
kind of diagram it took the text for, since ``group`` or ``if`` mean something in some kinds only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from otakit.diagrams.labels import arrow_of
from otakit.diagrams.source import Line, Page, statements

Pair = tuple[re.Pattern[str], re.Pattern[str], str]


def _pair(opens: str, closes: str, say: str) -> Pair:
    return re.compile(opens, re.IGNORECASE), re.compile(closes, re.IGNORECASE), say


SEQUENCE: tuple[Pair, ...] = (
    _pair(r"(alt|opt|loop|par2?|break|critical|group)(?=\s|#|$)",
          r"end(\s+(alt|opt|loop|par2?|break|critical|group))?\s*$", "end"),
    _pair(r"(box)(?=\s|#|$)", r"end\s*box\b", "end box"),
)  # fmt: skip
ACTIVITY: tuple[Pair, ...] = (
    _pair(r"(if)\s*[(\"]", r"end\s*if\b", "endif"),
    _pair(r"(while)\s*\(", r"end\s*while\b", "endwhile"),
    _pair(r"(repeat)\s*(:.*)?$", r"repeat\s*while\b|backward\b", "repeat while"),
    _pair(r"(fork)\s*$", r"end\s*(fork|merge)\b", "end fork"),
    _pair(r"(split)\s*$", r"end\s*split\b", "end split"),
    _pair(r"(switch)\s*\(", r"end\s*switch\b", "endswitch"),
)
ENTITY: tuple[Pair, ...] = (_pair(r"(.*\{)\s*$", r"\}\s*$", "}"),)
PREPROCESSOR: tuple[Pair, ...] = (
    _pair(r"(!\s*if)(def|ndef)?\b", r"!\s*endif\b", "!endif"),
    _pair(r"(!\s*foreach)\b", r"!\s*endfor\b", "!endfor"),
    _pair(r"(!\s*while)\b", r"!\s*endwhile\b", "!endwhile"),
    _pair(r"(!\s*(?:unquoted\s+|final\s+)*procedure)\b", r"!\s*endprocedure\b", "!endprocedure"),
    _pair(r"(!\s*(?:unquoted\s+|final\s+)*function)\b(?!.*!return)", r"!\s*endfunction\b", "!endfunction"),
)
PAIRS = {"sequence": SEQUENCE, "activity": ACTIVITY, "entity": ENTITY}
_WRITES_LINES = re.compile(r"!\s*(unquoted\s+|final\s+)*(procedure|function|define|if|foreach|while)", re.IGNORECASE)


def check_balance(page: Page, kind: str) -> None:
    """Refuses a group, a branch or a block that is never closed, or closed without being open.

    Args:
        page: the lines of one picture.
        kind: ``sequence``, ``activity`` or ``entity``: what the engine took them for.

    Raises:
        DiagramError: with the line that opens, or the line that closes.
    """
    said = list(statements(page.lines))
    _check(said, PREPROCESSOR, kind)
    if not any(_WRITES_LINES.match(line.text.strip()) for line in said):  # a macro may open what another closes
        _check(said, PAIRS.get(kind, ()), kind)
        if kind == "sequence" and not any(re.match(r"autoactivate\b", line.text.strip()) for line in said):
            _check_lifelines(said)


def _check_lifelines(said: Sequence[Line]) -> None:
    """Refuses a ``return`` that answers nothing, and a ``deactivate`` of what is not active."""
    active: list[str] = []
    for line in said:
        text = line.text.strip()
        if (arrow := arrow_of(line)) is not None:
            if "--" in arrow.life and arrow.sender in active:
                active.remove(arrow.sender)
            active += [arrow.receiver] if "++" in arrow.life else []
        elif (found := re.match(r"(activate|deactivate|destroy|return)\b\s*\"?([^\s\"#]*)", text)) is None:
            continue
        elif found[1] == "activate":
            active.append(found[2])
        elif found[1] == "return":
            if not active:
                raise line.error("`return` answers nothing: no life line is open; open one with ++ or activate")
            active.pop()
        elif found[2] in active:
            active.remove(found[2])
        elif found[1] == "deactivate":
            raise line.error(f"`{text[:40]}`: {found[2] or 'nothing'} is not active; activate it before")


def _check(said: Sequence[Line], pairs: tuple[Pair, ...], kind: str) -> None:
    held: list[tuple[Line, str, Pair]] = []
    for line in said:
        text = line.text.strip()
        if kind == "sequence" and arrow_of(line) is not None:
            continue  # a participant may be called `loop`
        closing = next((pair for pair in pairs if pair[1].match(text)), None)
        if closing is not None:
            open_pairs = [pair for _, _, pair in held]
            if closing not in open_pairs:
                raise line.error(f"`{text[:40]}` closes nothing; what it should close was never opened")
            del held[len(open_pairs) - 1 - open_pairs[::-1].index(closing) :]
            continue
        held += [(line, found[1].strip(), pair) for pair in pairs if (found := pair[0].match(text)) is not None]
    if held:
        line, word, pair = held[0]
        raise line.error(f"`{word[:40]}` is never closed; write `{pair[2]}` where it ends")
