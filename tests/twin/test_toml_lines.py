"""Every table and key of a TOML text is found on its line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.twin.toml_lines import Path, toml_lines

NAMES = st.sampled_from(["name", "a-b", '"with blank"', "'lit # eral'", "x1", '"esc\\"aped"'])
VALUES = st.sampled_from([
    "1", "true", "0x1F", "1979-05-27 07:32:00", '"text"', "'raw \\'", '"# no comment"', '"]"', '"\\\\"', '""',
    '"""\nlong [a]\n = x """', "'''\n[[no table]]\nkey = 1'''", '""" two "" quotes"""""', '"""a\\"""" """',
    "[1, 2]", "[\n  1, # one\n  [ 2 ],\n]", '[ "a,b", { c = 1 } ]', "{ q = 1, r.s = [3], t = {} }", "[]", "inf",
])  # fmt: skip
NOISE = st.sampled_from(["", "\n", "# = [x]\n", "  \n\t# 'open\n"])
HEADS = st.sampled_from(
    ["[[device]]", "[settings]", "[device.mqtt]", "[[device.many]]", "[ 'odd name' . x ]", "[[a.b]]"]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """TOML of any shape; some of it is none, which `tomllib` says."""
    parts = []
    for _ in range(draw(st.integers(0, 8))):
        parts.append(draw(NOISE))
        if draw(st.booleans()):
            parts.append(draw(HEADS) + draw(st.sampled_from(["\n", " # [x]\n"])))
        else:
            key = ".".join(draw(st.lists(NAMES, min_size=1, max_size=2)))
            parts.append(
                f"{draw(st.sampled_from(['', '  ']))}{key} = {draw(VALUES)}{draw(st.sampled_from(['', ' # =']))}\n"
            )
    return "".join(parts)


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place of the values."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        yield (*path, name), inner
        yield from places(inner, (*path, name))


@given(texts())
def test_every_key_has_a_line_that_names_it(text: str) -> None:
    """Whatever stands around it: strings over several lines, comments, dotted keys, tables in tables."""
    try:
        body = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines, rows = toml_lines(text), text.split("\n")
    assert set(lines) == {path for path, _ in places(body)}
    for path, line in lines.items():
        name = str(path[-1]).replace('"', '\\"') if isinstance(path[-1], str) else ""
        assert name in rows[line - 1]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_are_counted_as_an_editor_does(end: str) -> None:
    """Also in a file from Windows."""
    text = end.join(
        ["# first", "[[device]]", 'name = "a"', "", "[[device]]", 'name = "b"', "token = '''x", "y'''", "z = 1"]
    )
    lines = toml_lines(text)
    assert (lines["device", 0], lines["device", 0, "name"]) == (2, 3)
    assert (lines["device", 1], lines["device", 1, "token"], lines["device", 1, "z"]) == (5, 7, 9)


def test_elements_of_an_array_have_their_own_lines() -> None:
    """A wrong name among many is pointed at."""
    lines = toml_lines('assign_to = [\n  "a",\n  "b",\n]\n')
    assert [lines["assign_to", number] for number in range(2)] == [2, 3]


def test_table_within_one_of_many_belongs_to_the_last() -> None:
    """So does an array within it."""
    text = (
        "[[device]]\n[device.mqtt]\na = 1\n[[device]]\n[device.mqtt]\na = 2\n[[device.many]]\n[[device.many]]\nb = 1\n"
    )
    lines = toml_lines(text)
    assert (lines["device", 0, "mqtt", "a"], lines["device", 1, "mqtt", "a"]) == (3, 6)
    assert (lines["device", 1, "many", 0], lines["device", 1, "many", 1, "b"]) == (7, 9)
