"""Numbers, texts and lenient JSON, as ThingsBoard stores them (`JsonConverter`, Gson)."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otakit.twin.rules.values import FormatError, as_text, parse, stored, stored_members


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.10", 1.1), ("1.0", 1.0), ("01", 1), ("2024", 2024), (".5", 0.5), ("-5", -5), ("-0.25", -0.25)],
)
def test_text_that_looks_like_a_number_becomes_one(text: str, value: float) -> None:
    found = stored(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "v1.0",
        "1.",
        "+5",
        "1e3",
        "0x10",
        "1.0f",
        "9223372036854775808",
        "0.12345678901234567",
        "",
        "-",
        ".",
        " 1",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert stored(text) == text


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (b"{a:b}", {"a": "b"}),
        (b"{'a':'b'}", {"a": "b"}),
        (b'{"a":1;"b":2}', {"a": 1, "b": 2}),
        (b'{"a"=1}', {"a": 1}),
        (b'{"a"=>1}', {"a": 1}),
        (b"{a:/* why */1 # not\n}", {"a": 1}),
        (b'{"a":null,"b":1}', {"b": 1}),
        (b'{"a":1.0}', {"a": 1.0}),
        (b'{"a":1e3}', {"a": 1000}),
        (b'{"a":TRUE}', {"a": True}),
        (b'{"a":{"b":[1,"1"]}}', {"a": {"b": [1, "1"]}}),
        (b'{"a":NaN}', {"a": "NaN"}),
        (b"{'\\u0041':'\\n'}", {"A": "\n"}),
        (b"{}", {}),
    ],
)
def test_lenient_json_is_read(payload: bytes, value: object) -> None:
    assert stored_members(parse(payload)) == value


@pytest.mark.parametrize(
    "payload",
    [b"", b"word", b"5", b'{"a":1}{', b"{a:1,}", b"{a}", b"[1,]", b"{'a", b"{a:1", b"[" * 5000, b"{\"a\":'\\u00zz'}"],
)
def test_what_gson_refuses_is_refused(payload: bytes) -> None:
    with pytest.raises(FormatError):
        stored_members(parse(payload))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.1, "1.1"),
        (1.0, "1.0"),
        (5, "5"),
        (True, "true"),
        (1e7, "1.0E7"),
        (1.5e-5, "1.5E-5"),
        (123456.0, "123456.0"),
        ({"a": 1}, '{"a":1}'),
    ],
)
def test_values_print_as_java_prints_them(value: object, text: str) -> None:
    assert as_text(value) == text  # type: ignore[arg-type]  # each is a stored value


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fall(payload: bytes) -> None:
    with contextlib.suppress(FormatError):
        parse(payload)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(), st.lists, max_leaves=20
    )
)
def test_strict_json_is_read_whatever_it_holds(value: object) -> None:
    stored_members(parse(json.dumps({"a": value}).encode()))


@given(st.dictionaries(st.text(), st.text(), max_size=5))
def test_lenient_reader_agrees_with_the_strict_one(value: dict[str, str]) -> None:
    """A leading comment forces the lenient one."""
    strict = json.dumps(value).encode()
    assert parse(b"/**/" + strict) == parse(strict)
