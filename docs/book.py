# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""The lessons as pages of the book, and links between the working tree and the book.

A lesson lies in ``notebooks/``, what it printed in ``build/executed/``; Sphinx reads below ``docs/`` only. So
each lesson is put, with its outputs if it was executed, into ``docs/lessons/``, which git ignores. Links that
lead a reader of the working tree from ``notebooks/`` to ``docs/`` and back are made links of the book.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import executed
from docutils import nodes

LESSONS = executed.ROOT / "notebooks"
_TERM = re.compile(r"\[([^\]]+)\]\((?:\.\./docs/)?glossary\.rst#term-([\w-]+)\)")
_PAGE = re.compile(r"\]\(\.\./docs/")
_BESIDE = re.compile(r"\]\(\.\./(diagrams|src|tests)/")
_LESSON = re.compile(r"(?:\.\./)*notebooks/([\w-]+)\.ipynb(#.*)?$")


def bring_lessons(docs: Path) -> None:
    """Every lesson into the book; files that are right already are not touched, so Sphinx does not read them again."""
    folder = docs / "lessons"
    folder.mkdir(exist_ok=True)
    pages = {path.name: page_of(path) for path in sorted(LESSONS.glob("*.ipynb"))}
    for path in folder.glob("*.ipynb"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def page_of(lesson: Path) -> str:
    """A lesson as the book takes it."""
    notebook = executed.with_outputs(lesson)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = in_the_book("".join(cell["source"]))
    head = notebook["cells"][0]  # a lesson is spoken of by its number
    head["source"] = re.sub(r"^# ", f"# {lesson.name[:2]} · ", "".join(head["source"]))
    notebook["metadata"].pop("widgets", None)  # their plain forms are shown
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def in_the_book(text: str) -> str:
    """Markdown of a lesson with its links as they are in the book; those to the glossary are checked by name."""
    text = _TERM.sub(lambda found: f"{{term}}`{found[1]} <{found[2].replace('-', ' ')}>`", text)
    return _BESIDE.sub(r"](../../\1/", _PAGE.sub("](../", text))


def point_into_the_book(app: Any, doctree: Any) -> None:
    """Links of a page to ``../notebooks/NN-….ipynb`` lead to the lesson's page."""
    from sphinx import addnodes  # noqa: PLC0415 - only inside Sphinx

    for link in list(doctree.findall(nodes.reference)):
        if (found := _LESSON.match(link.get("refuri", ""))) is None:
            continue
        wanted = addnodes.pending_xref(
            "",
            refdomain="std",
            reftype="doc",
            refexplicit=True,
            reftarget=f"/lessons/{found[1]}",
            refdoc=app.env.docname,
            refwarn=True,
        )
        wanted += nodes.inline("", "", *link.children)
        wanted.source, wanted.line = link.source, link.line
        link.replace_self(wanted)


def give_captions_a_level(_app: Any, _page: str, _template: str, context: dict[str, Any], _doctree: Any) -> None:
    """Captions of lists of pages are headings to who listens; Sphinx leaves out of which level."""
    for name in ("furo_navigation_tree", "body"):
        if name in context:
            context[name] = context[name].replace(' role="heading">', ' role="heading" aria-level="2">')
