"""Reading the tables of a lab file: each field checked once, each mistake named with its line.

Knows how a mistake is said (``lab.toml:12: device "pump-7": token: …``); refuses to know which tables there
are (`lab`). Mistakes are gathered, so that a file is mended in one go. Pure.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from otakit.errors import SettingsError
from otakit.twin.toml_lines import Path


class LabError(SettingsError):
    """A lab file cannot be meant, or does not fit what is kept.

    Attributes:
        problems: a line for each.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Problems:
    """The mistakes of one file.

    Args:
        name: of the file.
        lines: of its tables and keys.
    """

    def __init__(self, name: str, lines: Mapping[Path, int]) -> None:
        self._name, self._lines = name, lines
        self._found: list[tuple[int, str]] = []

    def line(self, path: Path) -> int:
        """The line of a place, or of what is nearest around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def add(self, path: Path, owner: str, field: str, text: str) -> None:
        """Notes a mistake: whose, in which field, what is wrong and what would do."""
        line = self.line((*path, field) if field else path)
        where = ": ".join(part for part in (f"{self._name}:{line}", owner, field, text) if part)
        self._found.append((line, where))

    def check(self) -> None:
        """Raises what was found.

        Raises:
            LabError: there were mistakes.
        """
        if self._found:
            raise LabError(text for _, text in sorted(self._found, key=lambda each: each[0]))


class Row:
    """One table, read field by field; a field that nobody asked for is a mistake.

    Args:
        body: as `tomllib` gives it.
        path: where it stands.
        kind: what it is called in a mistake.
        problems: where mistakes go.
        known: all fields that it may have.
    """

    def __init__(self, body: object, path: Path, kind: str, problems: Problems, known: Collection[str]) -> None:
        self.path, self._problems = path, problems
        self._body: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
        name = self._body.get("name") or self._body.get("title")
        self.owner = f'{kind} "{name}"' if isinstance(name, str) else kind
        if not isinstance(body, Mapping):
            problems.add(path, kind, "", f"a table is expected, not {shown(body)}")
        for field in self._body:
            if field not in known:
                self.wrong(field, f"there is no such field{close(field, known) or '; there are ' + ', '.join(known)}")

    def __contains__(self, field: str) -> bool:
        """Whether the field is given."""
        return field in self._body

    def wrong(self, field: str, text: str) -> None:
        """Notes a mistake in a field."""
        self._problems.add(self.path, self.owner, field, text)

    def any(self, field: str) -> Any:
        """The value as it is."""
        return self._body.get(field)

    def text(self, field: str, *, most: int = 255) -> str | None:
        """A text that is not empty; None where it is missing or wrong."""
        value = self._body.get(field)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(field, f"a text is expected, in quotes, not {shown(value)}")
            return None
        if not value.strip() or len(value) > most:
            self.wrong(field, f"1 to {most} characters are expected, not {len(value)}" if value else "it is empty")
            return None
        return value

    def needed(self, field: str, example: str) -> str:
        """A text that must be there; empty where it is not."""
        if field not in self._body:
            self._problems.add(self.path, self.owner, "", f"{field} is missing; add {field} = {example}")
        return self.text(field) or ""

    def whole(self, field: str) -> int | None:
        """A whole number above 0."""
        value = self._body.get(field)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            self.wrong(field, f"a whole number above 0 is expected, not {shown(value)}")
            return None
        return value

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._body.get(field, [])
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            self.wrong(field, f'a list of names is expected, such as ["pump-7"], not {shown(value)}')
            return ()
        return tuple(value)

    def chosen(self, field: str, choices: Collection[str], default: str) -> str:
        """One of several words."""
        value = self._body.get(field, default)
        if value not in choices:
            self.wrong(field, f"{shown(value)} is none of {', '.join(choices)}{close(value, choices)}")
            return default
        return str(value)

    def named(self, field: str, name: str | None, known: Collection[str], what: str, fix: str) -> None:
        """Whether what a field names is there."""
        if name is not None and name not in known:
            there = f"there are {', '.join(sorted(known))}" if known else "there are none"
            self.wrong(field, f'there is no {what} "{name}"{close(name, known)}; {there}; {fix}')


def close(word: object, known: Iterable[str]) -> str:
    """A hint at what may have been meant."""
    near = difflib.get_close_matches(str(word), list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def shown(value: object) -> str:
    """A value as a mistake shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
