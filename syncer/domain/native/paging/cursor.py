"""Paging style ``cursor``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from syncer.domain.native.cursor import NativeCursor, Position
from syncer.domain.native.jmespath import at, check_expression, led_to
from syncer.domain.native.paging.base import NativePage, follow
from syncer.domain.native.paging.keys import key
from syncer.domain.native.paging.parameter import ParameterStyle


@dataclass(frozen=True, slots=True)
class CursorStyle(ParameterStyle):
    """Each answer has the cursor of the next page at `next`; null, false and an empty text end the list.

    next: JMESPath from the answer.
    """

    style: ClassVar[str] = "cursor"

    next: str = field(kw_only=True, metadata=key(check=check_expression))

    @property
    def position_path(self) -> str:
        return self.next

    def next_cursor(self, here: NativeCursor, page: NativePage) -> NativeCursor | None:
        return follow(here, read_next(self.next, page.data), self.next)


def read_next(path: str, data: Any) -> Position | None:
    """Read the next cursor or address in an answer; None at the end of the list. Raises ValueError."""
    found = at(path, data)
    if found is None or found is False or found == "":
        return None
    if isinstance(found, str) or (isinstance(found, int) and not isinstance(found, bool)):
        return found
    raise ValueError(f"next: {led_to(path, data)}")
