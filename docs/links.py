# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""Whether the links of built pages lead somewhere, and whether a page fetches anything from outside.

Knows HTML files of one folder. Links to other sites are not followed: the book is built without a network.
"""

from __future__ import annotations

import functools
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "object": "data"}


class Page(NamedTuple):
    """What a page leads to, what it fetches, and the places in it."""

    links: tuple[str, ...]
    fetched: tuple[str, ...]
    places: frozenset[str]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif (name := FETCHED.get(tag)) in found and found.get("rel") not in ("canonical", "search"):
            self.fetched.append(found[str(name)])


@functools.lru_cache(maxsize=256)
def read(path: Path) -> Page:
    """A page by its file."""
    reader = _Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    return Page(tuple(reader.links), tuple(reader.fetched), frozenset(reader.places))


def broken(folder: Path, beside: Path | None = None) -> list[str]:
    """One line for each link that leads nowhere and each thing that is fetched from outside.

    Args:
        folder: with the pages of one book.
        beside: folder that other editions lie in; links to those are not followed, they may not be built yet.
    """
    read.cache_clear()
    folder, beside, told = folder.resolve(), beside and beside.resolve(), []
    for path in sorted(folder.rglob("*.html")):
        page, name = read(path), path.relative_to(folder)
        told += [f"{name}: fetches {url}" for url in page.fetched if urlsplit(url).netloc]
        targets = [*dict.fromkeys(page.links), *(url for url in page.fetched if not urlsplit(url).netloc)]
        told += [f"{name}: {url} leads nowhere" for url in targets if not _leads(url, path, folder, beside)]
    return told


def _leads(url: str, page: Path, folder: Path, beside: Path | None) -> bool:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return True
    target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if not target.is_relative_to(folder):
        return beside is not None and target.is_relative_to(beside)
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return False
    place = unquote(parts.fragment)
    return not place or target.suffix != ".html" or place in read(target).places
