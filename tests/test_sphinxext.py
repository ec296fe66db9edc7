"""The directives in real builds: other people's pages as they are, options, what is wrong, what is read again."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest
from sphinx.cmd.build import build_main

import otakit
from otakit.diagrams import engine

SEED = Path(__file__).resolve().parent / "pages" / "seed-article.rst"
AUTHORS_CONF = "project = 'Notes'\nlanguage = 'zh_CN'\nextensions = ['sphinxcontrib.plantuml']\nplantuml = 'plantuml'\n"
TWO = "participant A\nparticipant B\nA -> B: hello"

pytestmark = [pytest.mark.needs("engine"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@dataclass
class Project:
    """A folder with pages, built as `sphinx-build` builds it."""

    folder: Path
    status: int = 0
    told: str = ""

    def write(self, **pages: str) -> None:
        for name, text in pages.items():
            path = self.folder / (name if "." in name else f"{name}.rst")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text if "." in name else f"{name}\n{'=' * len(name)}\n\n{text}\n", encoding="utf-8")

    def build(self, *options: str, builder: str = "html") -> str:
        """Builds; gives the warnings."""
        told, warnings = io.StringIO(), io.StringIO()
        out = self.folder / "out" / builder
        where = ["-d", str(self.folder / "out" / "trees"), str(self.folder), str(out)]
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(warnings):
            self.status = build_main(["-b", builder, *options, *where])
        self.told = told.getvalue()
        return warnings.getvalue()

    def page(self, name: str = "index", builder: str = "html") -> str:
        return (self.folder / "out" / builder / f"{name}.html").read_text(encoding="utf-8")

    @property
    def pictures(self) -> list[Path]:
        return sorted((self.folder / "out" / "html" / "_images").glob("*.svg"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return new_project(tmp_path)


def new_project(folder: Path) -> Project:
    made = Project(folder)
    made.write(**{"conf.py": "extensions = ['otakit.sphinxext']\nexclude_patterns = ['out']\nhtml_theme = 'basic'\n"})
    return made


def uml(text: str, *options: str, argument: str = "") -> str:
    """A directive."""
    lines = [*options, "", *text.splitlines()] if text else options
    return f".. uml:: {argument}\n" + "".join(f"   {line}\n" for line in lines)


def only_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a connection fails."""

    def refused(*_: object) -> None:
        raise AssertionError("a connection was asked for")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


# ------------------------------------------------------------------------------ pages as they are


def test_an_authors_page_builds_unchanged_after_one_line_of_conf_py(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Chinese, offline, two processes, warnings as errors: both diagrams are there and can be read."""
    only_offline(monkeypatch)
    conf = AUTHORS_CONF.replace("sphinxcontrib.plantuml", "otakit.sphinxext")
    changed = [ours for ours, theirs in zip(conf.split("\n"), AUTHORS_CONF.split("\n"), strict=True) if ours != theirs]
    assert len(changed) == 1
    project.write(**{"conf.py": conf, "index.rst": SEED.read_text(encoding="utf-8")})
    assert project.build("-W", "-j", "2") == ""
    assert project.status == 0
    page = project.page()
    assert page.count('alt="Device attributes. Device → ThingsBoard Server: TODO"') == 2
    assert "所有应用于Firmware的操作" in page
    assert "链接到此标题" in page
    (picture,) = project.pictures  # both diagrams of the page say the same, so they share a file
    drawn = ET.parse(picture)
    texts = ["".join(each.itertext()) for each in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Device attributes", "Device", "ThingsBoard Server", "TODO"} <= set(texts)


def test_importing_the_extension_loads_neither_pandas_nor_matplotlib(tmp_path: Path) -> None:
    """A project that only draws does not wait for what only analysis needs; a real setup and a drawing included."""
    ask = (
        "import sys, otakit.sphinxext.directives as d, otakit.sphinxext.drawing as w, pathlib;"
        "w.drawn('A -> B', pathlib.Path('cache'));"
        "print([n for n in ('pandas', 'matplotlib', 'numpy', 'pyarrow', 'fastapi', 'paho') if n in sys.modules])"
    )
    run = [sys.executable, "-c", ask]
    assert subprocess.run(run, capture_output=True, text=True, check=True, cwd=tmp_path).stdout == "[]\n"


# ---------------------------------------------------------------------------------------- options


OPTIONS = {
    ":alt: two talk": r'<img alt="two talk"',
    ":align: center": r'<img [^>]*class="[^"]*align-center',
    ":width: 40%": r'<img [^>]*style="width: 40%;?"',
    ":height: 90": r'<img [^>]*height="90"',
    ":scale: 50": r'<img [^>]*style="width: (4|5)\dpx;?"',
    ":class: wide": r'<img [^>]*class="uml wide"',
    ":max-width: 30px": r'<img [^>]*style="width: 30px;?"',
    ":name: talk": r'<img [^>]*id="talk"',
    ":caption: They *talk*.": r'<span class="caption-text">They <em>talk</em>.</span>',
    ":html_format: png": r'<img [^>]*src="_images/uml-[0-9a-f]{16}\.png"',
    ":latex_format: none": r'<img [^>]*src="_images/uml-[0-9a-f]{16}\.svg"',
}
"""Each option of the extensions that authors come from, and what it makes of the page."""


@pytest.fixture(scope="module")
def optional(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """One page with a section for each option; the sections' HTML."""
    made = new_project(tmp_path_factory.mktemp("options"))
    made.write(index="\n".join(f"Section\n-------\n\n{uml(TWO, option)}" for option in OPTIONS))
    assert made.build("-W") == ""
    return made.page().split("<section ")[2:]


@pytest.mark.parametrize("option", OPTIONS)
def test_option(optional: list[str], option: str) -> None:
    """It has its effect on its own diagram."""
    assert re.search(OPTIONS[option], optional[list(OPTIONS).index(option)])


def test_without_options_the_picture_has_its_own_size_its_words_and_a_link_to_itself(project: Project) -> None:
    """The alternative text says what is drawn; the file opens alone, for who needs it larger."""
    project.write(index=uml(f"title Greeting\n{TWO}"))
    project.build("-W")
    found = re.search(
        r'<a [^>]*href="(_images/uml-\w+\.svg)"><img alt="(.*?)" [^>]*style="width: (\d+)px', project.page()
    )
    assert found
    assert found[2] == "Greeting. A → B: hello"
    assert f'width="{found[3]}' in (project.folder / "out" / "html" / found[1]).read_text(encoding="utf-8")


def test_a_listener_is_spared_the_end_of_a_long_diagram(project: Project) -> None:
    """The alternative text ends where nobody listens any more, and says how much is left out."""
    project.write(index=uml("\n".join(f"A -> B: message number {n}" for n in range(200))))
    project.build("-W")
    found = re.search(r'alt="([^"]*)"', project.page())
    assert found
    assert len(found[1]) < 1_100
    assert re.search(r"; and 1\d\d more$", found[1])


def test_a_caption_makes_a_figure_that_can_be_referred_to(project: Project) -> None:
    """As of any figure."""
    project.write(index=f"See :ref:`talk`.\n\n{uml(TWO, ':caption: They talk', ':name: talk', ':align: right')}")
    assert project.build("-W") == ""
    assert '<figure class="align-right" id="talk">' in project.page()
    assert re.search(r'href="#talk"><span class="std std-ref">They talk</span>', project.page())


@pytest.mark.parametrize("frame", ["@startuml\n{}\n@enduml", "{}"])
def test_a_diagram_may_stand_in_a_file(project: Project, frame: str) -> None:
    """With or without ``@startuml``."""
    project.write(**{"index": uml("", argument="talk.puml"), "talk.puml": frame.format(TWO)})
    assert project.build("-W") == ""
    assert "A → B: hello" in project.page()


def test_a_diagram_in_markdown_tells_its_mistake_at_its_line(project: Project) -> None:
    """MyST counts lines in its own way."""
    text = "# Page\n\n```{uml}\n:align: left\n\nA -> B\nnonsense here\n```\n"
    conf = "extensions = ['otakit.sphinxext', 'myst_parser']\nexclude_patterns = ['out']\nhtml_theme = 'basic'\n"
    project.write(**{"conf.py": conf, "index.md": text})
    line = text.split("\n").index("nonsense here") + 1
    assert f"index.md:{line}: WARNING: no PlantUML" in project.build()


# ------------------------------------------------------------------------------------ what is wrong


MISTAKES = (  # a diagram, its line at fault, what is said
    ("A -> B\ngroup one\nA -> B", 2, "`group` is never closed; write `end`"),
    (f"{TWO}\nA -> Bb: typo", 4, "no participant is called `Bb`; is it `B`? correct the name, or declare"),
    ("A -> B\n!include ../../secret.puml", 2, "lies outside the source folder, so it is not read; put a copy"),
    ("A -> B\n!include circle.puml", 2, "an include of itself: circle.puml → circle.puml; take one"),
    ("A -> B\n!include gone.puml", 2, "there is no gone.puml; correct the name"),
    ("A -> B\n!include wrong.puml", 2, "in wrong.puml, line 2: no PlantUML; correct this line"),
    ("A -> B\n!includeurl http://example.org/x", 2, "is not read: nothing outside this text is; paste it here"),
    ("!while true\nA -> B\n!endwhile", 3, "a loop that does not end, or of more than 1,000 rounds; correct"),
    ("!procedure $p()\n$p()\n!endprocedure\n$p()", 2, "a macro that cannot be carried out; does it call itself"),
    ("A -> B\nnonsense", 2, "no PlantUML; correct this line, or the one before it"),
    ("A -> B\ndeactivate B", 2, "`deactivate B`: B is not active; activate it before"),
)


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The warnings of a page with each of the mistakes; the build goes on to its end."""
    made = new_project(tmp_path_factory.mktemp("mistakes"))
    circle, wrong = "C -> D\n!include circle.puml", "C -> D\nnonsense"
    page = "\n".join(uml(text) for text, _, _ in MISTAKES)
    made.write(**{"index": page, "circle.puml": circle, "wrong.puml": wrong})
    told = made.build().splitlines()
    assert made.status == 0
    return told


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=lambda number: MISTAKES[number][2][:30])
def test_mistake_is_told_with_the_line_of_the_page_and_what_to_do(mistaken: list[str], number: int) -> None:
    """One warning each, at the page's own line."""
    before = sum(uml(text).count("\n") + 1 for text, _, _ in MISTAKES[:number])
    _, line, said = MISTAKES[number]
    assert f"index.rst:{5 + before + line}: WARNING: " in mistaken[number]
    assert said in mistaken[number]
    assert len(mistaken) == len(MISTAKES)


def test_ten_thousand_lines_are_refused_at_once(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page can show them; the limit is in conf.py. The engine is not even asked."""
    monkeypatch.setattr(engine, "answer", None)
    project.write(index=uml("\n".join(["A -> B"] * 10_000)))
    assert "index.rst:4: WARNING: 10,000 lines are more than 4,000; split the diagram, or raise" in project.build()


def test_a_macro_that_the_engine_cannot_stop_ends_at_the_time_limit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next diagram of the page is drawn by a new engine."""
    asked = engine.answer
    monkeypatch.setattr(
        engine, "answer", lambda lines, prefix: asked(lines, prefix, 0.3 if "!endprocedure" in lines else 20.0)
    )
    nested = "\n".join(f"!procedure $p{n}()\n$p{n + 1}()\n$p{n + 1}()\n!endprocedure" for n in range(25))
    endless = f"{nested}\n!procedure $p25()\nA -> B\n!endprocedure\n$p0()"
    project.write(index=f"{uml(endless)}\n{uml(TWO)}")
    assert "WARNING: not drawn after 0.3 s; make it smaller, or look for a loop" in project.build()
    assert "A → B: hello" in project.page()


def test_the_build_goes_on_and_shows_the_source(project: Project) -> None:
    """Other diagrams and pages are there."""
    project.write(index=f"{uml('nonsense')}\n{uml(TWO)}\n.. toctree::\n\n   other", other=uml(TWO))
    project.build()
    assert project.status == 0
    assert "not-drawn" in project.page()
    assert "nonsense" in project.page()
    assert "A → B: hello" in project.page("other")


def test_where_warnings_are_errors_the_build_fails(project: Project) -> None:
    """As of any mistake in a page."""
    project.write(index=uml("nonsense"))
    project.build("-W")
    assert project.status == 1


def test_a_mistake_in_a_file_names_the_file_and_its_line(project: Project) -> None:
    """And the line of the page that asks for it."""
    project.write(**{"index": uml("", argument="talk.puml"), "talk.puml": "A -> B\nnonsense"})
    assert "index.rst:4: WARNING: talk.puml, line 2: no PlantUML" in project.build()


@pytest.mark.parametrize(
    ("directive", "said"),
    [
        (uml("", argument="gone.puml"), "`gone.puml` cannot be read: No such file or directory; correct the name"),
        (uml(TWO, argument="conf.py"), "a file and text: give one of the two"),
        (uml(""), "the source is empty; write at least one arrow"),
        (".. recording:: gone.pcapng", "gone.pcapng: there is no such file; is the name right?"),
        (".. recording:: conf.py", "conf.py"),
    ],
)
def test_a_directive_that_cannot_be_used(project: Project, directive: str, said: str) -> None:
    """One warning at its line; nothing raises."""
    project.write(index=directive)
    (warning,) = project.build().splitlines()
    assert "index.rst:4: WARNING: " in warning
    assert said in warning


def test_names_that_are_not_declared_are_fine_where_none_or_one_is(project: Project) -> None:
    """Many authors declare one participant, for its picture; a created one is declared by that."""
    created = "participant A\nparticipant B\ncreate C\nA -> C: new"
    project.write(index="\n".join(map(uml, ("A -> B", "actor A\nA -> B", created))))
    assert project.build("-W") == ""


def test_a_link_out_of_the_source_folder_is_not_followed(project: Project, tmp_path: Path) -> None:
    """A symbolic link is resolved before it is judged."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (tmp_path / "secret.puml").write_text("A -> B: secret")
    (docs / "inside.puml").symlink_to(tmp_path / "secret.puml")
    project.folder = docs
    project.write(**{"conf.py": "extensions = ['otakit.sphinxext']\n", "index": uml("!include inside.puml")})
    assert "lies outside the source folder" in project.build()


def test_without_an_engine_the_author_is_told_what_to_do(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is the picture; nothing of it is kept for later builds."""

    def missing(*_: object) -> None:
        raise engine.EngineUnavailable("the diagram engine is not here; bring it with: python kit.py diagrams")

    monkeypatch.setattr(engine, "answer", missing)
    monkeypatch.setattr("otakit.diagrams.java.draw", lambda _text: (_ for _ in ()).throw(LookupError("no Java")))
    project.write(index=uml("D -> E: drawn by nobody"))
    assert "bring it with: python kit.py diagrams" in project.build()
    assert not [*(project.folder / "out" / "trees" / "otakit-uml").glob("*.json")]


# ----------------------------------------------------------------------- again, in parallel, as PDF


def test_touching_an_included_file_reads_only_the_pages_that_include_it(project: Project) -> None:
    """Also through a file that includes another."""
    project.write(
        **{
            "index": f"{uml('!include parts/outer.puml')}\n.. toctree::\n\n   other",
            "other": uml(TWO),
            "parts/outer.puml": "!include inner.puml\nA -> B: outer",
            "parts/inner.puml": "A -> B: inner",
        }
    )
    assert project.build("-W") == ""
    project.write(**{"parts/inner.puml": "A -> B: changed"})
    os.utime(project.folder / "parts" / "inner.puml", (2_000_000_000, 2_000_000_000))
    project.build("-W")
    assert "0 added, 1 changed, 0 removed" in re.sub(r"\x1b\[[\d;]*m", "", project.told)
    assert "A → B: changed; A → B: outer" in project.page()


def test_a_missing_include_is_looked_for_again(project: Project) -> None:
    """Once it is there, the page is right without being touched."""
    project.write(index=uml("!include later.puml"))
    assert "there is no later.puml" in project.build()
    project.write(**{"later.puml": "A -> B: here"})
    assert project.build() == ""
    assert "A → B: here" in project.page()


def test_what_was_drawn_once_is_not_drawn_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole new build takes all pictures from the cache, and repeats its warnings."""
    project.write(index=uml(f"{TWO}\nA -> Bb"))
    first = project.build()
    monkeypatch.setattr("otakit.sphinxext.drawing.render", None)
    assert project.build("-E", "-a") == first
    assert "no participant is called" in first


def test_what_other_code_drew_is_drawn_again(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change to how pictures are made shows itself in the next build."""
    project.write(index=uml(TWO))
    project.build()
    monkeypatch.setattr("otakit.sphinxext.drawing._code_that_draws", lambda: "other")
    project.build("-E", "-a")
    assert len(list((project.folder / "out" / "trees" / "otakit-uml").glob("*.json"))) == 2


def test_an_emptied_cache_is_filled_again(project: Project) -> None:
    """Sphinx keeps its read pages, somebody removed our pictures."""
    project.write(index=uml(TWO))
    project.build()
    for path in (project.folder / "out" / "trees" / "otakit-uml").iterdir():
        path.unlink()
    assert project.build("-a") == ""
    assert project.pictures[0].read_text(encoding="utf-8").startswith("<svg")


def test_two_processes_give_the_pages_that_one_gives(project: Project) -> None:
    """Each draws with an engine of its own, into one cache."""
    names = [f"page{n}" for n in range(8)]
    toctree = ".. toctree::\n\n" + "".join(f"   {name}\n" for name in names)
    project.write(index=toctree, **{name: uml(f"A -> B: {name}") for name in names})
    assert project.build("-W", "-j", "2") == ""
    parallel = {name: project.page(name) for name in names}
    assert project.build("-W", "-E", "-a", "-d", str(project.folder / "trees-of-one")) == ""
    assert {name: project.page(name) for name in names} == parallel
    assert len(project.pictures) == len(names)


def test_latex_gets_a_png_in_the_size_of_the_diagram(project: Project) -> None:
    """Twice as many pixels as it takes room; and no picture where the author wants none."""
    left_out = uml("A -> B: not printed", ":latex_format: none")
    project.write(index=f"{uml(TWO)}\n{left_out}")
    assert project.build("-W", builder="latex") == ""
    out = project.folder / "out" / "latex"
    (picture,) = out.glob("uml-*.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    wide = int.from_bytes(picture.read_bytes()[16:20], "big")
    (width,) = re.findall(r"\\sphinxincludegraphics\[width=(\d+)\\sphinxpxdimen\]", next(out.glob("*.tex")).read_text())
    assert abs(int(width) * 2 - wide) <= 2


@pytest.mark.parametrize("builder", ["epub", "text", "gettext", "man", "dummy"])
def test_every_builder_can_take_a_page_with_a_diagram(project: Project, builder: str) -> None:
    """With a picture where it has pictures, without a word where it has none."""
    project.write(index=uml(TWO))
    project.build(builder=builder)
    assert project.status == 0


# --------------------------------------------------------------------------------------- recordings


def test_a_recording_is_drawn_as_its_session_draws_itself(project: Project) -> None:
    """The same arrows, from the file alone."""
    session = otakit.example()
    (project.folder / "run.pcapng").write_bytes(session.path.read_bytes())
    project.write(index=".. recording:: run.pcapng\n   :caption: What happened\n")
    assert project.build("-W") == ""
    (picture,) = project.pictures
    assert picture.read_text(encoding="utf-8").strip() == session.diagram().svg


def test_a_torn_recording_is_drawn_as_far_as_it_goes(project: Project) -> None:
    """And the author is told what is missing."""
    whole = otakit.example().path.read_bytes()
    (project.folder / "run.pcapng").write_bytes(whole[: len(whole) // 2])
    project.write(index=".. recording:: run.pcapng\n")
    (warning,) = project.build().splitlines()
    assert "index.rst:4: WARNING: `run.pcapng`: " in warning
    assert len(project.pictures) == 1
