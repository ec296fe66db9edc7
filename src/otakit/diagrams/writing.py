"""PlantUML lines from values: arrows, notes, loops, dividers, with foreign text made harmless.

Knows how a text is written so that it is shown as it is, whatever a device or a server put into it;
refuses to know what is worth drawing. `sequence` writes through it.
"""

from __future__ import annotations

import re

MAX_TEXT = 110  # characters of one label; what is longer is cut, the recording has the rest

# what creole, the preprocessor or the parser would take for something else: always, and only when doubled
_ALWAYS = re.compile(r"[<\\~%$&]|\[\[|\]\]")
_DOUBLED = re.compile(r'([*/_"=^.-])\1+')


def shown(text: str, limit: int = MAX_TEXT) -> str:
    """Any text as PlantUML that shows exactly this text, on one line, cut to a bearable length."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    plain = " ".join(plain.split())
    plain = plain if len(plain) <= limit else f"{plain[: limit - 1]}…"
    return _DOUBLED.sub(_coded, _ALWAYS.sub(_coded, plain))


def _coded(found: re.Match[str]) -> str:
    return "".join(f"<U+{ord(letter):04X}>" for letter in found[0])


def arrow(sender: str, receiver: str, row: str, text: str, *, answers: bool = False, odd: bool = False) -> str:
    """One arrow; `answers` dashes it, `odd` makes it red (its text says why)."""
    dashes = "--" if answers else "-"
    head = f"{dashes}[#C00000]>" if odd else f"{dashes}>"
    return f"{sender} {head} {receiver} : {row}: {text}" if text else f"{sender} {head} {receiver} : {row}"


def time_of(seconds: float) -> str:
    """A time beside a label, small and grey: seconds since the recording's first packet."""
    return f" <size:10><color:#5F5F5F>{seconds:.3f}\u00a0s</color></size>"


def duration(seconds: float) -> str:
    """A length of time for people."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def divider(text: str) -> str:
    """A line across all participants."""
    return f"== {text} =="


def delay(text: str) -> str:
    """Time passes."""
    return f"...{text}..."


def note(over: str, text: str) -> str:
    """A remark over one participant."""
    return f"note over {over} : {text}"


def count(number: int, word: str) -> str:
    """``1 chunk``, ``2 chunks``, ``1,024 chunks``."""
    return f"{number:,} {word}{'s' * (number != 1)}"
