"""Pages of lists: search, order, cut.

Refuses to know entities: what of one is searched and how it is shown is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from otakit.twin.rest.answers import Reply
from otakit.twin.rest.bodies import Json
from otakit.twin.rules.store import refused

Entity = TypeVar("Entity")
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

    def of(self, entities: Iterable[Entity], text: Callable[[Entity], str], shown: Callable[[Entity], Json]) -> Reply:
        """The page.

        Args:
            entities: all that the list has.
            text: what of one is searched.
            shown: one as JSON; asked for no more of them than needed.

        Raises:
            ServerRefused: a size, number or order that cannot be.
        """
        self._check()
        search = self.search.lower()
        found = [each for each in entities if search in text(each).lower()] if search else list(entities)
        start, pages = self.size * self.number, -(-len(found) // self.size)
        end = start + self.size
        body = {
            "data": self._sorted(map(shown, found))[start:end] if self.sort else [*map(shown, found[start:end])],
            "totalPages": pages,
            "totalElements": len(found),
            "hasNext": self.number + 1 < pages,
        }
        return Reply(body)

    def _sorted(self, rows: Iterable[Json]) -> list[Json]:
        """What is missing comes last, and first where the order is turned round (PostgreSQL)."""
        is_down = self.order.upper() == "DESC"
        return sorted(rows, key=lambda row: _comparable(row.get(self.sort)), reverse=is_down)

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
