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
from pathlib import Path
from typing import Any, ClassVar

import catalogues
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, docutils_namespace

DOCS = Path(__file__).resolve().parent
PAGES = ("ota-updates", "glossary")
CATALOGUES = DOCS / "locale" / "zh_CN" / "LC_MESSAGES"
_LITERAL = re.compile(r"``.+?``")
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
    option_spec: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("align", "alt", "caption", "class", "name", "width"), directives.unchanged
    )

    def run(self) -> list[nodes.Node]:
        """A figure with nothing but its caption."""
        if "caption" not in self.options:
            return []
        text, _ = self.parse_inline(self.options["caption"], lineno=self.lineno)
        caption = nodes.caption(self.options["caption"], "", *text)
        self.set_source_info(caption)
        return [nodes.figure("", caption)]


def extracted() -> dict[str, str]:
    """Templates: what there is to translate, page by page, in the order of the page."""
    settings = {"root_doc": PAGES[0], "include_patterns": [f"{page}.rst" for page in PAGES], "gettext_compact": False}
    with tempfile.TemporaryDirectory() as folder, docutils_namespace():
        out = Path(folder)
        app = Sphinx(DOCS, None, out, out / "read", "gettext", settings, status=None, warning=io.StringIO())
        for diagram in ("uml", "recording"):
            app.add_directive(diagram, Captioned, override=True)
        app.build(force_all=True)
        return {page: (out / f"{page}.pot").read_text(encoding="utf-8") for page in PAGES}


def read(text: str) -> Catalog:
    """A catalogue or a template."""
    return read_po(io.BytesIO(text.encode()), locale="zh_CN", abort_invalid=True)


def faults(template: str, translated: str) -> list[str]:
    """What keeps a page from being all Chinese, and what is kept for nothing; a line each."""
    wanted, left = {message.id for message in read(template)}, read(translated)
    spare = [f"left over: {message.id}" for message in left if message.id not in wanted]
    return catalogues.gaps(template, translated) + spare


def merged(page: str, template: str, translated: str) -> str:
    """The page's messages with the translations that are there; a changed sentence is marked fuzzy."""
    messages = read(translated)
    messages.update(read(template), update_header_comment=False, update_creation_date=False)
    messages.obsolete.clear()
    for message in messages:
        message.locations, message.auto_comments, message.user_comments = [], [], []
        if message.id and is_code(str(message.id)):
            message.string = message.id
            message.flags.discard("fuzzy")
    return text_of(page, messages)


def is_code(text: str) -> bool:
    """Whether nothing but literals and signs stands there: the same in each language."""
    return not re.search(r"[^\W\d_]", _LITERAL.sub("", text))


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
        kept = path.read_text(encoding="utf-8") if path.is_file() else HEAD.format(page=page)
        text = kept if check else merged(page, template, kept)
        if text != kept or not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        found = faults(template, text)
        left += len(found)
        sys.stdout.write(f"{page}: {len(read(template))} entries, {len(found)} to be done\n")
        sys.stderr.writelines(f"  {path.name}: {fault}\n" for fault in found)
    return int(bool(left))


if __name__ == "__main__":
    sys.exit(main())
