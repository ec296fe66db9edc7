"""A claim that did not hold, in words: what the assertion says, else its source and the values in it.

Knows tracebacks and how an `assert` is written; refuses to know what it is about.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType

LONGEST = 160
READABLE = (ast.Name, ast.Attribute, ast.Subscript, ast.Constant, ast.Load, ast.UnaryOp, ast.USub)
"""What can be looked at again without doing anything again."""


def claim_of(error: BaseException) -> str:
    """The claim in words, on one line."""
    if not isinstance(error, AssertionError):
        return f"{type(error).__name__}: {_line(str(error))}"
    if error.args and str(error):
        return _line(str(error))
    frame, number = _innermost(error.__traceback__)
    if frame is None:
        return "an assertion without words"
    return _line(_source(frame, number))


def _innermost(traceback: TracebackType | None) -> tuple[FrameType | None, int]:
    frame, number = None, 0
    while traceback is not None:
        frame, number, traceback = traceback.tb_frame, traceback.tb_lineno, traceback.tb_next
    return frame, number


def _source(frame: FrameType, number: int) -> str:
    text = "".join(linecache.getlines(frame.f_code.co_filename, frame.f_globals))
    found = _assertion(text, number)
    if found is None:
        return f"line {number} of {frame.f_code.co_name}"
    scope = {**frame.f_globals, **frame.f_locals}
    values = dict.fromkeys(_values(found, scope))
    return "; ".join((f"{ast.unparse(found)} does not hold", *values))


def _assertion(text: str, number: int) -> ast.expr | None:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.lineno <= number <= (node.end_lineno or node.lineno):
            return node.test
    return None


def _values(claim: ast.expr, scope: Mapping[str, object]) -> Iterator[str]:
    """Those parts of a claim that are plain names, with what they are."""
    for node in ast.walk(claim):
        if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            continue
        if not all(isinstance(part, READABLE) for part in ast.walk(node)):
            continue
        try:
            value = eval(compile(ast.Expression(node), "<claim>", "eval"), {}, dict(scope))  # noqa: S307 - our own tests
        except Exception:  # noqa: BLE001, S112 - what cannot be shown is left out
            continue
        if not callable(value) and " object at 0x" not in repr(value):
            yield f"{ast.unparse(node)} is {_line(repr(value))}"


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
