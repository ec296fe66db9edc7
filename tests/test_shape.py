"""The architecture holds: floors, neighbours, purity, no cycles, true `__all__`, opening docstrings, length."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((SOURCE / "otakit").rglob("*.py"))
}

FLOORS = {
    "otakit": 0,
    "otakit.errors": 0,
    "otakit.protocol": 1,
    "otakit.settings": 1,
    "otakit.columns": 2,
    "otakit.captured": 2,
    "otakit.exchange": 2,
    **dict.fromkeys(("otakit.explain", "otakit.reasons", "otakit.meanings"), 2),
    **dict.fromkeys(("otakit.faults", "otakit.sieve", "otakit.way", "otakit.link"), 2),
    "otakit.client": 3,
    "otakit.twin": 3,
    "otakit.thingsboard": 3,
    "otakit.record": 3,
    "otakit.analyse": 3,
    "otakit.diagrams": 3,
    "otakit.servers": 4.1,
    "otakit.report_rows": 4.11,
    "otakit.report": 4.12,
    "otakit.session": 4.15,
    "otakit.run": 4.2,
    "otakit.record.proxy": 4.4,
    "otakit.dataset": 4.5,
    "otakit.trial": 4.6,
    "otakit.printed": 5,
    "otakit.device_files": 5,
    "otakit.demo": 5.5,
    "otakit.lesson": 5,
    "otakit.conformance": 5.2,
    "otakit.article": 5.3,
    "otakit.notebook": 5,
    "otakit.sphinxext": 5,
    "otakit.doctor": 5,
    "otakit.cli_diagrams": 6,
    "otakit.cli": 6.1,
    "otakit.__main__": 7,
}
"""Floor of each module, or of all modules of a package; imports point down, or inside one's own package."""

PURE = {
    "otakit.errors",
    "otakit.protocol",
    *(name for name, number in FLOORS.items() if number == 2),
    "otakit.client",
    "otakit.twin",
    "otakit.analyse.timing",
    "otakit.analyse.diagnose",
    *(f"otakit.diagrams.{name}" for name in ("source", "balance", "labels", "sheet", "fold", "writing")),
    "otakit.diagrams.sequence",
    "otakit.diagrams.follow",
    *(f"otakit.trial.{name}" for name in ("world", "memory", "path", "wire", "together")),
    "otakit.run.history",
    *(f"otakit.article.{name}" for name in ("cut", "tables", "worked", "page")),
    *(f"otakit.conformance.{name}" for name in ("transcript", "neutral", "tokens", "said", "lines", "calls")),
    *(f"otakit.conformance.{name}" for name in ("orders", "compare", "judging", "asked")),
}
"""Modules, and packages with all their modules, that know no socket, file, clock or chance of their own."""

EDGES = {
    "otakit.link",
    "otakit.way",
    "otakit.client.disk",
    "otakit.client.driver",
    "otakit.client.web",
    "otakit.twin.__main__",
    *(f"otakit.twin.{name}" for name in ("server", "serving", "wire", "listening", "tls", "furnishing")),
    *(f"otakit.twin.{name}" for name in ("keeping", "authority", "certificates")),
    "otakit.twin.page.feed",
    "otakit.twin.page.routes",
    "otakit.twin.rest",
}
"""Within these the world is touched, and nothing decided."""

WORLD = {"socket", "ssl", "asyncio", "threading", "selectors", "time", "random", "secrets", "os", "shutil"}
WORLD |= {"subprocess", "tempfile", "paho", "httpx", "urllib"}
WORLDLY_CALLS = {"open", "print", "input", "hash"}
LONGEST = 320


def floor(module: str) -> float | None:
    """The floor of a module: its own, or that of the nearest package that has one."""
    name = module
    while name not in FLOORS and "." in name:
        name = name.rpartition(".")[0]
    return FLOORS[name] if name != "otakit" or module == "otakit" else None


def is_pure(module: str) -> bool:
    """Whether a module, or a package around it, is declared pure."""

    def is_in(names: set[str]) -> bool:
        return any(module == name or module.startswith(f"{name}.") for name in names)

    return is_in(PURE) and not is_in(EDGES)


def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from runtime_nodes(child)


def imports(module: str) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a module imports, wherever in it: late imports point down too."""
    for node in runtime_nodes(tree(module)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno}: relative import; write the full name"
            for alias in node.names:
                within = f"{node.module}.{alias.name}"
                yield node.lineno, within if within in MODULES else str(node.module)


def ours(module: str) -> Iterator[tuple[int, str]]:
    """The imports of a module that are modules of otakit."""
    return ((line, name) for line, name in imports(module) if name in MODULES)


def home(module: str) -> str:
    """The package on floor 3 or above that a module belongs to: what counts as one's own."""
    return ".".join(module.split(".")[:2])


def for_each(modules: Iterable[str]) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """Asks something of each module; one test a package, since a test a module would be two thousand."""

    def decorate(ask: Callable[[str], None]) -> Callable[[str], None]:
        @pytest.mark.parametrize("package", sorted({home(module) for module in modules}))
        def test(package: str) -> None:
            for module in modules:
                if home(module) == package:
                    ask(module)

        test.__doc__ = ask.__doc__
        return test

    return decorate


EACH = for_each(MODULES)
EACH_PURE = for_each([name for name in MODULES if is_pure(name)])


@EACH
def test_module_has_a_floor(module: str) -> None:
    """A new module is given its place in the table above before it is used."""
    assert floor(module) is not None, f"{module} is in no floor of tests/test_shape.py"


@EACH
def test_module_imports_only_from_below_or_from_its_own_package(module: str) -> None:
    """Imports point down; modules of one floor are neighbours and do not know each other."""
    mine = floor(module) or 0
    wrong = []
    for line, name in ours(module):
        theirs = floor(name) or 0
        # floors 0 to 2 are one country each, kept in order by the test for circles
        neighbour = theirs == mine and mine >= 3 and home(name) != home(module)
        if theirs > mine or neighbour:
            wrong.append(f"{module}:{line} (floor {mine}) imports {name} (floor {theirs})")
    assert not wrong


@EACH_PURE
def test_pure_module_does_not_touch_the_world(module: str) -> None:
    """No socket, file, clock, chance, and no identity of an object: all of it comes in as an argument."""
    touched = [f"{module}:{line} imports {name}" for line, name in imports(module) if name.split(".")[0] in WORLD]
    called = [
        f"{module}:{node.lineno} calls {node.func.id}()"
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in WORLDLY_CALLS
    ]
    assert not touched + called


@EACH_PURE
def test_pure_module_stands_on_pure_modules(module: str) -> None:
    """What a pure module imports of otakit is pure too."""
    assert not [f"{module}:{line}: {name}" for line, name in ours(module) if name != "otakit" and not is_pure(name)]


def test_no_module_imports_itself_in_a_circle() -> None:
    """The graph of imports has an order; graphlib names the circle if there is one."""
    TopologicalSorter({module: {name for _, name in ours(module)} - {module, "otakit"} for module in MODULES}).prepare()


@EACH
def test_module_opens_with_what_it_knows(module: str) -> None:
    """A docstring whose first line is a sentence; packages that only gather names need just that."""
    text = ast.get_docstring(tree(module)) or ""
    assert text, f"{module} has no opening docstring"
    assert text.splitlines()[0].endswith((".", "…")), (
        f"{module}: the first line is not a sentence: {text.splitlines()[0]}"
    )


@EACH
def test_module_can_be_read_in_ten_minutes(module: str) -> None:
    """A file that outgrows this holds two ideas."""
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= LONGEST


@EACH
def test_all_names_what_is_there(module: str) -> None:
    """Each name of `__all__` exists, once."""
    names = getattr(importlib.import_module(module), "__all__", [])
    assert len(names) == len(set(names))
    for name in names:
        assert hasattr(importlib.import_module(module), name), f"{module}.__all__ names {name}, which is not there"


def test_package_shows_at_most_twenty_names() -> None:
    """The face of the package fits into a head."""
    import otakit  # noqa: PLC0415 - not before the test that measures what it loads

    assert 10 <= len(otakit.__all__) <= 20
    assert set(otakit.__all__) <= set(dir(otakit))


def test_lazy_names_and_their_types_come_from_the_same_modules() -> None:
    """What an editor sees under TYPE_CHECKING is what the table loads at run time."""
    import otakit  # noqa: PLC0415 - as above

    typed = {
        alias.asname or alias.name: str(node.module).removeprefix("otakit.")
        for node in ast.walk(tree("otakit"))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("otakit")
        for alias in node.names
    }
    assert typed == otakit._HOMES


def test_import_loads_nothing_but_the_standard_library() -> None:
    """`import otakit` is cheap: no third-party module, and none of its own but itself."""
    ask = "import sys; before = set(sys.modules); import otakit; print(*sorted(set(sys.modules) - before))"
    said = subprocess.run([sys.executable, "-I", "-c", ask], capture_output=True, text=True, check=True)
    loaded = said.stdout.split()
    assert [name for name in loaded if name.startswith("otakit")] == ["otakit"]
    assert not [name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names | {"otakit"}]
