"""What changed since it was last looked at: dicts that note their own changes in a ledger.

Knows rows by name, such as ``("device", id)``; refuses to know where they are kept. A store that nobody
observes has plain dicts and pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

V = TypeVar("V")
Row = tuple[str | int, ...]
"""A table and the key within it."""


class Changes:
    """The ledger: rows in the order of their last making, each once; what they hold is read when they are kept.

    Attributes:
        rows: whether each was made or deleted since the last look (True), or only written (False).
    """

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: dict[Row, bool] = {}

    def written(self, row: Row) -> None:
        """A row has another value, in its old place."""
        self.rows.setdefault(row, False)

    def moved(self, row: Row) -> None:
        """A row was made or deleted: should it be there, its place is behind all others."""
        self.rows.pop(row, None)
        self.rows[row] = True


class Noted(dict[str, V]):
    """A dict that notes each change.

    Args:
        content: what it holds already; not noted.
        changes: the ledger.
        table: the beginning of its rows' names.
        adopt: called with each key and value that is set, and with those of `content`.
    """

    __slots__ = ("_adopt", "_changes", "_table")

    def __init__(
        self, content: Mapping[str, V], changes: Changes, *table: str, adopt: Callable[[str, V], None] | None = None
    ) -> None:
        super().__init__(content)
        self._changes, self._table, self._adopt = changes, table, adopt
        if adopt is not None:
            for key, value in content.items():
                adopt(key, value)

    def __setitem__(self, key: str, value: V) -> None:
        """Sets a value."""
        note = self._changes.written if key in self else self._changes.moved
        note((*self._table, key))
        if self._adopt is not None:
            self._adopt(key, value)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        """Deletes a key that is there."""
        super().__delitem__(key)
        self._changes.moved((*self._table, key))

    def pop(self, key: str, *default: Any) -> Any:
        """Deletes a key and returns its value."""
        if key in self:
            self._changes.moved((*self._table, key))
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, V]:
        """Deletes the last key."""
        key, value = super().popitem()
        self._changes.moved((*self._table, key))
        return key, value

    def clear(self) -> None:
        """Deletes all keys."""
        for key in list(self):
            del self[key]

    def setdefault(self, key: str, default: V) -> V:
        """The value of a key, set where it is missing."""
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, other: Mapping[str, V] | Iterable[tuple[str, V]] = (), /, **more: V) -> None:  # type: ignore[override]  # one signature for all of dict's
        """Sets several values."""
        for key, value in {**dict(other), **more}.items():
            self[key] = value

    def __ior__(self, other: Mapping[str, V] | Iterable[tuple[str, V]]) -> Noted[V]:  # type: ignore[override,misc]  # likewise
        """Sets several values."""
        self.update(other)
        return self
