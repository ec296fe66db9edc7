# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""Whether a translation is complete: every sentence of a page has one that nobody doubts.

Pure: texts of a template (``.pot``) and of a catalogue (``.po``) in, sentences out. `build_book` asks for the
pages that have a Chinese edition.
"""

from __future__ import annotations

import io
import re

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

_LITERAL = re.compile(r"``.+?``")


def gaps(template: str, catalogue: str) -> list[str]:
    """One line for each sentence without a translation, with a doubtful one, or with other literals in it.

    Args:
        template: what the page says now.
        catalogue: what was translated.
    """
    wanted, given = _read(template), _read(catalogue)
    told = []
    for message in wanted:
        if not message.id:
            continue
        source = str(message.id)
        found = given.get(source)
        if found is None or not found.string:
            told.append(f"missing: {_short(source)}")
        elif found.fuzzy:
            told.append(f"fuzzy: {_short(source)}")
        elif sorted(set(_LITERAL.findall(source))) != sorted(set(_LITERAL.findall(str(found.string)))):
            told.append(f"other literals: {_short(source)}")
    return told


def _read(text: str) -> Catalog:
    return read_po(io.BytesIO(text.encode()), abort_invalid=True)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 90 else f"{line[:89]}…"
