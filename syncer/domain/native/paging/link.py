"""Paging style ``link``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from syncer.domain.native.call import Call
from syncer.domain.native.cursor import NativeCursor, Position
from syncer.domain.native.jmespath import check_expression
from syncer.domain.native.links import next_in_header, path_of
from syncer.domain.native.paging.base import NativePage, PagingStyle, follow
from syncer.domain.native.paging.cursor import read_next
from syncer.domain.native.paging.keys import key


@dataclass(frozen=True, slots=True)
class LinkStyle(PagingStyle):
    """Each answer has the address of the next page: in its header Link, or in its body at `next`.

    next: JMESPath from the answer.
    """

    style: ClassVar[str] = "link"

    next: str | None = field(default=None, kw_only=True, metadata=key(check=check_expression))

    @property
    def position_path(self) -> str | None:
        return self.next

    def apply(self, call: Call, position: Position | None) -> Call:
        # The parameters are in the link.
        return call if position is None else replace(call, path=str(position), params={})

    def next_cursor(self, here: NativeCursor, page: NativePage) -> NativeCursor | None:
        if self.next is None:
            return follow(here, _path(next_in_header(page.headers), page), "the header Link")
        return follow(here, _path(read_next(self.next, page.data), page), self.next)


def _path(link: Position | None, page: NativePage) -> str | None:
    """Return the path of the next call; None where there is no link. Raises ValueError."""
    if link is None:
        return None
    if not isinstance(link, str):
        raise ValueError("next: an address is text, and this is a number")
    try:
        path = path_of(link, page.call, page.url)
    except ValueError as error:
        raise ValueError(f"next: the link {error}") from None
    if not path.isprintable():
        raise ValueError("next: the link holds a control character")
    return path
