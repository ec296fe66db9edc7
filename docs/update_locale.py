# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The Chinese edition: what the pages say, and docs/locale/zh_CN, which says it in Chinese.

    python docs/update_locale.py            merges the pages into the catalogues, keeps translations, lists what is left
    python docs/update_locale.py --check    writes nothing; ends with 1 when something is missing, fuzzy or left over

A sentence that changed keeps its old translation and is marked fuzzy: correct the translation, take out the line
with the mark and run it again. Catalogues name no person, tool or date, so a rebuild changes nothing.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, docutils_namespace

DOCS = Path(__file__).resolve().parent
PAGES = ("ota-updates", "glossary")
CATALOGUES = DOCS / "locale" / "zh_CN" / "LC_MESSAGES"
LITERAL = re.compile(r"``.+?``")
HEAD = """\
# The Chinese edition of docs/{page}.rst; docs/update_locale.py brings it up to date.
msgid ""
msgstr ""
"Language: zh_CN\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

"""


class Captioned(SphinxDirective):
    """In place of a diagram: its caption is all of it that is translated, so no diagram is drawn."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = {
        name: directives.unchanged for name in ("align", "alt", "caption", "class", "name", "width")
    }

    def run(self) -> list[nodes.Node]:
        """A figure with nothing but its caption."""
        if "caption" not in self.options:
            return []
        text, _ = self.parse_inline(self.options["caption"], lineno=self.lineno)
        caption = nodes.caption(self.options["caption"], "", *text)
        self.set_source_info(caption)
        return [nodes.figure("", caption)]


def extracted(docs: Path = DOCS) -> dict[str, Catalog]:
    """What there is to translate, page by page, in the order of the page."""
    pages = [page for page in PAGES if (docs / f"{page}.rst").is_file()]
    settings = {"root_doc": PAGES[0], "include_patterns": [f"{page}.rst" for page in pages], "gettext_compact": False}
    with tempfile.TemporaryDirectory() as folder, docutils_namespace():
        out = Path(folder)
        app = Sphinx(docs, None, out, out / "read", "gettext", settings, status=None, warning=io.StringIO())
        for diagram in ("uml", "recording"):
            app.add_directive(diagram, Captioned, override=True)
        app.build(force_all=True)
        return {page: catalogue(out / f"{page}.pot") for page in pages}


def catalogue(path: Path) -> Catalog:
    """A file of messages; an empty one where there is no file."""
    if not path.is_file():
        return Catalog(locale="zh_CN")
    with path.open("rb") as stream:
        return read_po(stream, locale="zh_CN")


def entries(messages: Catalog) -> Iterator[tuple[str, str, bool]]:
    """Each message, its translation, and whether that is marked fuzzy; without the head."""
    for message in messages:
        if message.id:
            yield str(message.id), str(message.string or ""), message.fuzzy


def faults(template: Catalog, translated: Catalog) -> list[str]:
    """What keeps a page from being all Chinese, a line each."""
    known = {text: (string, fuzzy) for text, string, fuzzy in entries(translated)}
    wanted = [text for text, _, _ in entries(template)]
    found = [f"missing: {text}" for text in wanted if not known.get(text, ("", False))[0]]
    found += [f"fuzzy: {text}" for text in wanted if known.get(text, ("", False))[1]]
    return found + [f"left over: {text}" for text in known if text not in set(wanted)]


def merged(template: Catalog, translated: Catalog) -> Catalog:
    """The page's messages with the translations that are there; a changed sentence is marked fuzzy."""
    translated.update(template, update_header_comment=False, update_creation_date=False)
    translated.obsolete.clear()
    for message in translated:
        message.locations, message.auto_comments, message.user_comments = [], [], []
        if message.id and is_code(str(message.id)):
            message.string = message.id
            message.flags.discard("fuzzy")
    return translated


def is_code(text: str) -> bool:
    """Whether nothing but literals and signs stands there: the same in each language."""
    return not re.search(r"[^\W\d_]", LITERAL.sub("", text))


def text_of(page: str, messages: Catalog) -> str:
    """A catalogue as it is kept: a fixed head, then the messages as the page has them."""
    stream = io.BytesIO()
    write_po(stream, messages, width=100, omit_header=True, include_previous=True)
    body = stream.getvalue().decode("utf-8")
    return re.sub(r"\n{3,}", "\n\n", HEAD.format(page=page) + body).rstrip("\n") + "\n"


def main() -> int:
    """Merges, or with ``--check`` only tells."""
    parser = argparse.ArgumentParser(description="The catalogues of the Chinese edition.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when something is to be done")
    check, left = parser.parse_args().check, 0
    for page, template in extracted().items():
        path = CATALOGUES / f"{page}.po"
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text_of(page, merged(template, catalogue(path))), encoding="utf-8", newline="\n")
        found = faults(template, catalogue(path))
        left += len(found)
        wanted = len(list(entries(template)))
        sys.stdout.write(f"{page}: {wanted} entries, {len(found)} to be done\n")
        sys.stderr.writelines(f"  {path.name}: {fault}\n" for fault in found)
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
