# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The article, made from its source, the recordings of docs/runs/ and the code's own tables.

python docs/make_article.py             writes docs/ota-updates.rst
python docs/make_article.py --check     says whether it is stale; ends with 1 then
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from current import keep_current

from otakit.article.cut import Recorded
from otakit.article.page import resolved
from otakit.record.pcapng import Reader

DOCS = Path(__file__).resolve().parent
SOURCE, PAGE = DOCS / "article" / "ota-updates.rst.in", DOCS / "ota-updates.rst"
HEAD = ".. Made from docs/article/ota-updates.rst.in by docs/make_article.py; do not edit.\n\n"


@functools.cache
def recording(name: str) -> Recorded:
    """A recording of docs/runs/."""
    path = DOCS / "runs" / f"{name}.pcapng"
    return Recorded(path.name, Reader(path).stream())


def page() -> str:
    """The page's text."""
    return HEAD + resolved(SOURCE.read_text(encoding="utf-8"), recording)


def main() -> int:
    """Writes the page, or with ``--check`` compares it."""
    return keep_current("The article.", {PAGE: page()})


if __name__ == "__main__":
    sys.exit(main())
