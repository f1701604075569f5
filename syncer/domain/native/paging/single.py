"""Paging style ``none``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from syncer.domain.native.call import Call
from syncer.domain.native.cursor import NativeCursor, Position
from syncer.domain.native.paging.base import NativePage, PagingStyle


@dataclass(frozen=True, slots=True)
class SinglePageStyle(PagingStyle):
    """One request brings the whole list."""

    style: ClassVar[str] = "none"

    def apply(self, call: Call, position: Position | None) -> Call:
        return call

    def next_cursor(self, here: NativeCursor, page: NativePage) -> NativeCursor | None:
        return None


SINGLE_PAGE = SinglePageStyle()
