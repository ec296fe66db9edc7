"""Pages of lists: search, order, cut.

Refuses to know entities: a row is the text that is searched and the JSON that is given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from otakit.twin.rest.answers import Reply
from otakit.twin.rest.bodies import Json
from otakit.twin.rules.store import refused

DIRECTIONS = ("ASC", "DESC")


@dataclass(frozen=True)
class Page:
    """Which page of a list is asked for, in which order.

    Attributes:
        sortable: members that rows may be ordered by.
    """

    size: int
    number: int
    search: str = ""
    sort: str = ""
    order: str = ""
    sortable: tuple[str, ...] = ()

    def of(self, rows: Iterable[tuple[str, Json]]) -> Reply:
        """The page of rows, each with the text that is searched.

        Raises:
            ServerRefused: a size, number or order that cannot be.
        """
        self._check()
        found = [row for text, row in rows if self.search.lower() in text.lower()]
        if self.sort:  # what is missing comes last, and first where the order is turned round (PostgreSQL)
            found.sort(key=lambda row: _comparable(row.get(self.sort)), reverse=self.order.upper() == "DESC")
        start, pages = self.size * self.number, -(-len(found) // self.size)
        body = {
            "data": found[start : start + self.size],
            "totalPages": pages,
            "totalElements": len(found),
            "hasNext": self.number + 1 < pages,
        }
        return Reply(body)

    def _check(self) -> None:
        if self.sort and self.order and self.order.upper() not in DIRECTIONS:
            raise refused(f"Unsupported sort order '{self.order}'! Only 'ASC' or 'DESC' types are allowed.")
        if self.size < 1:
            raise refused(f"Incorrect page link page size '{self.size}'. Page size must be greater than zero.")
        if self.number < 0:
            raise refused(f"Incorrect page link page '{self.number}'. Page must be positive integer.")
        if self.sort and self.sort not in self.sortable:
            names = "', '".join(self.sortable)
            raise refused(f"Unsupported sort property '{self.sort}'. Only '{names}' are allowed.")


def _comparable(value: object) -> tuple[bool, float, str]:
    if isinstance(value, int | float):
        return False, value, ""
    return value is None, 0, "" if value is None else str(value)
