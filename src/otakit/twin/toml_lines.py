"""Where in a TOML text each table and each key stands: `tomllib` gives values without lines.

Reads only what `tomllib` has read already, so it need not refuse anything: a small walk over the text that
tells strings, comments, arrays and tables apart. Pure; `lab` asks it where a mistake is.
"""

from __future__ import annotations

import tomllib

Path = tuple[str | int, ...]
"""A place in the values, such as ``("device", 0, "token")``."""


def toml_lines(text: str) -> dict[Path, int]:
    """The line, from 1, of each table's header and each key; an array's elements have theirs too."""
    return _Walk(text.replace("\r\n", "\n")).walk()


class _Walk:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self._lines: dict[Path, int] = {}
        self._tables: dict[Path, int] = {}  # how many [[tables]] there are of each name

    def walk(self) -> dict[Path, int]:
        """All of them."""
        here: Path = ()
        self._blank()
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                here = self._header("]]", is_one_of_many=True)
            elif self._text[self._at] == "[":
                here = self._header("]", is_one_of_many=False)
            else:
                self._pair(here)
            self._blank()
        return self._lines

    def _header(self, end: str, *, is_one_of_many: bool) -> Path:
        line = self._line()
        self._at += len(end)
        names = self._key()
        self._at += len(end)
        path = self._resolved(names[:-1]) + names[-1:]
        if is_one_of_many:
            number = self._tables.get(path, 0)
            self._tables[path] = number + 1
            self._lines.setdefault(path, line)
            path += (number,)
        else:
            path = self._resolved(names)
        self._note(path, line)
        return path

    def _resolved(self, names: Path) -> Path:
        """A header's name goes through the last table of each array on its way."""
        path: Path = ()
        for name in names:
            path += (name,)
            if path in self._tables:
                path += (self._tables[path] - 1,)
        return path

    def _pair(self, here: Path) -> None:
        line, names = self._line(), self._key()
        self._at += 1  # the equals sign
        self._note(here + names, line)
        self._value(here + names)

    def _note(self, path: Path, line: int) -> None:
        """The tables of a dotted key stand where they were named first."""
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)

    def _key(self) -> Path:
        """The names of a dotted key; ends behind the blanks that follow."""
        names: list[str] = []
        while True:
            self._spaces()
            start = self._at
            if self._text[start] in "\"'":
                self._string()
            else:
                while self._text[self._at] not in " \t.=]":
                    self._at += 1
            name = self._text[start : self._at]
            names.append(next(iter(tomllib.loads(f"{name} = 0"))))
            self._spaces()
            if self._text[self._at] != ".":
                return tuple(names)
            self._at += 1

    def _value(self, path: Path) -> None:
        self._spaces()
        mark = self._text[self._at]
        if mark in "\"'":
            self._string()
        elif mark == "[":
            self._array(path)
        elif mark == "{":
            self._inline_table(path)
        else:
            while self._at < len(self._text) and self._text[self._at] not in ",]}#\n":
                self._at += 1

    def _array(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._next_element():
            self._lines.setdefault((*path, number), self._line())
            self._value((*path, number))
            number += 1
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while self._next_element():
            self._pair(path)
        self._at += 1

    def _next_element(self) -> bool:
        """Whether another one follows; skips blanks, commas and comments before it."""
        self._blank()
        while self._text[self._at] == ",":
            self._at += 1
            self._blank()
        return self._text[self._at] not in "]}"

    def _string(self) -> None:
        quote = self._text[self._at]
        whole = quote * 3
        if not self._text.startswith(whole, self._at):
            whole = quote
        self._at += len(whole)
        while not self._text.startswith(whole, self._at):
            self._at += 2 if quote == '"' and self._text[self._at] == "\\" else 1
        self._at += len(whole)
        # a long string may end in one or two quotes of its own
        while len(whole) == 3 and self._text.startswith(quote, self._at):
            self._at += 1

    def _spaces(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in " \t":
            self._at += 1

    def _blank(self) -> None:
        """Spaces, ends of lines and comments."""
        while self._at < len(self._text) and self._text[self._at] in " \t\n#":
            if self._text[self._at] == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            else:
                self._at += 1

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1
