"""Telemetry and attribute values as ThingsBoard reads them from JSON.

Knows the leniency of its parser (Gson's `JsonReader.setLenient`) and the conversion of text that looks
like a number (`JsonConverter.parseProtoValues`, on by default); refuses to know what the values mean.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

Value = bool | int | float | str | dict[str, object] | list[object]
"""A stored value; objects and arrays are kept as such."""


class FormatError(ValueError):
    """A payload that ThingsBoard refuses to read; the text is for its log."""


class Numeral(str):
    """A number as it was written: ThingsBoard decides by its spelling what it becomes."""

    __slots__ = ()


LONG = range(-(2**63), 2**63)
MAX_DECIMALS = 16
MAX_DEPTH = 200
_STRICT = json.JSONDecoder(parse_int=Numeral, parse_float=Numeral, parse_constant=str)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_PARSABLE = re.compile(r"-?(\d+(\.\d+)?|\.\d+)")
_GAP = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|#[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_BARE = re.compile(r"[^\s{}\[\]:,;=\\/#\"']+")
_ESCAPES = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f"}


def parse(payload: bytes) -> object:
    """A JSON value, numbers as `Numeral`.

    Raises:
        FormatError: nothing that Gson's lenient reader takes.
    """
    text = payload.decode(errors="replace")
    try:
        return _STRICT.decode(text)
    except RecursionError as error:
        raise FormatError("nested too deeply") from error
    except ValueError:
        return _Lenient(text).whole()


class _Lenient:
    """Reads what JSON forbids and Gson takes: bare words, single quotes, ``;``, ``=``, comments."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def whole(self) -> object:
        value = self.value()
        if self.peek():
            raise FormatError(f"something follows the value at character {self.at}")
        return value

    def peek(self) -> str:
        found = _GAP.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def value(self) -> object:
        first = self.peek()
        if first == "{":
            return self.members()
        if first == "[":
            return self.items()
        if first in ('"', "'"):
            return self.quoted()
        word = self.bare()
        plain = {"true": True, "false": False, "null": None}
        if word.lower() in plain:
            return plain[word.lower()]
        return Numeral(word) if _NUMBER.fullmatch(word) else word

    def bare(self) -> str:
        found = _BARE.match(self.text, self.at)
        if found is None:
            raise FormatError(f"a value is expected at character {self.at}")
        self.at = found.end()
        return found[0]

    def quoted(self) -> str:
        quote, self.at = self.text[self.at], self.at + 1
        out: list[str] = []
        while self.at < len(self.text):
            letter = self.text[self.at]
            self.at += 1
            if letter == quote:  # two escapes may be the halves of one character
                return "".join(out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
            out.append(self.escape() if letter == "\\" else letter)
        raise FormatError("a text without its closing quote")

    def escape(self) -> str:
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter != "u":
            return _ESCAPES.get(letter, letter)
        digits = self.text[self.at : self.at + 4]
        self.at += 4
        if not re.fullmatch("[0-9a-fA-F]{4}", digits):
            raise FormatError(f"\\u{digits} is no character")
        return chr(int(digits, 16))

    def enter(self) -> None:
        self.at += 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FormatError("nested too deeply")

    def more(self, end: str) -> bool:
        """Whether another member follows; passes the separator or the end."""
        sign = self.peek()
        self.at += 1
        if sign == end:
            self.depth -= 1
            return False
        if sign not in (",", ";"):
            raise FormatError(f"a separator is expected at character {self.at - 1}")
        return True

    def items(self) -> list[object]:
        self.enter()
        found: list[object] = []
        if self.peek() == "]":
            self.at, self.depth = self.at + 1, self.depth - 1
            return found
        found.append(self.value())
        while self.more("]"):
            found.append(self.value())
        return found

    def members(self) -> dict[str, object]:
        self.enter()
        found: dict[str, object] = {}
        if self.peek() == "}":
            self.at, self.depth = self.at + 1, self.depth - 1
            return found
        self.member(found)
        while self.more("}"):
            self.member(found)
        return found

    def member(self, found: dict[str, object]) -> None:
        name = self.quoted() if self.peek() in ('"', "'") else self.bare()
        if self.peek() not in (":", "="):
            raise FormatError(f"a colon is expected at character {self.at}")
        self.at += 2 if self.text.startswith("=>", self.at) else 1
        found[name] = self.value()


def stored(value: object) -> Value:
    """What becomes of one JSON value: text that reads as a number turns into one."""
    if isinstance(value, Numeral):
        return _number(value)
    if isinstance(value, str):
        return _number(value) if _PARSABLE.fullmatch(value) else value
    if isinstance(value, dict | list):
        return _plain(value)
    if isinstance(value, bool):
        return value
    raise FormatError(f"can't parse value: {value!r}")


def stored_members(body: object) -> dict[str, Value]:
    """The members of an object, ``null`` ones left out.

    Raises:
        FormatError: it is no object.
    """
    if not isinstance(body, Mapping):
        raise FormatError("a JSON object is expected")
    return {key: stored(value) for key, value in body.items() if value is not None}


def _number(text: str) -> Value:
    """Long, double or, beyond both, the text itself (`JsonConverter.buildNumericKeyValueProto`)."""
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent beyond what Decimal holds
        return str(text)
    _sign, digits, exponent = number.as_tuple()
    if not number.is_finite() or not isinstance(exponent, int) or abs(exponent) + len(digits) > 400:
        return str(text)
    if number == number.to_integral_value() and not ("." in text and "e" not in text.lower()):
        return int(number) if int(number) in LONG else format(number, "f")
    return float(number) if -exponent <= MAX_DECIMALS else format(number, "f")


def _plain(value: object) -> dict[str, object] | list[object]:
    """An object or array for storage: its numbers as numbers, nothing else converted."""
    try:
        return json.loads(_dumps(value))  # type: ignore[no-any-return]  # what went in: an object or an array
    except RecursionError as error:
        raise FormatError("nested too deeply") from error


def _dumps(value: object) -> str:
    if isinstance(value, Numeral):
        return str(value) if _NUMBER.fullmatch(value) else json.dumps(str(value))
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_dumps(item) for item in value) + "]"
    return json.dumps(value)


def as_text(value: Value) -> str:
    """As ThingsBoard prints it where types are not strict: Java's spelling of a double, JSON compact."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _java_double(value)
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def _java_double(value: float) -> str:
    """`Double.toString`: plain from 0.001 to 10,000,000, with an exponent outside."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return format(Decimal(repr(value)), "f") if "e" in repr(value) else repr(value)
    mantissa, exponent = f"{Decimal(repr(value)).normalize():E}".split("E")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"
