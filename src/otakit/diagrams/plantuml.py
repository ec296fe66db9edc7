"""PlantUML text to a picture, offline: `render` checks, draws and returns a `Diagram`, or names the line at fault.

Knows the order of things: own checks, the engine, own checks of what it made, the finish; and what to do
without an engine (a Java PlantUML that passed its canary, else the source as a listing, with the reason).
Refuses to know MQTT. The engine answers a mistake with a picture of green and red text: that picture is
read, never shown. `otakit.diagram`, sessions, lessons and the report call it.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from otakit.diagrams import engine, java, picture
from otakit.diagrams.balance import check_balance
from otakit.diagrams.labels import arrow_of, check_labels, mark, participants
from otakit.diagrams.sheet import Sequence
from otakit.diagrams.source import Line, Page, cleaned, included, joined, pages, statements
from otakit.diagrams.value import Diagram
from otakit.errors import DiagramError, SettingsError

__all__ = ["Diagram", "check_labels", "diagram", "mark", "names", "render", "source_of", "with_includes"]

_ERROR_VERSION = "PlantUML version"  # how the engine's pictures of a mistake begin, and the colour they begin in
_ERROR_COLOUR = "#33FF02"
_ERROR_LINE = re.compile(r"\[From .*\(line (\d+)\)")
_SILENT = re.compile(r"%(getenv|load_json)\s*\(|<img:(?!data:)|!\s*includesub\b", re.IGNORECASE)
ARTICLE = Path(__file__).parent / "article"  # where a wheel has them; a working tree has them at its top


def diagram(what: str | Sequence) -> Diagram:
    """A diagram of the article by its name, any PlantUML text, or the sequence of what happened, drawn.

    Example:
        >>> diagram("request-firmware-chunks").title
        'Request firmware chunks'

    Raises:
        SettingsError: no diagram has this name.
        DiagramError: the text is no diagram; names the line.
    """
    return render(source_of(what) if isinstance(what, str) else what.source)


def source_of(name_or_text: str) -> str:
    """The text of a diagram of the article by its name; any other text as it is."""
    text = name_or_text.strip()
    if "\n" in text or not re.fullmatch(r"[\w-]+(\.puml)?", text):
        return name_or_text
    name = text.removesuffix(".puml")
    if name not in names():
        raise SettingsError(f"no diagram is called {name!r}; there are {', '.join(names())}")
    return (_article() / f"{name}.puml").read_text(encoding="utf-8")


def names() -> list[str]:
    """Names of the article's diagrams."""
    return sorted(path.stem for path in _article().glob("*.puml"))


def _article() -> Path:
    tree = Path(__file__).resolve().parents[3] / "diagrams"
    return ARTICLE if ARTICLE.is_dir() or not tree.is_dir() else tree


def render(source: str, root: Path | None = None) -> Diagram:
    """Draw PlantUML text.

    Args:
        source: with or without ``@startuml``; several diagrams or a ``newpage`` come under each other.
        root: folder below which ``!include`` may read; None refuses every include.

    Raises:
        DiagramError: a mistake in the text, with its line; or a limit.
    """
    return _render(source, root) if root is not None else _render_cached(source)


@functools.lru_cache(maxsize=64)
def _render_cached(source: str) -> Diagram:
    return _render(source, None)


def _render(source: str, root: Path | None) -> Diagram:
    lines, warnings = cleaned(source)
    lines = joined(with_includes(lines, root))
    if found := next((line for line in lines if _SILENT.search(line.text)), None):
        warnings.append(f"line {found.number}: nothing outside the text is read, so this part stays empty")
    drawn = [_draw(page, _prefix(source, number), warnings) for number, page in enumerate(pages(lines))]
    svg = picture.stacked([svg for svg, _ in drawn])
    makers = {maker for _, maker in drawn}
    title = next((text for page in pages(lines) if (text := _title(page))), "") or _kind_word(lines, svg)
    description = "\n".join(text for page in pages(lines) if (text := _description(page)))
    maker = makers.pop() if len(makers) == 1 else "listing"
    return Diagram(
        source, picture.finished(svg, title, description), title, tuple(dict.fromkeys(warnings)), description, maker
    )


def with_includes(lines: list[Line], root: Path | None) -> list[Line]:
    """The lines with included files in place of ``!include``.

    Args:
        lines: of a source.
        root: folder below which files may be read; None refuses every include.

    Raises:
        DiagramError: an include that is not allowed, not found, or of itself; with the line.
    """
    return included(lines, None if root is None else _reader(root))


def _prefix(source: str, page: int) -> str:
    """Ids of one diagram never meet those of another on one page, and are the same in every run."""
    return f"d{hashlib.sha256(source.encode(errors='replace')).hexdigest()[:8]}{page}-"


def _draw(page: Page, prefix: str, warnings: list[str]) -> tuple[str, str]:
    """One picture and what drew it: ``engine``, ``java`` or ``listing``."""
    try:
        answer = engine.answer(page.text, prefix)
    except engine.EngineGaveUp as error:
        raise page.lines[0].error(str(error)) from error
    except engine.EngineUnavailable as error:
        return _draw_without_engine(page, str(error), warnings)
    _check_answer(page, answer)
    check_balance(page, _kind(answer.svg))
    _check_kind(page, answer.svg)
    warnings += [f"the engine advises: {text}" for text in answer.banners]
    warnings += [f"not available offline: {name}" for name in answer.asked]
    return answer.svg, "engine"


def _check_answer(page: Page, answer: engine.Answer) -> None:
    """Refuses what is no picture of the source, and finds the line."""
    if answer.failure is not None or not answer.svg:
        if "emoji.js" in answer.asked:
            at = next((line for line in page.lines if re.search(r"<:\w+:>", line.text)), page.lines[0])
            raise at.error("emoji by name, such as <:smile:>, are not in the engine; write the character itself")
        if "call stack" in (answer.failure or ""):
            raise page.lines[0].error("nested too deeply; make it flatter, or look for a macro that calls itself")
        raise page.lines[0].error(f"the engine cannot draw this ({answer.failure or 'no reason given'})")
    colour, first = answer.texts[0] if answer.texts else ("", "")
    if colour == _ERROR_COLOUR and first.startswith(_ERROR_VERSION):
        found = next((match for _, text in answer.texts[:3] if (match := _ERROR_LINE.match(text))), None)
        number = int(found[1]) if found else 1
        reason = re.sub(r"\s*\(Assumed diagram type: (\w+)\)", r" (read as a \1 diagram)", answer.texts[-1][1].strip())
        line = page.lines[min(max(number, 1), len(page.lines)) - 1]
        raise line.error(f"{reason or 'not understood'}: `{line.text.strip()[:80]}`")
    said = " ".join(text for _, text in answer.texts[:4])
    if "not supported" in said.lower() and any("plantuml.com" in text for _, text in answer.texts):
        raise page.lines[0].error(f"`{page.lines[0].text.strip()[:40]}`: the engine does not support this diagram")


def _kind(svg: str) -> str:
    """What the engine took the text for, seen from what it drew."""
    if re.search(r'class="(entity|cluster|start_entity|end_entity|link)"', svg):
        return "entity"
    return "sequence" if re.search(r"<g><title>", svg) else "activity"


def _check_kind(page: Page, svg: str) -> None:
    """A single foreign line turns a whole sequence into another kind of diagram."""
    declared = [line for line in statements(page.lines) if re.match(r"participant\s", line.text.strip())]
    if declared and _kind(svg) != "sequence":
        raise declared[0].error("this declares a participant, but the text as a whole was read as no sequence diagram")


def _draw_without_engine(page: Page, reason: str, warnings: list[str]) -> tuple[str, str]:
    try:
        svg = java.draw(page.text)
    except java.Mistake as error:
        at = page.lines[min(max(error.line, 1), len(page.lines)) - 1]
        raise at.error(f"{error}: `{at.text.strip()[:80]}`") from error
    except LookupError as error:
        warnings.append(f"not drawn: {reason}; {error}")
        return picture.listing(page.text, reason), "listing"
    warnings.append(f"drawn by PlantUML on Java: {reason}")
    return svg, "java"


def _reader(root: Path) -> Callable[[str], list[Line]]:
    """Reads files below `root` for ``!include``, links resolved first."""
    top = root.resolve()

    def read(name: str) -> list[Line]:
        path = (top / name).resolve()
        if not path.is_relative_to(top):
            raise DiagramError(f"`{name[:60]}` lies outside {top.name}/; only files below it are included")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise DiagramError(f"cannot include `{name[:60]}`: {type(error).__name__}") from error
        return [Line(line.number, line.text, path.relative_to(top).as_posix()) for line in cleaned(text)[0]]

    return read


# ---- the diagram in words ------------------------------------------------------------------------------------


def _title(page: Page) -> str:
    lines = iter(page.lines)
    for line in lines:
        found = re.match(r"\s*title\b\s*(.*)", line.text)
        if found is None:
            continue
        if found[1]:
            return _words(found[1])
        block = []
        for inner in lines:
            if re.match(r"\s*end\s*title\b", inner.text):
                break
            block.append(_words(inner.text))
        return " ".join(block)
    return ""


def _words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>|\*\*|__|\"\"", "", text.replace("\\n", " ")).split())


def _kind_word(lines: list[Line], svg: str) -> str:
    if any("[*]" in line.text for line in lines):
        return "State diagram"
    return "Sequence diagram" if _kind(svg) == "sequence" else "Diagram"


def _description(page: Page) -> str:
    """Every message in order, for who cannot see the picture."""
    called = participants(page.lines)
    told = []
    for line in statements(page.lines):
        text = line.text.strip()
        if (arrow := arrow_of(line)) is not None:
            ends = [called.get(name, name) or "…" for name in (arrow.sender, arrow.receiver)]
            told.append(f"{ends[0]} → {ends[1]}: {_words(arrow.label)}")
        elif re.match(r"(alt|else|opt|loop|par|break|critical|group)\b", text):
            told.append(f"[{_words(text)}]")
        elif text.startswith("==") and text.strip("= "):
            told.append(f"— {_words(text.strip('= '))} —")
    return "\n".join(told)
