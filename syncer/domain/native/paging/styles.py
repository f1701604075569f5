"""Table of the paging styles: another one is a class of its own and an entry here."""

from __future__ import annotations

from syncer.domain.native.paging.base import PagingStyle
from syncer.domain.native.paging.counted import OffsetStyle, PageNumberStyle
from syncer.domain.native.paging.cursor import CursorStyle
from syncer.domain.native.paging.link import LinkStyle
from syncer.domain.native.paging.single import SinglePageStyle

#: Style in the configuration -> its class, in the order in which messages name them.
STYLES: dict[str, type[PagingStyle]] = {
    each.style: each for each in (SinglePageStyle, CursorStyle, OffsetStyle, PageNumberStyle, LinkStyle)
}
