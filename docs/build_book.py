# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The book, built: lessons executed where that is needed, both editions, links and translation checked.

python docs/build_book.py                 build/docs/en and build/docs/zh_CN
python docs/build_book.py --check         the same from what was executed before; executes nothing
python docs/build_book.py --only en       one edition

A warning, a link that leads nowhere, a thing fetched from outside or a gap in the translation ends with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import links
import run_lessons
import update_locale
from sphinx.cmd.build import build_main

DOCS = Path(__file__).resolve().parent
OUT = DOCS.parent / "build" / "docs"
LONGEST_S = 900
EDITIONS = ("en", "zh_CN")
DOOR = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>otakit</title>
<meta http-equiv="refresh" content="0; url=en/index.html"><a href="en/index.html">otakit</a></html>
"""


def build(edition: str, out: Path) -> list[str]:
    """Builds one edition; what is wrong with it beyond Sphinx's own warnings."""
    trees = out / "trees" / edition
    options = ["-W", "--keep-going", "-q", "-j", "2", "-d", str(trees), "-D", f"language={edition}"]
    failed = build_main([*options, "-b", "html", str(DOCS), str(out / edition)])
    wrong = [f"the book ({edition}) was not built without warnings"] if failed else []
    return wrong + [f"{edition}/{line}" for line in links.broken(out / edition, beside=out)]


def untranslated() -> list[str]:
    """What the Chinese edition lacks."""
    told = []
    for page, template in update_locale.extracted().items():
        catalogue = update_locale.CATALOGUES / f"{page}.po"
        given = catalogue.read_text(encoding="utf-8") if catalogue.is_file() else update_locale.HEAD.format(page=page)
        told += [f"{catalogue.name}: {fault}" for fault in update_locale.faults(template, given)]
    return told


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One build of a folder at a time: who comes second waits, and finds most of the work done."""
    folder.mkdir(parents=True, exist_ok=True)
    sign = folder / "busy"
    while True:
        try:
            os.close(os.open(sign, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            with contextlib.suppress(OSError):
                if time.time() - sign.stat().st_mtime > LONGEST_S:  # left by a build that was killed
                    sign.unlink()
            time.sleep(0.2)
    try:
        yield
    finally:
        sign.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Builds and checks; says what is wrong."""
    parser = argparse.ArgumentParser(description="The book, built and checked.")
    parser.add_argument("--check", action="store_true", help="execute no lesson")
    parser.add_argument("--only", choices=EDITIONS, help="one edition, without the check of the translation")
    parser.add_argument("--out", type=Path, default=OUT, help="where it goes")
    given = parser.parse_args(arguments)
    wrong = [] if given.check or not run_lessons.main([]) else ["a lesson does not run to its end"]
    with alone(given.out):
        for edition in [given.only] if given.only else EDITIONS:
            wrong += build(edition, given.out)
        wrong += [] if given.only else untranslated()
        (given.out / "index.html").write_text(DOOR, encoding="utf-8")
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"the book: {given.out / (given.only or 'en') / 'index.html'}\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
