"""Paging styles ``offset`` and ``page``, whose positions are counted.

Their records tell whether the list moves: a tool that does not know the parameter answers with its first page
for ever.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, ClassVar

from syncer.domain.native.cursor import NativeCursor
from syncer.domain.native.jmespath import at, check_expression, led_to
from syncer.domain.native.paging.base import NativePage
from syncer.domain.native.paging.keys import key
from syncer.domain.native.paging.parameter import ParameterStyle
from syncer.domain.records.values import integer


@dataclass(frozen=True, slots=True)
class CountedStyle(ParameterStyle):
    """Paging style whose positions are counted.

    first: position of the first page. size: records of a full page, where a shorter one is the last. total:
    JMESPath from the answer to the number of all records or of all pages.
    """

    #: ``first`` where the configuration does not say.
    usual_first: ClassVar[int]

    first: int | None = field(default=None, kw_only=True, metadata=key(least=0))
    size: int | None = field(default=None, kw_only=True, metadata=key(least=1))
    total: str | None = field(default=None, kw_only=True, metadata=key(check=check_expression))

    @abstractmethod
    def step(self, page: NativePage) -> int:
        """Return the distance to the next position."""

    def first_position(self) -> int:
        return self.usual_first if self.first is None else self.first

    def next_cursor(self, here: NativeCursor, page: NativePage) -> NativeCursor | None:
        records = page.records
        if not records:
            self._check_end(here, page)
            return None
        digest = blake2b(b"\n".join(records), digest_size=16).hexdigest()
        position = here.at if isinstance(here.at, int) else self.first_position()
        if digest == here.digest:
            raise ValueError(f"page: {self.param} {position} has the same records as the page before")
        following = position + self.step(page)
        if self.total is not None:
            # Before a short page: a tool may give fewer at once than it was asked for.
            is_last = following - self.first_position() >= _total(self.total, page.data)
        else:
            is_last = self.size is not None and len(records) < self.size
        return None if is_last else NativeCursor(here.row, following, digest)

    def _check_end(self, here: NativeCursor, page: NativePage) -> None:
        """Check that an empty page is not before the end. Raises ValueError."""
        total = None if self.total is None else _number(self.total, page.data)
        position = here.at if isinstance(here.at, int) else self.first_position()
        passed = position + self.step(page) - self.first_position()
        if total is not None and total > passed:
            raise ValueError(f"total: there are {total:,}, and the list ended after {passed:,}")


@dataclass(frozen=True, slots=True)
class OffsetStyle(CountedStyle):
    """Positions count records from `first`, which is 0 unless given."""

    style: ClassVar[str] = "offset"
    usual_first: ClassVar[int] = 0

    def step(self, page: NativePage) -> int:
        return len(page.records)


@dataclass(frozen=True, slots=True)
class PageNumberStyle(CountedStyle):
    """Positions count pages from `first`, which is 1 unless given."""

    style: ClassVar[str] = "page"
    usual_first: ClassVar[int] = 1

    def step(self, page: NativePage) -> int:
        return 1


def _total(path: str, data: Any) -> int:
    total = _number(path, data)
    if total is None or total < 1:
        raise ValueError(f"total: {led_to(path, data)}, and a number above 0 was expected")
    return total


def _number(path: str, data: Any) -> int | None:
    found = at(path, data)
    try:
        return integer(int(found) if isinstance(found, str) and found.isdecimal() else found)
    except ValueError:
        return None
