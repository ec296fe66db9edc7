# ruff: noqa: INP001 - docs is a folder of pages, not a package
"""How Sphinx builds the book: `make docs`, or ``sphinx-build docs build/docs/en`` with what was executed before.

Lessons are brought into the book by `book.py` before pages are looked for; everything else lies here.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import book  # the folder that was just added
from sphinx.application import Sphinx

project = "otakit"
author = "the otakit authors"
project_copyright = "the otakit authors, Apache License 2.0"

extensions = ["myst_nb", "otakit.sphinxext"]
exclude_patterns = ["article", "runs", "locale", "lessons/.ipynb_checkpoints"]
root_doc = "index"
language = "en"
nitpicky = True  # a term, a page or a label that is not there is a warning, and warnings are errors
uml_cache = "../build/docs/uml"  # one cache for both languages

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # lessons come with what they printed when they were executed: run_lessons.py
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # nothing is fetched; each widget has a plain form beside it
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_merge_streams = True

locale_dirs = ["locale"]
gettext_compact = False  # one catalogue a page
gettext_uuid = False

html_theme = "furo"
html_title = "otakit"
html_favicon = "_static/otakit.svg"
html_static_path = ["_static"]
templates_path = ["_templates"]
html_css_files = ["book.css"]
html_js_files = [("book.js", {"defer": "defer"})]
html_copy_source = False
html_show_sphinx = False
html_last_updated_fmt = None  # the same pages from the same sources
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "languages.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}
html_context = {"editions": {"en": "English", "zh_CN": "中文"}}


def setup(app: Sphinx) -> None:
    """Bring the lessons, and turn links that are right in the working tree into links that are right in the book."""
    book.bring_lessons(Path(app.srcdir))
    app.connect("doctree-read", book.point_into_the_book)
    app.connect("html-page-context", book.give_captions_a_level, priority=900)  # after the theme's own
